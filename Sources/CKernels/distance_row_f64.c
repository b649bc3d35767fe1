// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

// `y` holds one coordinate of all points after the other. Coordinates are summed in their order.
FERRY_BODY void ferry_distance_row_f64_body(
    int kind, const double *restrict x, const double *restrict y, size_t dimensions,
    double *restrict out, size_t n) {
  for (size_t j = 0; j < n; j++) out[j] = 0;
  for (size_t k = 0; k < dimensions; k++) {
    const double *restrict yk = y + k * n;
    double xk = x[k];
    switch (kind) {
      case FERRY_DISTANCE_SQUARED:
        for (size_t j = 0; j < n; j++) {
          double d = xk - yk[j];
          out[j] += d * d;
        }
        break;
      case FERRY_DISTANCE_ABSOLUTE:
        for (size_t j = 0; j < n; j++) {
          double d = xk - yk[j];
          out[j] += d < 0 ? -d : d;
        }
        break;
      default:
        for (size_t j = 0; j < n; j++) out[j] += xk * yk[j];
        break;
    }
  }
}

FERRY_KERNEL(
    void, ferry_distance_row_f64,
    (int kind, const double *x, const double *y, size_t dimensions, double *out, size_t n),
    (kind, x, y, dimensions, out, n))
