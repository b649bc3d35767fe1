// SPDX-License-Identifier: Apache-2.0

// madvise is not in strict C's headers.
#define _DEFAULT_SOURCE
#include "ckernels.h"
#if defined(__linux__)
#include <stdint.h>
#include <sys/mman.h>
#endif

void ferry_ask_large_pages(void *start, size_t count) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  const uintptr_t page = 4096, from = ((uintptr_t)start + page - 1) & ~(page - 1),
                  to = ((uintptr_t)start + count) & ~(page - 1);
  // Advice only: where the system does not take it, pages come one by one as ever.
  if (from < to) (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
#else
  (void)start;
  (void)count;
#endif
}
