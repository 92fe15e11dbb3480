#include "simd/avx2.h"
#include "kernels/resize/resize.inl"
