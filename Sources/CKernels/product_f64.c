// SPDX-License-Identifier: Apache-2.0
#include "ckernels_problems.h"
#include "kernel.h"

// Two rows and eight columns of sums stay in registers.
FERRY_BODY void ferry_product_f64_body(
    const double *restrict a, const double *restrict b, double *restrict out, size_t n, size_t k,
    size_t m) {
  size_t i = 0;
  for (; i + 2 <= n; i += 2) {
    const double *a0 = a + i * k, *a1 = a0 + k;
    size_t j = 0;
    for (; j + 16 <= m; j += 16) {
      double s0[16] = {0}, s1[16] = {0};
      for (size_t t = 0; t < k; t++) {
        double x0 = a0[t], x1 = a1[t];
        const double *row = b + t * m + j;
        for (int l = 0; l < 16; l++) s0[l] += x0 * row[l];
        for (int l = 0; l < 16; l++) s1[l] += x1 * row[l];
      }
      memcpy(out + i * m + j, s0, sizeof s0);
      memcpy(out + (i + 1) * m + j, s1, sizeof s1);
    }
    for (; j < m; j++) {
      double s0 = 0, s1 = 0;
      for (size_t t = 0; t < k; t++) {
        s0 += a0[t] * b[t * m + j];
        s1 += a1[t] * b[t * m + j];
      }
      out[i * m + j] = s0;
      out[(i + 1) * m + j] = s1;
    }
  }
  for (; i < n; i++) {
    for (size_t j = 0; j < m; j++) out[i * m + j] = 0;
    for (size_t t = 0; t < k; t++) {
      double x = a[i * k + t];
      for (size_t j = 0; j < m; j++) out[i * m + j] += x * b[t * m + j];
    }
  }
}

FERRY_KERNEL(
    void, ferry_product_f64,
    (const double *a, const double *b, double *out, size_t n, size_t k, size_t m),
    (a, b, out, n, k, m))
