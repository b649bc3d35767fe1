// SPDX-License-Identifier: Apache-2.0
//
// Eight floats at a time, and the run-time choice of instructions for them.
//
// A kernel is one always-inline function of these vectors. `run<kernel>(…)` calls the copy of it
// compiled for AVX2 and FMA where the CPU has both, else the copy for the baseline (SSE2, or NEON
// on arm64, two registers for one vector). The two may differ in the last bit, as FMA rounds once.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstring>

// Vectors are passed by value between functions that are always inlined, so there is no ABI to
// change.
#pragma clang diagnostic ignored "-Wpsabi"

#define FMLX_INLINE static inline __attribute__((always_inline))
/// For lambdas inside kernels: their code must land in the function compiled for the wide target.
#define FMLX_INLINED __attribute__((always_inline))

namespace fmlx {

typedef float v8 __attribute__((vector_size(32), aligned(4)));
typedef int v8i __attribute__((vector_size(32), aligned(4)));

void use_generic_kernels(bool generic);
/// Whether AVX2 and FMA are there and not switched off.
bool wide_kernels();

#if defined(__x86_64__)
template <auto kernel, class... Arguments>
__attribute__((target("avx2,fma"), noinline)) void run_wide(Arguments... arguments) {
  kernel(arguments...);
}
#endif
template <auto kernel, class... Arguments>
__attribute__((noinline)) void run_generic(Arguments... arguments) {
  kernel(arguments...);
}

template <auto kernel, class... Arguments>
inline void run(Arguments... arguments) {
#if defined(__x86_64__)
  if (wide_kernels()) return run_wide<kernel>(arguments...);
#endif
  run_generic<kernel>(arguments...);
}

FMLX_INLINE v8 all(float x) { return v8{x, x, x, x, x, x, x, x}; }
FMLX_INLINE v8 load(const float* p) {
  v8 v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
FMLX_INLINE void store(float* p, v8 v) { std::memcpy(p, &v, sizeof v); }

/// The first `count` of eight floats; the rest is `filler`.
FMLX_INLINE v8 load_some(const float* p, int count, float filler = 0) {
  v8 v = all(filler);
  std::memcpy(&v, p, sizeof(float) * count);
  return v;
}
FMLX_INLINE void store_some(float* p, v8 v, int count) {
  std::memcpy(p, &v, sizeof(float) * count);
}

/// Calls `whole(i)` for each full vector of 0 ..< count, then `rest(i, n)` for the last n < 8, if
/// any.
template <class Whole, class Rest>
FMLX_INLINE void each(int count, Whole whole, Rest rest) {
  int i = 0;
  for (; i + 8 <= count; i += 8) whole(i);
  if (i < count) rest(i, count - i);
}

// NaN goes through both: a comparison with NaN is false, and the first argument is what is kept.
FMLX_INLINE v8 at_least(v8 x, v8 low) { return x < low ? low : x; }
FMLX_INLINE v8 at_most(v8 x, v8 high) { return x > high ? high : x; }

// Always in this order: pairs four apart, then pairs two apart, then the last two.
FMLX_INLINE float sum(v8 v) {
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}
FMLX_INLINE float largest(v8 v) {
  float m = v[0];
  for (int i = 1; i < 8; i++) m = v[i] > m ? v[i] : m;
  return m;
}
FMLX_INLINE v8 square_root(v8 v) { return __builtin_elementwise_sqrt(v); }

/// e^x with a relative error below 2e-7 for -87.3 ≤ x ≤ 88; clamped outside, NaN stays NaN.
FMLX_INLINE v8 exponential(v8 x) {
  v8 y = at_most(at_least(x, all(-87.3f)), all(88.0f));
  // Adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low bits.
  v8 shifted = y * 1.44269504f + 12582912.0f;
  v8i exponent = (v8i)shifted - (v8i)all(12582912.0f);
  v8 k = shifted - 12582912.0f;
  // ln 2 in two parts, the first with few enough bits for an exact product.
  v8 r = y - k * 0.693145752f;
  r = r - k * 1.42860677e-6f;
  v8 p = all(1.0f / 720);
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  v8 result = (v8)((v8i)p + (exponent << 23));
  return x == x ? result : x;
}

FMLX_INLINE v8 logistic(v8 x) { return 1.0f / (1.0f + exponential(-x)); }

}  // namespace fmlx
