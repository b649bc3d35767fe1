// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

// Plain loops: nothing is gained by widening reads that lie apart.

void ferry_sparse_rows_dot_f64(
    const double *values, const uint32_t *columns, const int64_t *starts, const double *y,
    double *out, size_t rows) {
  for (size_t i = 0; i < rows; i++) {
    double sum = 0, other = 0;
    int64_t k = starts[i], end = starts[i + 1];
    for (; k + 1 < end; k += 2) {
      sum += values[k] * y[columns[k]];
      other += values[k + 1] * y[columns[k + 1]];
    }
    if (k < end) sum += values[k] * y[columns[k]];
    out[i] = sum + other;
  }
}

void ferry_sparse_rows_add_f64(
    const double *values, const uint32_t *columns, const int64_t *starts, const double *x,
    double *out, size_t rows) {
  for (size_t i = 0; i < rows; i++)
    for (int64_t k = starts[i]; k < starts[i + 1]; k++) out[columns[k]] += values[k] * x[i];
}

void ferry_magnitude_histogram_f64(
    const double *values, double scale, double *masses, int64_t *counts, size_t n) {
  for (size_t k = 0; k < n; k++) {
    double value = scale * values[k];
    if (value < 0x1p-64) continue;
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    // Sixteen bins an octave, from 2^-64.
    uint64_t bin = (bits >> 48) - ((uint64_t)(1023 - 64) << 4);
    if (bin >= FERRY_HISTOGRAM_BINS) bin = FERRY_HISTOGRAM_BINS - 1;
    masses[bin] += value;
    counts[bin]++;
  }
}

// Most entries are below: sixteen at a time are passed over where their greatest is.
FERRY_BODY size_t ferry_select_above_f64_body(
    const double *restrict x, const double *restrict w, double scale, double least,
    double *restrict values, uint32_t *restrict columns, size_t n) {
  size_t found = 0;
  for (size_t j = 0; j < n; j += 16) {
    size_t end = j + 16 < n ? j + 16 : n;
    double block[16] = {0};
    if (end == j + 16) {
      double greatest[4] = {0};
      for (size_t l = 0; l < 16; l++) block[l] = scale * x[j + l] * w[j + l];
      for (size_t l = 0; l < 16; l++)
        greatest[l & 3] = block[l] > greatest[l & 3] ? block[l] : greatest[l & 3];
      if (greatest[0] < least && greatest[1] < least && greatest[2] < least && greatest[3] < least)
        continue;
    } else {
      for (size_t l = j; l < end; l++) block[l - j] = scale * x[l] * w[l];
    }
    for (size_t l = j; l < end; l++) {
      if (block[l - j] >= least) {
        values[found] = block[l - j];
        columns[found] = (uint32_t)l;
        found++;
      }
    }
  }
  return found;
}

FERRY_KERNEL(
    size_t, ferry_select_above_f64,
    (const double *x, const double *w, double scale, double least, double *values,
     uint32_t *columns, size_t n),
    (x, w, scale, least, values, columns, n))
