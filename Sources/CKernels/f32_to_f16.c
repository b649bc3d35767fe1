// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

// Three ranges, all computed and one selected, so that the loop has no branch.
FERRY_BODY void ferry_f32_to_f16_body(
    const unsigned char *restrict x, unsigned char *restrict y, size_t n) {
  for (size_t i = 0; i < n; i++) {
    uint32_t bits = load32(x, i);
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
    store16(y, i, (uint16_t)(sign | (magnitude >= 0x47800000u ? special : half)));
  }
}

FERRY_KERNEL(void, ferry_f32_to_f16, (const void *x, void *y, size_t n), (x, y, n))
