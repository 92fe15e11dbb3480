#include "simd/ref.h"
#include "kernels/reduce/reduce.inl"
