// SPDX-License-Identifier: Apache-2.0
#include "int4_block.h"

// Adding 1.5 * 2^23 leaves the nearest integer (ties to even) in the low bits.
FERRY_BODY uint32_t nearest_code(float scaled) { return bits_of(scaled + 0x1.8p23f) & 15u; }

FERRY_BODY size_t ferry_int4_encode_nearest_body(
    const float *restrict x, size_t n, size_t block, uint8_t *restrict out) {
  for (size_t start = 0; start < n; start += block) {
    size_t count = least(block, n - start), pairs = count / 2, half = count - pairs;
    const float *restrict values = x + start;
    uint32_t peak = peak_bits(values, count);
    if (peak >= FERRY_INFINITY_BITS) return start + first_nonfinite_in(values, count);
    float step = int4_step_for(peak);
    memcpy(out, &step, sizeof step);
    out += sizeof step;
    if (step == 0) {
      memset(out, 0, half);
    } else {
      float inverse = 1.0f / step;
      for (size_t i = 0; i < pairs; i++) {
        uint32_t low = nearest_code(values[i] * inverse);
        uint32_t high = nearest_code(values[half + i] * inverse);
        out[i] = (uint8_t)(low | high << 4);
      }
      if (pairs < half) out[pairs] = (uint8_t)nearest_code(values[pairs] * inverse);
    }
    out += half;
  }
  return n;
}

FERRY_KERNEL(
    size_t, ferry_int4_encode_nearest, (const float *x, size_t n, size_t block, uint8_t *out),
    (x, n, block, out))
