#include "simd/neon.h"
#include "kernels/check/check.inl"
