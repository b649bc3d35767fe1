// SPDX-License-Identifier: Apache-2.0
#include "ckernels_problems.h"
#include "gibbs.h"

#define DIFFERENCE_SUM(name, type)                                                             \
  FERRY_BODY double name##_body(                                                               \
      int power, const type *restrict x, const type *restrict y, size_t n) {                   \
    double lanes[FERRY_LANES] = {0};                                                           \
    size_t i = 0;                                                                              \
    if (power == 1) {                                                                          \
      for (; i + FERRY_LANES <= n; i += FERRY_LANES)                                           \
        for (int l = 0; l < FERRY_LANES; l++) {                                                \
          double d = (double)x[i + l] - (double)y[i + l];                                      \
          lanes[l] += d < 0 ? -d : d;                                                          \
        }                                                                                      \
    } else {                                                                                   \
      for (; i + FERRY_LANES <= n; i += FERRY_LANES)                                           \
        for (int l = 0; l < FERRY_LANES; l++) {                                                \
          double d = (double)x[i + l] - (double)y[i + l];                                      \
          lanes[l] += d * d;                                                                   \
        }                                                                                      \
    }                                                                                          \
    for (int l = 0; i < n; i++, l++) {                                                         \
      double d = (double)x[i] - (double)y[i];                                                  \
      lanes[l] += power == 1 ? (d < 0 ? -d : d) : d * d;                                       \
    }                                                                                          \
    return lanes_sum(lanes);                                                                   \
  }                                                                                            \
  FERRY_KERNEL(                                                                                \
      double, name, (int power, const type *x, const type *y, size_t n), (power, x, y, n))

DIFFERENCE_SUM(ferry_difference_sum_f64, double)
DIFFERENCE_SUM(ferry_difference_sum_f32, float)
