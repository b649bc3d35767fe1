// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

// NH, as in UMAC (Black, Halevi, Krawczyk, Krovetz and Rogaway 1999, definition 5.1), with a
// second key that is a shift of the first: words are paired across a block's halves, so that loops
// stay wide.
FERRY_BODY void ferry_fingerprint_body(
    const unsigned char *restrict x, size_t n, const uint32_t *restrict key,
    uint64_t *restrict out) {
  const size_t half = FERRY_FINGERPRINT_BLOCK / 8;
  const uint32_t *key2 = key + FERRY_FINGERPRINT_KEY / 2;
  for (size_t start = 0; start < n; start += FERRY_FINGERPRINT_BLOCK) {
    unsigned char last[FERRY_FINGERPRINT_BLOCK];
    const unsigned char *block = x + start;
    if (n - start < FERRY_FINGERPRINT_BLOCK) {
      memset(last, 0, sizeof last);
      memcpy(last, block, n - start);
      block = last;
    }
    for (size_t shift = 0; shift < FERRY_FINGERPRINT_SUMS; shift++) {
      uint64_t sum = 0;
      for (size_t i = 0; i < half; i++) {
        uint32_t a = load32(block, i) + key[i + shift];
        uint32_t b = load32(block, half + i) + key2[i + shift];
        sum += (uint64_t)a * b;
      }
      *out++ = sum;
    }
  }
}

FERRY_KERNEL(
    void, ferry_fingerprint,
    (const void *x, size_t n, const uint32_t *key, uint64_t *out), (x, n, key, out))
