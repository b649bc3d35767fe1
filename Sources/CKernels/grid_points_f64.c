// SPDX-License-Identifier: Apache-2.0
//
// Points between the nodes of a grid: values are brought onto it and read off it by polynomials of
// degree 11 an axis, so that a smooth kernel between points becomes one between nodes.
#include "gibbs.h"

#define NODES FERRY_GRID_NODES

typedef double lanes4 __attribute__((vector_size(32)));

// Rows of four become columns of four.
FERRY_BODY void turned(const lanes4 *x, lanes4 *y) {
  lanes4 a = __builtin_shufflevector(x[0], x[1], 0, 4, 2, 6);
  lanes4 b = __builtin_shufflevector(x[0], x[1], 1, 5, 3, 7);
  lanes4 c = __builtin_shufflevector(x[2], x[3], 0, 4, 2, 6);
  lanes4 d = __builtin_shufflevector(x[2], x[3], 1, 5, 3, 7);
  y[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
  y[1] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
  y[2] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
  y[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

// Lagrange's polynomials of the nodes -5 to 6 at four s in [0, 1]: w[4 q + r] holds those of the nodes
// from 4 q - 5 on at s[r].
FERRY_BODY void lagrange(const double *s, lanes4 *restrict w) {
  // 1 / prod over b != a of (a - b)
  static const double scale[NODES] = {
      -2.505210838544172e-08, 2.755731922398589e-07, -1.3778659611992944e-06, 4.1335978835978835e-06,
      -8.267195767195767e-06, 1.1574074074074073e-05, -1.1574074074074073e-05, 8.267195767195767e-06,
      -4.1335978835978835e-06, 1.3778659611992944e-06, -2.755731922398589e-07, 2.505210838544172e-08};
  lanes4 x, before[NODES], after = {1, 1, 1, 1};
  memcpy(&x, s, sizeof x);
  before[0] = after;
#pragma clang loop unroll(full)
  for (int a = 1; a < NODES; a++) before[a] = before[a - 1] * (x - (double)(a - 6));
#pragma clang loop unroll(full)
  for (int a = NODES - 1; a >= 0; a--) {
    before[a] = before[a] * after * scale[a];
    after *= x - (double)(a - 5);
  }
#pragma clang loop unroll(full)
  for (int q = 0; q < NODES / 4; q++) turned(before + 4 * q, w + 4 * q);
}

FERRY_BODY void ferry_grid_place_f64_body(
    const double *restrict x, size_t x_stride, double low, double rate, size_t cells,
    size_t node_stride, double *restrict weights, size_t weights_stride, int32_t *restrict starts,
    size_t n) {
  for (size_t i = 0; i < n; i += 4) {
    size_t count = n - i < 4 ? n - i : 4;
    double s[4] = {0};
    lanes4 w[NODES];
    for (size_t r = 0; r < count; r++) {
      double t = (x[(i + r) * x_stride] - low) * rate;
      size_t cell = t > 0 ? (size_t)t : 0;
      if (cell >= cells) cell = cells - 1;
      s[r] = t - (double)cell;
      starts[i + r] += (int32_t)(cell * node_stride);
    }
    lagrange(s, w);
    for (size_t r = 0; r < count; r++)
      for (size_t q = 0; q < NODES / 4; q++)
        memcpy(weights + (i + r) * weights_stride + 4 * q, w + 4 * q + r, sizeof w[0]);
  }
}

FERRY_KERNEL(
    void, ferry_grid_place_f64,
    (const double *x, size_t x_stride, double low, double rate, size_t cells, size_t node_stride,
     double *weights, size_t weights_stride, int32_t *starts, size_t n),
    (x, x_stride, low, rate, cells, node_stride, weights, weights_stride, starts, n))

FERRY_BODY void spread_row(double *restrict row, const lanes4 *w, double s) {
  for (int q = 0; q < NODES / 4; q++) {
    lanes4 x;
    memcpy(&x, row + 4 * q, sizeof x);
    x += s * w[q];
    memcpy(row + 4 * q, &x, sizeof x);
  }
}

FERRY_BODY void ferry_grid_spread_f64_body(
    const double *restrict weights, const int32_t *restrict starts, const double *restrict values,
    size_t dimensions, size_t outer, size_t inner, double *restrict grid, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const double *w = weights + i * dimensions * NODES;
    double *from = grid + starts[i];
    lanes4 last[NODES / 4];
    memcpy(last, w + (dimensions - 1) * NODES, sizeof last);
    if (dimensions == 1) {
      spread_row(from, last, values[i]);
    } else if (dimensions == 2) {
      for (size_t a = 0; a < NODES; a++) spread_row(from + a * inner, last, values[i] * w[a]);
    } else {
      for (size_t a = 0; a < NODES; a++) {
        double s = values[i] * w[a];
        for (size_t b = 0; b < NODES; b++)
          spread_row(from + a * outer + b * inner, last, s * w[NODES + b]);
      }
    }
  }
}

FERRY_KERNEL(
    void, ferry_grid_spread_f64,
    (const double *weights, const int32_t *starts, const double *values, size_t dimensions,
     size_t outer, size_t inner, double *grid, size_t n),
    (weights, starts, values, dimensions, outer, inner, grid, n))

FERRY_BODY void gather_row(const double *restrict row, lanes4 *sums, double s) {
  for (int q = 0; q < NODES / 4; q++) {
    lanes4 x;
    memcpy(&x, row + 4 * q, sizeof x);
    sums[q] += s * x;
  }
}

FERRY_BODY void ferry_grid_gather_f64_body(
    const double *restrict weights, const int32_t *restrict starts, const double *restrict grid,
    size_t dimensions, size_t outer, size_t inner, double *restrict out, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const double *w = weights + i * dimensions * NODES;
    const double *from = grid + starts[i];
    lanes4 last[NODES / 4], sums[NODES / 4];
    memcpy(last, w + (dimensions - 1) * NODES, sizeof last);
    memset(sums, 0, sizeof sums);
    if (dimensions == 1) {
      gather_row(from, sums, 1);
    } else if (dimensions == 2) {
      for (size_t a = 0; a < NODES; a++) gather_row(from + a * inner, sums, w[a]);
    } else {
      for (size_t a = 0; a < NODES; a++)
        for (size_t b = 0; b < NODES; b++)
          gather_row(from + a * outer + b * inner, sums, w[a] * w[NODES + b]);
    }
    lanes4 total = (sums[0] * last[0] + sums[1] * last[1]) + sums[2] * last[2];
    out[i] = (total[0] + total[2]) + (total[1] + total[3]);
  }
}

FERRY_KERNEL(
    void, ferry_grid_gather_f64,
    (const double *weights, const int32_t *starts, const double *grid, size_t dimensions,
     size_t outer, size_t inner, double *out, size_t n),
    (weights, starts, grid, dimensions, outer, inner, out, n))
