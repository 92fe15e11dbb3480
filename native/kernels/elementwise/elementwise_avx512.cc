#include "simd/avx512.h"
#include "kernels/elementwise/elementwise.inl"
