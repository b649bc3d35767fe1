// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

// As `first_nonfinite_f32`: a stretch is looked at as a whole, and only a bad one is searched.
enum { STRETCH = 1024 };

FERRY_BODY size_t ferry_first_nonfinite_bf16_body(const unsigned char *restrict x, size_t n) {
  for (size_t start = 0; start < n; start += STRETCH) {
    size_t end = n - start < STRETCH ? n : start + STRETCH;
    uint16_t bad = 0;
    for (size_t i = start; i < end; i++) bad |= (load16(x, i) & 0x7f80u) == 0x7f80u;
    if (!bad) continue;
    for (size_t i = start; i < end; i++) {
      if ((load16(x, i) & 0x7f80u) == 0x7f80u) return i;
    }
  }
  return n;
}

FERRY_KERNEL(size_t, ferry_first_nonfinite_bf16, (const void *x, size_t n), (x, n))
