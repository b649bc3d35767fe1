// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

FERRY_BODY void ferry_scale_f32_body(float scale, float *restrict y, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] *= scale;
}

FERRY_KERNEL(void, ferry_scale_f32, (float scale, float *y, size_t n), (scale, y, n))
