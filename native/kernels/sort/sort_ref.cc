#include "simd/ref.h"
#include "kernels/sort/sort.inl"
