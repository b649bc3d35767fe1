// SPDX-License-Identifier: Apache-2.0
#include "gibbs.h"

FERRY_BODY void ferry_log_f64_body(const double *restrict x, double *restrict out, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = gibbs_log(x[i]);
}

FERRY_KERNEL(void, ferry_log_f64, (const double *x, double *out, size_t n), (x, out, n))

FERRY_BODY void ferry_exp_f64_body(const double *restrict x, double *restrict out, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = gibbs_exp(x[i]);
}

FERRY_KERNEL(void, ferry_exp_f64, (const double *x, double *out, size_t n), (x, out, n))

FERRY_BODY void ferry_relaxed_scalings_f64_body(
    const double *restrict u, const double *restrict sums, double theta, double *restrict out,
    size_t n) {
  relaxed_scalings(u, sums, theta, out, n);
}

FERRY_KERNEL(
    void, ferry_relaxed_scalings_f64,
    (const double *u, const double *sums, double theta, double *out, size_t n),
    (u, sums, theta, out, n))
