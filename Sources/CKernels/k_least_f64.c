// SPDX-License-Identifier: Apache-2.0
#include "ckernels_problems.h"
#include "kernel.h"
#include <math.h>

// Brings the `keep` least keys to the front (Hoare's selection); gives the greatest of them.
FERRY_BODY double keep_least(double *keys, int32_t *places, size_t count, size_t keep) {
  size_t low = 0, high = count - 1;
  while (low < high) {
    double pivot = keys[low + (high - low) / 2];
    size_t i = low, j = high;
    while (1) {
      while (keys[i] < pivot) i++;
      while (keys[j] > pivot) j--;
      if (i <= j) {
        double key = keys[i];
        keys[i] = keys[j];
        keys[j] = key;
        int32_t place = places[i];
        places[i] = places[j];
        places[j] = place;
        i++;
        if (j == 0) break;
        j--;
      }
      if (i > j) break;
    }
    if (keep - 1 <= j && j < high) {
      high = j;
    } else if (keep - 1 >= i) {
      low = i;
    } else {
      break;
    }
  }
  double greatest = keys[0];
  for (size_t l = 1; l < keep; l++) greatest = keys[l] > greatest ? keys[l] : greatest;
  return greatest;
}

// Numbers below the (k + 1)-th least so far are set aside, 16 at a time, and thinned out when
// there are 2 k of them.
FERRY_BODY double ferry_k_least_f64_body(
    const double *restrict c, const double *restrict v, size_t n, size_t k,
    int32_t *restrict index, double *restrict cost, double *restrict keys,
    int32_t *restrict places) {
  size_t count = 0, full = 2 * k + 18, keep = k + 1;
  double bound = INFINITY;
  size_t j = 0;
  for (; j + 16 <= n; j += 16) {
    double w[16];
    int64_t under = 0;
    for (int l = 0; l < 16; l++) {
      w[l] = c[j + l] - v[j + l];
      under |= w[l] < bound ? -1 : 0;
    }
    if (!under) continue;
    for (int l = 0; l < 16; l++) {
      keys[count] = w[l];
      places[count] = (int32_t)(j + l);
      count += w[l] < bound;
    }
    if (count >= full) {
      bound = keep_least(keys, places, count, keep);
      count = keep;
    }
  }
  for (; j < n; j++) {
    double w = c[j] - v[j];
    keys[count] = w;
    places[count] = (int32_t)j;
    count += w < bound;
  }
  double rest = count > keep ? keep_least(keys, places, count, keep) : INFINITY;
  if (count <= keep) {
    rest = keys[0];
    for (size_t l = 1; l < count; l++) rest = keys[l] > rest ? keys[l] : rest;
  }
  // Of the k + 1 that are left, the greatest is the least of the others.
  int skipped = 0;
  size_t at = 0;
  for (size_t l = 0; l < keep; l++) {
    if (!skipped && keys[l] == rest) {
      skipped = 1;
      continue;
    }
    index[at] = places[l];
    cost[at] = c[places[l]];
    at++;
  }
  return rest;
}

FERRY_KERNEL(
    double, ferry_k_least_f64,
    (const double *c, const double *v, size_t n, size_t k, int32_t *index, double *cost,
     double *keys, int32_t *places),
    (c, v, n, k, index, cost, keys, places))
