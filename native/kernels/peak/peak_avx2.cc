#include "simd/avx2.h"
#include "kernels/peak/peak.inl"
