#include "simd/avx512.h"
#include "kernels/resize/resize.inl"
