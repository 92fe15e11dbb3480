#include "simd/neon.h"
#include "kernels/gemm/micro_generic.h"
#include "kernels/conv/conv.inl"
