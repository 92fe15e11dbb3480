#include "simd/avx2.h"
#include "kernels/random/random.inl"
