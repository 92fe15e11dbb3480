#include "simd/avx2.h"
#include "kernels/softmax/softmax.inl"
