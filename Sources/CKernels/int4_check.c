// SPDX-License-Identifier: Apache-2.0
#include "int4_block.h"

// What came over a link may hold any step, the code -8, codes in a block of zeros, or bits after an
// odd block's last code.
FERRY_BODY size_t ferry_int4_check_body(const uint8_t *restrict in, size_t n, size_t block) {
  for (size_t start = 0; start < n; start += block) {
    size_t count = least(block, n - start), half = count - count / 2;
    uint32_t step;
    memcpy(&step, in, sizeof step);
    in += sizeof step;
    if (step != 0 && (step < INT4_STEP_MIN_BITS || step > INT4_STEP_MAX_BITS)) return start;
    uint8_t lowest_code = 0, any = 0;
    for (size_t i = 0; i < half; i++) {
      lowest_code |= (uint8_t)((in[i] & 0x0f) == 0x08) | (uint8_t)((in[i] & 0xf0) == 0x80);
      any |= in[i];
    }
    if (lowest_code || (step == 0 && any)) return start;
    if (count % 2 && in[half - 1] >> 4) return start;
    in += half;
  }
  return n;
}

FERRY_KERNEL(
    size_t, ferry_int4_check, (const uint8_t *in, size_t n, size_t block), (in, n, block))
