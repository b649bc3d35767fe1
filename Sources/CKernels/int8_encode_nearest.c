// SPDX-License-Identifier: Apache-2.0
#include "int8_block.h"

FERRY_BODY size_t ferry_int8_encode_nearest_body(
    const float *restrict x, size_t n, size_t block, uint8_t *restrict out) {
  for (size_t start = 0; start < n; start += block) {
    size_t count = least(block, n - start);
    const float *restrict values = x + start;
    uint32_t peak = peak_bits(values, count);
    if (peak >= FERRY_INFINITY_BITS) return start + first_nonfinite_in(values, count);
    float step = step_for(peak);
    memcpy(out, &step, sizeof step);
    out += sizeof step;
    if (step == 0) {
      memset(out, 0, count);
    } else {
      float inverse = 1.0f / step;
      for (size_t i = 0; i < count; i++) {
        // Adding 1.5 * 2^23 leaves the nearest integer (ties to even) in the low bits.
        uint32_t shifted = bits_of(values[i] * inverse + 0x1.8p23f);
        out[i] = (uint8_t)shifted;
      }
    }
    out += count;
  }
  return n;
}

FERRY_KERNEL(
    size_t, ferry_int8_encode_nearest, (const float *x, size_t n, size_t block, uint8_t *out),
    (x, n, block, out))
