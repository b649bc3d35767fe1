// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

FERRY_BODY void ferry_accumulate_f32_body(
    const unsigned char *restrict x, unsigned char *restrict y, size_t n) {
  for (size_t i = 0; i < n; i++) {
    store32(y, i, bits_of(float_of(load32(y, i)) + float_of(load32(x, i))));
  }
}

FERRY_KERNEL(void, ferry_accumulate_f32, (const void *x, void *y, size_t n), (x, y, n))
