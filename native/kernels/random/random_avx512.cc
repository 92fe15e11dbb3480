#include "simd/avx512.h"
#include "kernels/random/random.inl"
