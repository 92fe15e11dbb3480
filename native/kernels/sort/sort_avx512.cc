#include "simd/avx512.h"
#include "kernels/sort/sort.inl"
