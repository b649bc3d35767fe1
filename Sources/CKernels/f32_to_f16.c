// SPDX-License-Identifier: Apache-2.0
#include "halves.h"

FERRY_BODY void ferry_f32_to_f16_body(
    const unsigned char *restrict x, unsigned char *restrict y, size_t n) {
  for (size_t i = 0; i < n; i++) store16(y, i, f16_of_f32(load32(x, i)));
}

FERRY_KERNEL(void, ferry_f32_to_f16, (const void *x, void *y, size_t n), (x, y, n))
