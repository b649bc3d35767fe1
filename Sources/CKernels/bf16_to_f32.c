// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

FERRY_BODY void ferry_bf16_to_f32_body(
    const uint16_t *restrict x, float *restrict y, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] = float_of((uint32_t)x[i] << 16);
}

FERRY_KERNEL(void, ferry_bf16_to_f32, (const uint16_t *x, float *y, size_t n), (x, y, n))
