// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

// A stretch is looked at as a whole, which vectorizes; only a bad one is searched.
enum { STRETCH = 1024 };

FERRY_BODY size_t ferry_first_nonfinite_f32_body(const float *restrict x, size_t n) {
  for (size_t start = 0; start < n; start += STRETCH) {
    size_t count = n - start < STRETCH ? n - start : STRETCH;
    if (peak_bits(x + start, count) >= FERRY_INFINITY_BITS) {
      return start + first_nonfinite_in(x + start, count);
    }
  }
  return n;
}

FERRY_KERNEL(size_t, ferry_first_nonfinite_f32, (const float *x, size_t n), (x, n))
