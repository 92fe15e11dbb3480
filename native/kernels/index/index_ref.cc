#include "simd/ref.h"
#include "kernels/index/index.inl"
