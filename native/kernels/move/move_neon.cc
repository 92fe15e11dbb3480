#include "simd/neon.h"
#include "kernels/move/move.inl"
