#include "simd/neon.h"
#include "kernels/resize/resize.inl"
