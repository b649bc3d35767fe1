// SPDX-License-Identifier: Apache-2.0
#include "int8_block.h"

FERRY_BODY size_t ferry_int8_encode_stochastic_body(
    const float *restrict x, size_t n, size_t block, uint64_t seed, uint8_t *restrict out) {
  uint64_t number = 0;
  for (size_t start = 0; start < n; start += block, number++) {
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
      uint64_t key = splitmix64(seed ^ splitmix64(number));
      uint32_t key_low = (uint32_t)key, key_high = (uint32_t)(key >> 32);
      float inverse = 1.0f / step;
      for (size_t i = 0; i < count; i++) {
        float scaled = values[i] * inverse;
        int32_t below = (int32_t)scaled;
        below -= (float)below > scaled;
        // Up with probability `fraction`, to 2^-24. Compared as integers: a fraction under 2^-24
        // counts as 0, which is what a CPU that flushes subnormals makes of it.
        int32_t fraction = (int32_t)((scaled - (float)below) * 0x1p24f);
        int32_t code = below + ((int32_t)random24((uint32_t)i, key_low, key_high) < fraction);
        // The largest value may come out as 127.00001 steps.
        code = code > 127 ? 127 : code;
        code = code < -127 ? -127 : code;
        out[i] = (uint8_t)code;
      }
    }
    out += count;
  }
  return n;
}

FERRY_KERNEL(
    size_t, ferry_int8_encode_stochastic,
    (const float *x, size_t n, size_t block, uint64_t seed, uint8_t *out),
    (x, n, block, seed, out))
