// SPDX-License-Identifier: Apache-2.0
//
// Products with a block of rows of a matrix of ELEMENT, all sums in f64; included once for each
// element. Four rows at a time, so that the vectors beside them are read a quarter as often. Each
// row sums in 8 lanes whose order does not depend on how many rows there are.
#include "gibbs.h"

typedef double lanes4 __attribute__((vector_size(32)));
typedef ELEMENT narrow4 __attribute__((vector_size(4 * sizeof(ELEMENT))));

#define NAMED_(prefix, suffix) prefix##suffix
#define NAMED(prefix, suffix) NAMED_(prefix, suffix)
#define FERRY_KERNEL_OF(type, name, parameters, arguments) \
  FERRY_KERNEL(type, name, parameters, arguments)

// Through memory: a vector as a result would depend on what the caller is compiled for.
FERRY_BODY void widened(lanes4 *value, const ELEMENT *x) {
  narrow4 narrow;
  memcpy(&narrow, x, sizeof narrow);
  *value = __builtin_convertvector(narrow, lanes4);
}

FERRY_BODY double sum_of_lanes(const lanes4 *x) {
  lanes4 s = x[0] + x[1];
  return (s[0] + s[2]) + (s[1] + s[3]);
}

FERRY_BODY void NAMED(dots, SUFFIX)(
    const ELEMENT *const *restrict rows, size_t count, const double *restrict w,
    double *restrict out, size_t n) {
  lanes4 sums[4][2];
  memset(sums, 0, sizeof sums);
  size_t j = 0;
  for (; j + 8 <= n; j += 8) {
    lanes4 w0, w1, x0, x1;
    memcpy(&w0, w + j, sizeof w0);
    memcpy(&w1, w + j + 4, sizeof w1);
    for (size_t r = 0; r < count; r++) {
      widened(&x0, rows[r] + j);
      widened(&x1, rows[r] + j + 4);
      sums[r][0] += x0 * w0;
      sums[r][1] += x1 * w1;
    }
  }
  for (size_t r = 0; r < count; r++) {
    double rest = 0;
    for (size_t i = j; i < n; i++) rest += (double)rows[r][i] * w[i];
    out[r] = sum_of_lanes(sums[r]) + rest;
  }
}

FERRY_BODY void NAMED(NAMED(ferry_rows_dot, SUFFIX), _body)(
    const ELEMENT *x, size_t rows, size_t stride, const double *restrict w, double *restrict out,
    size_t n) {
  size_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    const ELEMENT *four[4] = {
        x + i * stride, x + (i + 1) * stride, x + (i + 2) * stride, x + (i + 3) * stride};
    NAMED(dots, SUFFIX)(four, 4, w, out + i, n);
  }
  for (; i < rows; i++) {
    const ELEMENT *one[1] = {x + i * stride};
    NAMED(dots, SUFFIX)(one, 1, w, out + i, n);
  }
}

FERRY_KERNEL_OF(
    void, NAMED(ferry_rows_dot, SUFFIX),
    (const ELEMENT *x, size_t rows, size_t stride, const double *w, double *out, size_t n),
    (x, rows, stride, w, out, n))

FERRY_BODY void NAMED(NAMED(ferry_rows_add, SUFFIX), _body)(
    const ELEMENT *x, size_t rows, size_t stride, const double *restrict scales,
    double *restrict sums, size_t n) {
  size_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    const ELEMENT *x0 = x + i * stride, *x1 = x0 + stride, *x2 = x1 + stride, *x3 = x2 + stride;
    const double a = scales[i], b = scales[i + 1], c = scales[i + 2], d = scales[i + 3];
    for (size_t j = 0; j < n; j++)
      sums[j] += (a * x0[j] + b * x1[j]) + (c * x2[j] + d * x3[j]);
  }
  for (; i < rows; i++) {
    const ELEMENT *x0 = x + i * stride;
    const double a = scales[i];
    for (size_t j = 0; j < n; j++) sums[j] += a * x0[j];
  }
}

FERRY_KERNEL_OF(
    void, NAMED(ferry_rows_add, SUFFIX),
    (const ELEMENT *x, size_t rows, size_t stride, const double *scales, double *sums, size_t n),
    (x, rows, stride, scales, sums, n))
