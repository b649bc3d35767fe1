// SPDX-License-Identifier: Apache-2.0
#include "gibbs.h"

// Squares are summed in the order of the coordinates, as in distance_row_f64.c: the same bits.
#define SQUARES_BODY(name, element, exponential)                                                \
  FERRY_BODY void name##_body(                                                                 \
      const double *restrict x, const double *restrict y, size_t dimensions, size_t stride,    \
      const double *restrict g, double f, double rate, element *restrict out, size_t n) {      \
    switch (dimensions) {                                                                      \
      case 1:                                                                                  \
        for (size_t j = 0; j < n; j++) {                                                       \
          double p = x[0] - y[j];                                                              \
          out[j] = exponential((f + (g[j] - p * p)) * rate);                                   \
        }                                                                                      \
        break;                                                                                 \
      case 2:                                                                                  \
        for (size_t j = 0; j < n; j++) {                                                       \
          double p = x[0] - y[j], q = x[1] - y[stride + j];                                    \
          out[j] = exponential((f + (g[j] - (p * p + q * q))) * rate);                         \
        }                                                                                      \
        break;                                                                                 \
      default:                                                                                 \
        for (size_t j = 0; j < n; j++) {                                                       \
          double p = x[0] - y[j], q = x[1] - y[stride + j], r = x[2] - y[2 * stride + j];      \
          out[j] = exponential((f + (g[j] - ((p * p + q * q) + r * r))) * rate);               \
        }                                                                                      \
        break;                                                                                 \
    }                                                                                          \
  }

SQUARES_BODY(ferry_gibbs_squares_f32, float, gibbs_expf)

FERRY_KERNEL(
    void, ferry_gibbs_squares_f32,
    (const double *x, const double *y, size_t dimensions, size_t stride, const double *g, double f,
     double rate, float *out, size_t n),
    (x, y, dimensions, stride, g, f, rate, out, n))

SQUARES_BODY(ferry_gibbs_squares_f64, double, gibbs_exp)

FERRY_KERNEL(
    void, ferry_gibbs_squares_f64,
    (const double *x, const double *y, size_t dimensions, size_t stride, const double *g, double f,
     double rate, double *out, size_t n),
    (x, y, dimensions, stride, g, f, rate, out, n))
