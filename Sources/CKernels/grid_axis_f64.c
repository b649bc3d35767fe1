// SPDX-License-Identifier: Apache-2.0
#include "gibbs.h"

#define WIDTH 8
#define DEPTH 4

typedef double lanes4 __attribute__((vector_size(32)));

// Columns j to j + WIDTH of all outputs, DEPTH outputs at a time; `width` of them are there. Sums run
// over the inputs in their order.
FERRY_BODY void axis_tile(
    const double *restrict kernel, size_t reach, const double *restrict in, size_t count,
    size_t inner, size_t j, size_t width, double *restrict out) {
  for (size_t i = 0; i < count; i += DEPTH) {
    size_t depth = count - i < DEPTH ? count - i : DEPTH;
    size_t first = i > reach ? i - reach : 0;
    size_t end = i + depth + reach < count ? i + depth + reach : count;
    double sums[DEPTH][WIDTH];
    if (width == WIDTH && depth == DEPTH) {
      lanes4 s[DEPTH][2];
      memset(s, 0, sizeof s);
      for (size_t k = first; k < end; k++) {
        lanes4 x0, x1;
        memcpy(&x0, in + k * inner + j, sizeof x0);
        memcpy(&x1, in + k * inner + j + 4, sizeof x1);
        // The kernel has DEPTH zeros beyond its reach on both sides.
        const double *g = kernel + (k + reach + DEPTH - i);
        for (int r = 0; r < DEPTH; r++) {
          s[r][0] += g[-r] * x0;
          s[r][1] += g[-r] * x1;
        }
      }
      memcpy(sums, s, sizeof s);
    } else {
      memset(sums, 0, sizeof sums);
      for (size_t k = first; k < end; k++)
        for (size_t r = 0; r < depth; r++)
          for (size_t c = 0; c < width; c++)
            sums[r][c] += kernel[k + reach + DEPTH - i - r] * in[k * inner + j + c];
    }
    for (size_t c = 0; c < width; c++)
      for (size_t r = 0; r < depth; r++) out[(j + c) * count + i + r] = sums[r][c];
  }
}

FERRY_BODY void ferry_grid_axis_f64_body(
    const double *restrict kernel, size_t reach, const double *restrict in, size_t count,
    size_t inner, size_t from, size_t to, double *restrict out) {
  size_t j = from;
  for (; j + WIDTH <= to; j += WIDTH)
    axis_tile(kernel, reach, in, count, inner, j, WIDTH, out);
  if (j < to) axis_tile(kernel, reach, in, count, inner, j, to - j, out);
}

FERRY_KERNEL(
    void, ferry_grid_axis_f64,
    (const double *kernel, size_t reach, const double *in, size_t count, size_t inner, size_t from,
     size_t to, double *out),
    (kernel, reach, in, count, inner, from, to, out))
