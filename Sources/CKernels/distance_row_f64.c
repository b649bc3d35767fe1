// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

// Columns of a block, whose distances stay in the first cache while coordinates are added.
#define BLOCK 512

// `y` holds one coordinate of all points after the other. Coordinates are summed in their order.
FERRY_BODY void ferry_distance_row_f64_body(
    int kind, const double *restrict x, const double *restrict y, size_t dimensions,
    double *restrict out, size_t n) {
  if (kind == FERRY_DISTANCE_SQUARED && dimensions == 2) {
    double x0 = x[0], x1 = x[1];
    const double *restrict y0 = y, *restrict y1 = y + n;
    for (size_t j = 0; j < n; j++) {
      double d0 = x0 - y0[j], d1 = x1 - y1[j];
      out[j] = d0 * d0 + d1 * d1;
    }
    return;
  }
  for (size_t start = 0; start < n; start += BLOCK) {
    size_t count = n - start < BLOCK ? n - start : BLOCK;
    double *restrict part = out + start;
    for (size_t j = 0; j < count; j++) part[j] = 0;
    for (size_t k = 0; k < dimensions; k++) {
      const double *restrict yk = y + k * n + start;
      double xk = x[k];
      switch (kind) {
        case FERRY_DISTANCE_SQUARED:
          for (size_t j = 0; j < count; j++) {
            double d = xk - yk[j];
            part[j] += d * d;
          }
          break;
        case FERRY_DISTANCE_ABSOLUTE:
          for (size_t j = 0; j < count; j++) {
            double d = xk - yk[j];
            part[j] += d < 0 ? -d : d;
          }
          break;
        default:
          for (size_t j = 0; j < count; j++) part[j] += xk * yk[j];
          break;
      }
    }
  }
}

FERRY_KERNEL(
    void, ferry_distance_row_f64,
    (int kind, const double *x, const double *y, size_t dimensions, double *out, size_t n),
    (kind, x, y, dimensions, out, n))
