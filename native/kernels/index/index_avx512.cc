#include "simd/avx512.h"
#include "kernels/index/index.inl"
