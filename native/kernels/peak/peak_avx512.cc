#include "simd/avx512.h"
#include "kernels/peak/peak.inl"
