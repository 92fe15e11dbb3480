#include "simd/ref.h"
#include "kernels/peak/peak.inl"
