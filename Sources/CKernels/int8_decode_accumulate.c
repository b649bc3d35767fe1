// SPDX-License-Identifier: Apache-2.0
#include "int8_block.h"

FERRY_BODY void ferry_int8_decode_accumulate_body(
    const uint8_t *restrict in, size_t n, size_t block, float *restrict y) {
  for (size_t start = 0; start < n; start += block) {
    size_t count = least(block, n - start);
    float step;
    memcpy(&step, in, sizeof step);
    in += sizeof step;
    for (size_t i = 0; i < count; i++) y[start + i] += (float)(int8_t)in[i] * step;
    in += count;
  }
}

FERRY_KERNEL(
    void, ferry_int8_decode_accumulate, (const uint8_t *in, size_t n, size_t block, float *y),
    (in, n, block, y))
