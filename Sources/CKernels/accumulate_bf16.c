// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

FERRY_BODY void ferry_accumulate_bf16_body(
    const unsigned char *restrict x, unsigned char *restrict y, size_t n) {
  for (size_t i = 0; i < n; i++) {
    float value = float_of((uint32_t)load16(x, i) << 16);
    store32(y, i, bits_of(float_of(load32(y, i)) + value));
  }
}

FERRY_KERNEL(void, ferry_accumulate_bf16, (const void *x, void *y, size_t n), (x, y, n))
