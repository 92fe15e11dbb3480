#include "simd/neon.h"
#include "kernels/gemm/micro_neon.h"
#include "kernels/winograd/winograd.inl"
