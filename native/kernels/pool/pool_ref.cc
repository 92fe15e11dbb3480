#include "simd/ref.h"
#include "kernels/pool/pool.inl"
