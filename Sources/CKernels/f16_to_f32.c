// SPDX-License-Identifier: Apache-2.0
#include "halves.h"

FERRY_BODY void ferry_f16_to_f32_body(
    const unsigned char *restrict x, unsigned char *restrict y, size_t n) {
  for (size_t i = 0; i < n; i++) store32(y, i, f32_of_f16(load16(x, i)));
}

FERRY_KERNEL(void, ferry_f16_to_f32, (const void *x, void *y, size_t n), (x, y, n))
