#include "simd/avx2.h"
#include "kernels/elementwise/elementwise.inl"
