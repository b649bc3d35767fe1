// SPDX-License-Identifier: Apache-2.0
#include "int4_block.h"

// Up with probability `fraction`, to 2^-24, as `int8_encode_stochastic` has it.
FERRY_BODY uint32_t stochastic_code(float scaled, uint32_t draw) {
  int32_t below = (int32_t)scaled;
  below -= (float)below > scaled;
  int32_t fraction = (int32_t)((scaled - (float)below) * 0x1p24f);
  int32_t code = below + ((int32_t)draw < fraction);
  // The largest value may come out as 7.000001 steps.
  code = code > 7 ? 7 : code;
  code = code < -7 ? -7 : code;
  return (uint32_t)code & 15u;
}

FERRY_BODY size_t ferry_int4_encode_stochastic_body(
    const float *restrict x, size_t n, size_t block, uint64_t seed, uint8_t *restrict out) {
  uint64_t number = 0;
  for (size_t start = 0; start < n; start += block, number++) {
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
      uint64_t key = splitmix64(seed ^ splitmix64(number));
      uint32_t key_low = (uint32_t)key, key_high = (uint32_t)(key >> 32);
      float inverse = 1.0f / step;
      for (size_t i = 0; i < pairs; i++) {
        uint32_t low =
            stochastic_code(values[i] * inverse, random24((uint32_t)i, key_low, key_high));
        uint32_t high = stochastic_code(
            values[half + i] * inverse, random24((uint32_t)(half + i), key_low, key_high));
        out[i] = (uint8_t)(low | high << 4);
      }
      if (pairs < half) {
        out[pairs] = (uint8_t)stochastic_code(
            values[pairs] * inverse, random24((uint32_t)pairs, key_low, key_high));
      }
    }
    out += half;
  }
  return n;
}

FERRY_KERNEL(
    size_t, ferry_int4_encode_stochastic,
    (const float *x, size_t n, size_t block, uint64_t seed, uint8_t *out),
    (x, n, block, seed, out))
