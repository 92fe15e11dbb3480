#include "simd/avx2.h"
#include "kernels/index/index.inl"
