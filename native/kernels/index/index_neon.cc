#include "simd/neon.h"
#include "kernels/index/index.inl"
