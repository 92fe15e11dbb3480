#include "simd/neon.h"
#include "kernels/peak/peak.inl"
