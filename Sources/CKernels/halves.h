// SPDX-License-Identifier: Apache-2.0
//
// Floats and their 16-bit kin, by their bits.
#ifndef FERRY_HALVES_H
#define FERRY_HALVES_H
#include "kernel.h"

FERRY_BODY uint32_t f32_of_bf16(uint32_t half) { return half << 16; }

FERRY_BODY uint16_t bf16_of_f32(uint32_t bits) {
  uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  // The payload of a NaN may sit in the lower half alone: setting the quiet bit keeps it a NaN.
  uint32_t quiet = (bits >> 16) | 0x40u;
  int is_nan = (bits & FERRY_MAGNITUDE_BITS) > FERRY_INFINITY_BITS;
  return (uint16_t)(is_nan ? quiet : rounded);
}

FERRY_BODY uint32_t f32_of_f16(uint32_t half) {
  uint32_t sign = (half & 0x8000u) << 16;
  uint32_t magnitude = half & 0x7fffu;
  uint32_t shifted = magnitude << 13;
  uint32_t normal = shifted + (112u << 23);
  // 2^-14 + m 2^-24, minus 2^-14: exact, and never a float's subnormal.
  uint32_t subnormal = bits_of(float_of(0x38800000u + shifted) - 0x1p-14f);
  uint32_t quiet = magnitude > 0x7c00u ? 0x400000u : 0u;
  uint32_t special = (shifted + (224u << 23)) | quiet;
  uint32_t value = magnitude < 0x400u ? subnormal : normal;
  return sign | (magnitude >= 0x7c00u ? special : value);
}

// Three ranges, all computed and one selected, so that a loop over it has no branch.
FERRY_BODY uint16_t f16_of_f32(uint32_t bits) {
  uint32_t sign = (bits >> 16) & 0x8000u;
  uint32_t magnitude = bits & FERRY_MAGNITUDE_BITS;
  // From 2^-14 up: move the exponent's bias from 127 to 15 and round off 13 bits; a carry out of
  // the significand raises the exponent, up to infinity.
  uint32_t normal = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  // Below: 0.5 + x has units of 2^-24, which are the half's subnormal units.
  uint32_t subnormal = bits_of(float_of(magnitude) + 0.5f) - 0x3f000000u;
  uint32_t special =
      magnitude > FERRY_INFINITY_BITS ? 0x7e00u | ((magnitude >> 13) & 0x3ffu) : 0x7c00u;
  uint32_t half = magnitude < 0x38800000u ? subnormal : normal;
  return (uint16_t)(sign | (magnitude >= 0x47800000u ? special : half));
}
#endif
