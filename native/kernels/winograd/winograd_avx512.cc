#include "simd/avx512.h"
#include "kernels/gemm/micro_avx512.h"
#include "kernels/winograd/winograd.inl"
