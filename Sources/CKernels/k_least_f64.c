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

// A bound that at least `keep` numbers do not exceed: of the least of each of `lanes` lanes, at most 32,
// the keep-th. Lanes that are equal count once, which only makes the bound greater.
FERRY_BODY double lane_bound(
    const double *c, const double *v, size_t n, size_t keep, const int lanes) {
  double least[32];
  for (int l = 0; l < lanes; l++) least[l] = INFINITY;
  for (size_t j = 0; j + (size_t)lanes <= n; j += (size_t)lanes) {
    for (int l = 0; l < lanes; l++) {
      double w = c[j + l] - v[j + l];
      least[l] = w < least[l] ? w : least[l];
    }
  }
  double bound = INFINITY;
  for (size_t round = 0; round < keep; round++) {
    double low[8];
    for (int l = 0; l < 8; l++) low[l] = least[l];
    for (int h = 8; h < lanes; h += 8) {
      for (int l = 0; l < 8; l++) low[l] = least[h + l] < low[l] ? least[h + l] : low[l];
    }
    for (int l = 0; l < 4; l++) low[l] = low[l + 4] < low[l] ? low[l + 4] : low[l];
    for (int l = 0; l < 2; l++) low[l] = low[l + 2] < low[l] ? low[l + 2] : low[l];
    bound = low[1] < low[0] ? low[1] : low[0];
    for (int l = 0; l < lanes; l++) least[l] = least[l] == bound ? INFINITY : least[l];
  }
  return bound;
}

// Sets aside what does not exceed `bound`; gives the count, or 0 where there is no room for all.
FERRY_BODY size_t collect(
    const double *c, const double *v, size_t n, double bound, double *keys, int32_t *places,
    size_t room) {
  size_t count = 0, j = 0;
  for (; j + 16 <= n; j += 16) {
    double w[16];
    int64_t under = 0;
    for (int l = 0; l < 16; l++) {
      w[l] = c[j + l] - v[j + l];
      under |= w[l] <= bound ? -1 : 0;
    }
    if (!under) continue;
    if (count + 16 > room) return 0;
    for (int l = 0; l < 16; l++) {
      keys[count] = w[l];
      places[count] = (int32_t)(j + l);
      count += w[l] <= bound;
    }
  }
  for (; j < n; j++) {
    double key = c[j] - v[j];
    if (count == room) return 0;
    keys[count] = key;
    places[count] = (int32_t)j;
    count += key <= bound;
  }
  return count;
}

// Leaves out the greatest until `keep` are left, where that is few; gives the greatest left.
FERRY_BODY double drop_greatest(double *keys, int32_t *places, size_t count, size_t keep) {
  if (count > keep + 8) return keep_least(keys, places, count, keep);
  while (1) {
    double greatest = keys[0];
    size_t at = 0;
    for (size_t l = 1; l < count; l++) {
      int above = keys[l] > greatest;
      greatest = above ? keys[l] : greatest;
      at = above ? l : at;
    }
    if (count == keep) return greatest;
    count--;
    keys[at] = keys[count];
    places[at] = places[count];
  }
}

// Numbers below the (k + 1)-th least so far are set aside, 16 at a time, and thinned out when
// there are 2 k of them.
FERRY_BODY double thin_out(
    const double *c, const double *v, size_t n, size_t keep, size_t full, double *keys,
    int32_t *places) {
  size_t count = 0;
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
  if (count > keep) return keep_least(keys, places, count, keep);
  double greatest = keys[0];
  for (size_t l = 1; l < count; l++) greatest = keys[l] > greatest ? keys[l] : greatest;
  return greatest;
}

// Of few, a first pass bounds them from above, lane by lane, and a second picks them out: about 3
// times as fast as thinning out as they come, which is left for many and for ties.
FERRY_BODY double ferry_k_least_f64_body(
    const double *restrict c, const double *restrict v, size_t n, size_t k,
    int32_t *restrict index, double *restrict cost, double *restrict keys,
    int32_t *restrict places) {
  size_t count = 0, full = 2 * k + 18, keep = k + 1;
  double rest = INFINITY;
  if (n >= 64 && keep <= 20) {
    double bound = keep <= 8 ? lane_bound(c, v, n, keep, 16) : lane_bound(c, v, n, keep, 32);
    count = collect(c, v, n, bound, keys, places, 2 * k + 34);
    if (count >= keep) rest = drop_greatest(keys, places, count, keep);
  }
  if (count < keep) rest = thin_out(c, v, n, keep, full, keys, places);
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
