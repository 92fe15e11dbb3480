#include "simd/avx2.h"
#include "kernels/check/check.inl"
