#include "simd/neon.h"
#include "kernels/elementwise/elementwise.inl"
