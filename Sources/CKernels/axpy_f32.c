// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

FERRY_BODY void ferry_axpy_f32_body(
    float scale, const float *restrict x, float *restrict y, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] += scale * x[i];
}

FERRY_KERNEL(
    void, ferry_axpy_f32, (float scale, const float *x, float *y, size_t n), (scale, x, y, n))
