#include "simd/avx512.h"
#include "kernels/gemm/micro_avx512.h"
#include "kernels/conv/conv.inl"
