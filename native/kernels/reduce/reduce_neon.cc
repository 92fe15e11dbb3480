#include "simd/neon.h"
#include "kernels/reduce/reduce.inl"
