#include "simd/ref.h"
#include "kernels/gemm/micro_generic.h"
#include "kernels/winograd/winograd.inl"
