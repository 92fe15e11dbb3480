#include "simd/avx2.h"
#include "kernels/sort/sort.inl"
