// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS };

FERRY_BODY uint32_t magnitude(float value) { return bits_of(value) & FERRY_MAGNITUDE_BITS; }

// The k-th largest magnitude, found digit by digit from the top; `*ties` becomes how many of the k
// have exactly that magnitude. Magnitudes of floats are in the order of their bits.
FERRY_BODY uint32_t kth_magnitude(const float *restrict x, size_t n, size_t k, size_t *ties) {
  uint32_t found = 0, known = 0;
  size_t missing = k;
  for (int shift = 22; shift >= 0; shift -= DIGIT_BITS) {
    uint32_t counts[DIGITS] = {0};
    for (size_t i = 0; i < n; i++) {
      uint32_t bits = magnitude(x[i]);
      counts[(bits >> shift) & (DIGITS - 1)] += (bits & known) == found;
    }
    uint32_t digit = DIGITS - 1;
    while (counts[digit] < missing) missing -= counts[digit--];
    found |= digit << shift;
    known |= (uint32_t)(DIGITS - 1) << shift;
  }
  *ties = missing;
  return found;
}

FERRY_BODY size_t ferry_top_k_select_body(
    const float *restrict x, size_t n, size_t k, uint32_t *restrict indices) {
  if (peak_bits(x, n) >= FERRY_INFINITY_BITS) return first_nonfinite_in(x, n);
  if (k == 0) return n;
  size_t ties, taken = 0;
  uint32_t least = kth_magnitude(x, n, k, &ties);
  for (size_t i = 0; i < n; i++) {
    uint32_t bits = magnitude(x[i]);
    if (bits < least) continue;
    // Of equals, those that come first.
    if (bits == least) {
      if (ties == 0) continue;
      ties--;
    }
    indices[taken++] = (uint32_t)i;
  }
  return n;
}

FERRY_KERNEL(
    size_t, ferry_top_k_select, (const float *x, size_t n, size_t k, uint32_t *indices),
    (x, n, k, indices))
