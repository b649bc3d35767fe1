// SPDX-License-Identifier: Apache-2.0
#include "int8_block.h"

// What came over a link may hold any step and the code -128, which would decode to infinities.
FERRY_BODY size_t ferry_int8_check_body(const uint8_t *restrict in, size_t n, size_t block) {
  for (size_t start = 0; start < n; start += block) {
    size_t count = least(block, n - start);
    uint32_t step;
    memcpy(&step, in, sizeof step);
    in += sizeof step;
    if (step != 0 && (step < INT8_STEP_MIN_BITS || step > INT8_STEP_MAX_BITS)) return start;
    uint8_t lowest_code = 0;
    for (size_t i = 0; i < count; i++) lowest_code |= (uint8_t)-(in[i] == 0x80);
    if (lowest_code) return start;
    in += count;
  }
  return n;
}

FERRY_KERNEL(
    size_t, ferry_int8_check, (const uint8_t *in, size_t n, size_t block), (in, n, block))
