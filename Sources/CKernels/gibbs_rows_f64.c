// SPDX-License-Identifier: Apache-2.0
#include "gibbs.h"

FERRY_BODY void ferry_gibbs_row_f64_body(
    const double *restrict c, const double *restrict g, double f, double rate,
    double *restrict out, size_t n) {
  for (size_t j = 0; j < n; j++) out[j] = gibbs_exp((f + (g[j] - c[j])) * rate);
}

FERRY_KERNEL(
    void, ferry_gibbs_row_f64,
    (const double *c, const double *g, double f, double rate, double *out, size_t n),
    (c, g, f, rate, out, n))

FERRY_BODY double ferry_gibbs_sum_f64_body(
    const double *restrict w, const double *restrict c, const double *restrict g, double f,
    double rate, size_t n) {
  double lanes[FERRY_LANES] = {0};
  size_t j = 0;
  for (; j + FERRY_LANES <= n; j += FERRY_LANES) {
    for (size_t l = 0; l < FERRY_LANES; l++)
      lanes[l] += w[j + l] * gibbs_exp((f + (g[j + l] - c[j + l])) * rate);
  }
  double rest = 0;
  for (; j < n; j++) rest += w[j] * gibbs_exp((f + (g[j] - c[j])) * rate);
  return lanes_sum(lanes) + rest;
}

FERRY_KERNEL(
    double, ferry_gibbs_sum_f64,
    (const double *w, const double *c, const double *g, double f, double rate, size_t n),
    (w, c, g, f, rate, n))

FERRY_BODY void ferry_gibbs_add_f64_body(
    double w, const double *restrict c, const double *restrict g, double f, double rate,
    double *restrict sums, size_t n) {
  for (size_t j = 0; j < n; j++) sums[j] += w * gibbs_exp((f + (g[j] - c[j])) * rate);
}

FERRY_KERNEL(
    void, ferry_gibbs_add_f64,
    (double w, const double *c, const double *g, double f, double rate, double *sums, size_t n),
    (w, c, g, f, rate, sums, n))
