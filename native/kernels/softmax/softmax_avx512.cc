#include "simd/avx512.h"
#include "kernels/softmax/softmax.inl"
