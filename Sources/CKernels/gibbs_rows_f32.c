// SPDX-License-Identifier: Apache-2.0
#include "gibbs.h"

FERRY_BODY void ferry_gibbs_row_f32_body(
    const double *restrict c, const double *restrict g, double f, double rate,
    float *restrict out, size_t n) {
  for (size_t j = 0; j < n; j++) out[j] = gibbs_expf((f + (g[j] - c[j])) * rate);
}

FERRY_KERNEL(
    void, ferry_gibbs_row_f32,
    (const double *c, const double *g, double f, double rate, float *out, size_t n),
    (c, g, f, rate, out, n))
