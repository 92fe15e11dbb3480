#include "simd/avx2.h"
#include "kernels/scan/scan.inl"
