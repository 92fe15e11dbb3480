#include "simd/neon.h"
#include "kernels/sort/sort.inl"
