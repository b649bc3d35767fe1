// SPDX-License-Identifier: Apache-2.0
#include "ckernels_problems.h"
#include "kernel.h"

#define BITS 11
#define BUCKETS 2048
#define MASK 2047

// Negative numbers turn over, so that unsigned order is the order of numbers.
static inline uint64_t key_f64(double x) {
  double plain = x + 0.0;  // -0 becomes +0
  uint64_t bits;
  memcpy(&bits, &plain, sizeof bits);
  return bits ^ ((uint64_t)((int64_t)bits >> 63) | 0x8000000000000000u);
}
static inline double number_f64(uint64_t key) {
  uint64_t bits = key ^ (((key >> 63) - 1) | 0x8000000000000000u);
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
static inline uint32_t key_f32(float x) {
  uint32_t bits = bits_of(x + 0.0f);
  return bits ^ ((uint32_t)((int32_t)bits >> 31) | 0x80000000u);
}
static inline float number_f32(uint32_t key) {
  return float_of(key ^ (((key >> 31) - 1) | 0x80000000u));
}

// Counts become places; nonzero where one bucket holds all, so that the pass changes nothing.
static int places_of(uint32_t *counts, size_t n) {
  uint32_t sum = 0;
  for (size_t b = 0; b < BUCKETS; b++) {
    uint32_t count = counts[b];
    if (count == n) return 1;
    counts[b] = sum;
    sum += count;
  }
  return 0;
}

// Numbers become keys where they stand: fresh memory costs more than a pass over them.
typedef uint64_t __attribute__((may_alias)) key_in_place;

void ferry_sort_f64(double *x, uint64_t *other, size_t n) {
  uint32_t counts[6][BUCKETS];
  memset(counts, 0, sizeof counts);
  key_in_place *from = (key_in_place *)x, *to = other;
  for (size_t i = 0; i < n; i++) {
    uint64_t key = key_f64(x[i]);
    from[i] = key;
    for (int digit = 0; digit < 6; digit++) counts[digit][(key >> (BITS * digit)) & MASK]++;
  }
  for (int digit = 0; digit < 6; digit++) {
    uint32_t *next = counts[digit];
    if (places_of(next, n)) continue;
    for (size_t i = 0; i < n; i++) {
      uint64_t key = from[i];
      to[next[(key >> (BITS * digit)) & MASK]++] = key;
    }
    key_in_place *swap = from;
    from = to;
    to = swap;
  }
  for (size_t i = 0; i < n; i++) x[i] = number_f64(from[i]);
}

void ferry_sort_places_f64(
    double *x, int32_t *order, uint64_t *keys, uint64_t *other, int32_t *other_order, size_t n) {
  uint32_t counts[6][BUCKETS];
  memset(counts, 0, sizeof counts);
  int32_t *from = order, *to = other_order;
  for (size_t i = 0; i < n; i++) {
    uint64_t key = key_f64(x[i]);
    keys[i] = key;
    from[i] = (int32_t)i;
    for (int digit = 0; digit < 6; digit++) counts[digit][(key >> (BITS * digit)) & MASK]++;
  }
  for (int digit = 0; digit < 6; digit++) {
    uint32_t *next = counts[digit];
    if (places_of(next, n)) continue;
    for (size_t i = 0; i < n; i++) {
      uint64_t key = keys[i];
      uint32_t at = next[(key >> (BITS * digit)) & MASK]++;
      other[at] = key;
      to[at] = from[i];
    }
    uint64_t *swap = keys;
    keys = other;
    other = swap;
    int32_t *turn = from;
    from = to;
    to = turn;
  }
  for (size_t i = 0; i < n; i++) x[i] = number_f64(keys[i]);
  if (from != order) memcpy(order, from, n * sizeof *order);
}

void ferry_sort_f32(float *x, uint32_t *keys, uint32_t *other, size_t n) {
  uint32_t counts[3][BUCKETS];
  memset(counts, 0, sizeof counts);
  for (size_t i = 0; i < n; i++) {
    uint32_t key = key_f32(x[i]);
    keys[i] = key;
    for (int digit = 0; digit < 3; digit++) counts[digit][(key >> (BITS * digit)) & MASK]++;
  }
  for (int digit = 0; digit < 3; digit++) {
    uint32_t *next = counts[digit];
    if (places_of(next, n)) continue;
    for (size_t i = 0; i < n; i++) {
      uint32_t key = keys[i];
      other[next[(key >> (BITS * digit)) & MASK]++] = key;
    }
    uint32_t *swap = keys;
    keys = other;
    other = swap;
  }
  for (size_t i = 0; i < n; i++) x[i] = number_f32(keys[i]);
}
