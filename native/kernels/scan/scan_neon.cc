#include "simd/neon.h"
#include "kernels/scan/scan.inl"
