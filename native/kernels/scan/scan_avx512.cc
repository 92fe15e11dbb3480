#include "simd/avx512.h"
#include "kernels/scan/scan.inl"
