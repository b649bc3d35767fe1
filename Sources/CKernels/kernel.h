// SPDX-License-Identifier: Apache-2.0
//
// One body, two builds, one choice at run time.
//
// A kernel is written once, as a plain loop in `NAME_body`, and `FERRY_KERNEL` compiles it for the
// baseline CPU and for AVX2. The compiler widens the loop; nothing reorders a sum, and contraction
// to fused multiply-add is off, so both builds round alike. (That is also why the wide build asks
// for AVX2 and not for FMA.) On arm64 NEON is the baseline and there is only one build.
#ifndef FERRY_KERNEL_H
#define FERRY_KERNEL_H
#include "ckernels.h"
#include <string.h>

#pragma STDC FP_CONTRACT OFF

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Ferry's files and messages are little-endian, and so must be the machine."
#endif

#define FERRY_BODY static inline __attribute__((always_inline))

#if defined(__x86_64__)
#define FERRY_WIDE __attribute__((target("avx2")))
#define FERRY_HAS_WIDE __builtin_cpu_supports("avx2")
#define FERRY_KERNEL(type, name, parameters, arguments)                                        \
  type name##_generic parameters { return name##_body arguments; }                             \
  FERRY_WIDE static type name##_wide parameters { return name##_body arguments; }              \
  type name parameters { return FERRY_HAS_WIDE ? name##_wide arguments : name##_generic arguments; }
#else
#define FERRY_HAS_WIDE 0
#define FERRY_KERNEL(type, name, parameters, arguments)                                        \
  type name##_generic parameters { return name##_body arguments; }                             \
  type name parameters { return name##_body arguments; }
#endif

FERRY_BODY uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

FERRY_BODY float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// Elements of any alignment.
FERRY_BODY uint32_t load32(const unsigned char *x, size_t i) {
  uint32_t word;
  memcpy(&word, x + 4 * i, sizeof word);
  return word;
}

FERRY_BODY void store32(unsigned char *y, size_t i, uint32_t word) {
  memcpy(y + 4 * i, &word, sizeof word);
}

FERRY_BODY uint16_t load16(const unsigned char *x, size_t i) {
  uint16_t word;
  memcpy(&word, x + 2 * i, sizeof word);
  return word;
}

FERRY_BODY void store16(unsigned char *y, size_t i, uint16_t word) {
  memcpy(y + 2 * i, &word, sizeof word);
}

#define FERRY_INFINITY_BITS 0x7f800000u
#define FERRY_MAGNITUDE_BITS 0x7fffffffu

// The bits of the largest magnitude; NaN and infinity are above every number. As integers, so
// that a CPU set to flush subnormals gives the same.
FERRY_BODY uint32_t peak_bits(const float *x, size_t n) {
  int32_t peak = 0;
  for (size_t i = 0; i < n; i++) {
    int32_t magnitude = (int32_t)(bits_of(x[i]) & FERRY_MAGNITUDE_BITS);
    peak = magnitude > peak ? magnitude : peak;
  }
  return (uint32_t)peak;
}

FERRY_BODY size_t first_nonfinite_in(const float *x, size_t n) {
  size_t i = 0;
  while (i < n && (bits_of(x[i]) & FERRY_MAGNITUDE_BITS) < FERRY_INFINITY_BITS) i++;
  return i;
}
#endif
