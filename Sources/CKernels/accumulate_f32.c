// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

FERRY_BODY void ferry_accumulate_f32_body(
    const float *restrict x, float *restrict y, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] += x[i];
}

FERRY_KERNEL(void, ferry_accumulate_f32, (const float *x, float *y, size_t n), (x, y, n))
