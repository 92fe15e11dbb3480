#include "simd/ref.h"
#include "kernels/check/check.inl"
