#include "simd/ref.h"
#include "kernels/move/move.inl"
