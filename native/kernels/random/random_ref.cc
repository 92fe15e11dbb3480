#include "simd/ref.h"
#include "kernels/random/random.inl"
