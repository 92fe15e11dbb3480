#include "simd/neon.h"
#include "kernels/pool/pool.inl"
