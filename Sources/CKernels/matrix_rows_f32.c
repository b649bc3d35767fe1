// SPDX-License-Identifier: Apache-2.0
#define ELEMENT float
#define SUFFIX _f32
#include "matrix_rows.h"

// A whole iteration where all of it lies in the cache: many small problems at once.
FERRY_BODY double ferry_sinkhorn_sweep_f32_body(
    const float *restrict kernel, const double *restrict a, const double *restrict b,
    double *restrict u, double *restrict v, double theta, double *restrict work, size_t n,
    size_t m) {
  double *restrict weights = work, *restrict sums = work + m, *restrict rows = work + 2 * m;
  double error = 0;
  int usable = 1;
  for (size_t j = 0; j < m; j++) {
    weights[j] = v[j] * b[j];
    sums[j] = 0;
  }
  ferry_rows_dot_f32_body(kernel, n, m, weights, rows, m);
  for (size_t i = 0; i < n; i++) {
    double missing = u[i] * rows[i] - 1;
    error += a[i] * (missing < 0 ? -missing : missing);
    usable &= rows[i] >= 1e-25 && rows[i] <= 1e25;
  }
  if (!usable) return 1.0 / 0.0;
  relaxed_scalings(u, rows, theta, rows, n);
  for (size_t i = 0; i < n; i++) {
    u[i] = rows[i];
    rows[i] *= a[i];
  }
  ferry_rows_add_f32_body(kernel, n, m, rows, sums, m);
  for (size_t j = 0; j < m; j++) usable &= sums[j] >= 1e-25 && sums[j] <= 1e25;
  if (!usable) return 1.0 / 0.0;
  if (theta != 1.0) {
    for (size_t j = 0; j < m; j++) {
      double missing = v[j] * sums[j] - 1;
      error += b[j] * (missing < 0 ? -missing : missing);
    }
  }
  relaxed_scalings(v, sums, theta, sums, m);
  for (size_t j = 0; j < m; j++) v[j] = sums[j];
  return error;
}

FERRY_KERNEL(
    double, ferry_sinkhorn_sweep_f32,
    (const float *kernel, const double *a, const double *b, double *u, double *v, double theta,
     double *work, size_t n, size_t m),
    (kernel, a, b, u, v, theta, work, n, m))
