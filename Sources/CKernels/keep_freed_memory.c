// SPDX-License-Identifier: Apache-2.0
#include "ckernels.h"
#if defined(__GLIBC__)
#include <malloc.h>
#endif

void ferry_keep_freed_memory(void) {
#if defined(__GLIBC__)
  // The most that its argument's type holds, nearly: nothing is given back from the heap's end.
  mallopt(M_TRIM_THRESHOLD, 2000000000);
  // Long pieces come from the heap, too, where they can be used again.
  mallopt(M_MMAP_MAX, 0);
  // What one thread frees, another uses.
  mallopt(M_ARENA_MAX, 1);
#endif
}
