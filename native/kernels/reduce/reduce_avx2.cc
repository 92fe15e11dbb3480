#include "simd/avx2.h"
#include "kernels/reduce/reduce.inl"
