#include "simd/ref.h"
#include "kernels/resize/resize.inl"
