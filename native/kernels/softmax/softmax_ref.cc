#include "simd/ref.h"
#include "kernels/softmax/softmax.inl"
