#include "simd/avx512.h"
#include "kernels/reduce/reduce.inl"
