#include "simd/avx512.h"
#include "kernels/move/move.inl"
