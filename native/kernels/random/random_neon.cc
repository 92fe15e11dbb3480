#include "simd/neon.h"
#include "kernels/random/random.inl"
