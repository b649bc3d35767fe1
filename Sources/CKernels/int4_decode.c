// SPDX-License-Identifier: Apache-2.0
#include "int4_block.h"

FERRY_BODY void ferry_int4_decode_body(
    const uint8_t *restrict in, size_t n, size_t block, float *restrict y) {
  for (size_t start = 0; start < n; start += block) {
    size_t count = least(block, n - start), pairs = count / 2, half = count - pairs;
    float *restrict low = y + start, *restrict high = low + half;
    float step;
    memcpy(&step, in, sizeof step);
    in += sizeof step;
    for (size_t i = 0; i < half; i++) low[i] = int4_low(in[i]) * step;
    for (size_t i = 0; i < pairs; i++) high[i] = int4_high(in[i]) * step;
    in += half;
  }
}

FERRY_KERNEL(
    void, ferry_int4_decode, (const uint8_t *in, size_t n, size_t block, float *y),
    (in, n, block, y))
