#include "simd/ref.h"
#include "kernels/elementwise/elementwise.inl"
