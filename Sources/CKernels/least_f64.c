// SPDX-License-Identifier: Apache-2.0
#include "gibbs.h"
#include <math.h>

// Vectors of the language, since no compiler widens a search for a place by itself.
typedef double four __attribute__((vector_size(32)));
typedef int64_t places __attribute__((vector_size(32)));

// Through memory: a vector as a result would depend on what the caller is compiled for.
FERRY_BODY void read_four(four *value, const double *x) { memcpy(value, x, sizeof *value); }
FERRY_BODY void read_difference(four *value, const double *x, const double *y) {
  four other;
  read_four(value, x);
  read_four(&other, y);
  *value -= other;
}
#define CHOSEN(mask, a, b) ((four)(((mask) & (places)(a)) | (~(mask) & (places)(b))))

// One step of the two smallest: `second` is what `first` was where `w` is smaller.
#define TWO_LEAST_STEP(first, second, place, w, at)                                            \
  do {                                                                                         \
    places under = (places)((w) < (first));                                                    \
    places under_second = (places)((w) < (second));                                            \
    second = CHOSEN(under, first, CHOSEN(under_second, w, second));                            \
    place = (under & (at)) | (~under & place);                                                 \
    first = CHOSEN(under, w, first);                                                           \
  } while (0)

FERRY_BODY size_t ferry_two_least_f64_body(
    const double *restrict c, const double *restrict v, size_t n, double *restrict least) {
  double best = INFINITY, next = INFINITY;
  size_t index = n;
  size_t j = 0;
  if (n >= 8) {
    four inf = {INFINITY, INFINITY, INFINITY, INFINITY};
    four first[2] = {inf, inf}, second[2] = {inf, inf};
    places none = {(int64_t)n, (int64_t)n, (int64_t)n, (int64_t)n};
    places place[2] = {none, none};
    places at[2] = {{0, 1, 2, 3}, {4, 5, 6, 7}};
    places step = {8, 8, 8, 8};
    for (; j + 8 <= n; j += 8) {
      four w0, w1;
      read_difference(&w0, c + j, v + j);
      read_difference(&w1, c + j + 4, v + j + 4);
      TWO_LEAST_STEP(first[0], second[0], place[0], w0, at[0]);
      TWO_LEAST_STEP(first[1], second[1], place[1], w1, at[1]);
      at[0] += step;
      at[1] += step;
    }
    for (int h = 0; h < 2; h++) {
      for (int l = 0; l < 4; l++) {
        double w = first[h][l];
        size_t where = (size_t)place[h][l];
        if (w < best || (w == best && where < index)) {
          next = best < second[h][l] ? best : second[h][l];
          best = w;
          index = where;
        } else if (w < next) {
          next = w;
        }
      }
    }
  }
  for (; j < n; j++) {
    double w = c[j] - v[j];
    if (w < best) {
      next = best;
      best = w;
      index = j;
    } else if (w < next) {
      next = w;
    }
  }
  least[0] = best;
  least[1] = next;
  return index;
}

FERRY_KERNEL(
    size_t, ferry_two_least_f64, (const double *c, const double *v, size_t n, double *least),
    (c, v, n, least))

FERRY_BODY size_t ferry_least_f64_body(
    const double *restrict c, const double *restrict v, size_t n, double *restrict least) {
  double best = INFINITY;
  size_t index = n;
  size_t j = 0;
  if (n >= 8) {
    four inf = {INFINITY, INFINITY, INFINITY, INFINITY};
    four first[2] = {inf, inf};
    places none = {(int64_t)n, (int64_t)n, (int64_t)n, (int64_t)n};
    places place[2] = {none, none};
    places at[2] = {{0, 1, 2, 3}, {4, 5, 6, 7}};
    places step = {8, 8, 8, 8};
    for (; j + 8 <= n; j += 8) {
      for (int h = 0; h < 2; h++) {
        four w;
        read_difference(&w, c + j + 4 * h, v + j + 4 * h);
        places under = (places)(w < first[h]);
        place[h] = (under & at[h]) | (~under & place[h]);
        first[h] = CHOSEN(under, w, first[h]);
        at[h] += step;
      }
    }
    for (int h = 0; h < 2; h++) {
      for (int l = 0; l < 4; l++) {
        double w = first[h][l];
        size_t where = (size_t)place[h][l];
        if (w < best || (w == best && where < index)) {
          best = w;
          index = where;
        }
      }
    }
  }
  for (; j < n; j++) {
    double w = c[j] - v[j];
    if (w < best) {
      best = w;
      index = j;
    }
  }
  least[0] = best;
  return index;
}

FERRY_KERNEL(
    size_t, ferry_least_f64, (const double *c, const double *v, size_t n, double *least),
    (c, v, n, least))

// Columns that are settled have a distance of -INFINITY: nothing is nearer, and none is chosen.
FERRY_BODY size_t ferry_relax_f64_body(
    const double *restrict c, const double *restrict v, double base, int64_t row,
    double *restrict distance, int64_t *restrict from, size_t n, double *restrict least) {
  four inf = {INFINITY, INFINITY, INFINITY, INFINITY};
  four bases = {base, base, base, base};
  places rows = {row, row, row, row};
  places none = {(int64_t)n, (int64_t)n, (int64_t)n, (int64_t)n};
  four first = inf;
  places place = none, at = {0, 1, 2, 3}, step = {4, 4, 4, 4};
  size_t j = 0;
  for (; j + 4 <= n; j += 4) {
    four w, d;
    read_difference(&w, c + j, v + j);
    w += bases;
    read_four(&d, distance + j);
    places p;
    memcpy(&p, from + j, sizeof p);
    places nearer = (places)(w < d);
    d = CHOSEN(nearer, w, d);
    p = (nearer & rows) | (~nearer & p);
    memcpy(distance + j, &d, sizeof d);
    memcpy(from + j, &p, sizeof p);
    places under = (places)(d < first) & (places)(d > -inf);
    place = (under & at) | (~under & place);
    first = CHOSEN(under, d, first);
    at += step;
  }
  double best = INFINITY;
  size_t index = n;
  for (int l = 0; l < 4; l++) {
    if (first[l] < best || (first[l] == best && (size_t)place[l] < index)) {
      best = first[l];
      index = (size_t)place[l];
    }
  }
  for (; j < n; j++) {
    double w = (c[j] - v[j]) + base;
    if (w < distance[j]) {
      distance[j] = w;
      from[j] = row;
    }
    if (distance[j] < best && distance[j] > -INFINITY) {
      best = distance[j];
      index = j;
    }
  }
  least[0] = best;
  return index;
}

FERRY_KERNEL(
    size_t, ferry_relax_f64,
    (const double *c, const double *v, double base, int64_t row, double *distance, int64_t *from,
     size_t n, double *least),
    (c, v, base, row, distance, from, n, least))
