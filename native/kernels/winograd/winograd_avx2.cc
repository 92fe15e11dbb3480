#include "simd/avx2.h"
#include "kernels/gemm/micro_avx2.h"
#include "kernels/winograd/winograd.inl"
