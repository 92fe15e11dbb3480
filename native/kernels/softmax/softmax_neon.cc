#include "simd/neon.h"
#include "kernels/softmax/softmax.inl"
