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

FERRY_BODY void ferry_multiply_f64_body(double *restrict x, const double *restrict y, size_t n) {
  for (size_t i = 0; i < n; i++) x[i] *= y[i];
}

FERRY_KERNEL(void, ferry_multiply_f64, (double *x, const double *y, size_t n), (x, y, n))

FERRY_BODY void ferry_sum_dot_f64_body(
    const double *restrict x, const double *restrict y, double *restrict out, size_t n) {
  double sums[FERRY_LANES] = {0}, dots[FERRY_LANES] = {0};
  size_t i = 0;
  for (; i + FERRY_LANES <= n; i += FERRY_LANES)
    for (size_t l = 0; l < FERRY_LANES; l++) {
      sums[l] += x[i + l];
      dots[l] += x[i + l] * y[i + l];
    }
  double sum = 0, dot = 0;
  for (; i < n; i++) {
    sum += x[i];
    dot += x[i] * y[i];
  }
  out[0] = lanes_sum(sums) + sum;
  out[1] = lanes_sum(dots) + dot;
}

FERRY_KERNEL(
    void, ferry_sum_dot_f64, (const double *x, const double *y, double *out, size_t n),
    (x, y, out, n))

FERRY_BODY void ferry_range_f64_body(const double *restrict x, double *restrict out, size_t n) {
  double low[FERRY_LANES], high[FERRY_LANES], sums[FERRY_LANES] = {0};
  for (size_t l = 0; l < FERRY_LANES; l++) {
    low[l] = 1.0 / 0.0;
    high[l] = -1.0 / 0.0;
  }
  size_t i = 0;
  for (; i + FERRY_LANES <= n; i += FERRY_LANES)
    for (size_t l = 0; l < FERRY_LANES; l++) {
      double value = x[i + l];
      low[l] = value < low[l] ? value : low[l];
      high[l] = value > high[l] ? value : high[l];
      sums[l] += value;
    }
  double sum = 0;
  for (; i < n; i++) {
    low[0] = x[i] < low[0] ? x[i] : low[0];
    high[0] = x[i] > high[0] ? x[i] : high[0];
    sum += x[i];
  }
  out[0] = low[0];
  out[1] = high[0];
  for (size_t l = 1; l < FERRY_LANES; l++) {
    out[0] = low[l] < out[0] ? low[l] : out[0];
    out[1] = high[l] > out[1] ? high[l] : out[1];
  }
  out[2] = lanes_sum(sums) + sum;
}

FERRY_KERNEL(void, ferry_range_f64, (const double *x, double *out, size_t n), (x, out, n))
