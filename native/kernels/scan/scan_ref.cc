#include "simd/ref.h"
#include "kernels/scan/scan.inl"
