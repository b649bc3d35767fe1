// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

FERRY_BODY void ferry_f32_to_bf16_body(
    const unsigned char *restrict x, unsigned char *restrict y, size_t n) {
  for (size_t i = 0; i < n; i++) {
    uint32_t bits = load32(x, i);
    uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    // The payload of a NaN may sit in the lower half alone: setting the quiet bit keeps it a NaN.
    uint32_t quiet = (bits >> 16) | 0x40u;
    int is_nan = (bits & FERRY_MAGNITUDE_BITS) > FERRY_INFINITY_BITS;
    store16(y, i, (uint16_t)(is_nan ? quiet : rounded));
  }
}

FERRY_KERNEL(void, ferry_f32_to_bf16, (const void *x, void *y, size_t n), (x, y, n))
