#include "simd/avx512.h"
#include "kernels/check/check.inl"
