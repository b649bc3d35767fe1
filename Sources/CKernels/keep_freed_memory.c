// SPDX-License-Identifier: Apache-2.0
#include "ckernels.h"
#if defined(__GLIBC__)
#include <malloc.h>
#endif

void ferry_keep_freed_memory(size_t most) {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, (int)most);
  mallopt(M_TRIM_THRESHOLD, (int)(2000000000));
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_ARENA_MAX, 1);
#else
  (void)most;
#endif
}
