// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

typedef uint32_t words8 __attribute__((vector_size(32)));
typedef uint64_t pairs4 __attribute__((vector_size(32)));

FERRY_BODY words8 load_words8(const void *x) {
  words8 words;
  memcpy(&words, x, sizeof words);
  return words;
}

// The product of each pair of words.
FERRY_BODY pairs4 products(words8 words) {
  pairs4 pairs = (pairs4)words;
  return (pairs & 0xffffffff) * (pairs >> 32);
}

// NH, as in UMAC (Black, Halevi, Krawczyk, Krovetz and Rogaway 1999, definition 5.1), with a
// second key that is the first, shifted by a pair.
FERRY_BODY void ferry_fingerprint_body(
    const unsigned char *restrict x, size_t n, const uint32_t *restrict key,
    uint64_t *restrict out) {
  for (size_t start = 0; start < n; start += FERRY_FINGERPRINT_BLOCK) {
    unsigned char last[FERRY_FINGERPRINT_BLOCK];
    const unsigned char *block = x + start;
    if (n - start < FERRY_FINGERPRINT_BLOCK) {
      memset(last, 0, sizeof last);
      memcpy(last, block, n - start);
      block = last;
    }
    pairs4 sums[FERRY_FINGERPRINT_SUMS] = {0};
    for (size_t i = 0; i < FERRY_FINGERPRINT_BLOCK / 4; i += 8) {
      words8 words = load_words8(block + 4 * i);
      for (size_t shift = 0; shift < FERRY_FINGERPRINT_SUMS; shift++) {
        sums[shift] += products(words + load_words8(key + i + 2 * shift));
      }
    }
    for (size_t shift = 0; shift < FERRY_FINGERPRINT_SUMS; shift++) {
      *out++ = sums[shift][0] + sums[shift][1] + sums[shift][2] + sums[shift][3];
    }
  }
}

FERRY_KERNEL(
    void, ferry_fingerprint,
    (const void *x, size_t n, const uint32_t *key, uint64_t *out), (x, n, key, out))
