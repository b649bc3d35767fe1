// SPDX-License-Identifier: Apache-2.0
#include "gibbs.h"

FERRY_BODY double ferry_dot_f64_body(
    const double *restrict x, const double *restrict y, size_t n) {
  double lanes[FERRY_LANES] = {0};
  size_t i = 0;
  for (; i + FERRY_LANES <= n; i += FERRY_LANES)
    for (size_t l = 0; l < FERRY_LANES; l++) lanes[l] += x[i + l] * y[i + l];
  double rest = 0;
  for (; i < n; i++) rest += x[i] * y[i];
  return lanes_sum(lanes) + rest;
}

FERRY_KERNEL(double, ferry_dot_f64, (const double *x, const double *y, size_t n), (x, y, n))

FERRY_BODY void ferry_axpy_f64_body(
    double scale, const double *restrict x, double *restrict y, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] += scale * x[i];
}

FERRY_KERNEL(
    void, ferry_axpy_f64, (double scale, const double *x, double *y, size_t n), (scale, x, y, n))

FERRY_BODY void ferry_max_difference_into_f64_body(
    double f, const double *restrict c, double *restrict best, size_t n) {
  for (size_t j = 0; j < n; j++) {
    double value = f - c[j];
    best[j] = value > best[j] ? value : best[j];
  }
}

FERRY_KERNEL(
    void, ferry_max_difference_into_f64, (double f, const double *c, double *best, size_t n),
    (f, c, best, n))
