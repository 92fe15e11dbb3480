#include "simd/avx2.h"
#include "kernels/move/move.inl"
