// SPDX-License-Identifier: Apache-2.0
//
// Sees every allocation of the program: memory taken on the word of a stranger is a bug even when
// the message is refused afterwards.
#include "fuzzer.h"

#include <errno.h>
#ifdef __linux__
#include <execinfo.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static _Thread_local size_t largest_allowed, total_left;
static _Thread_local int is_on;

void meter_start(size_t largest, size_t total) {
  largest_allowed = largest;
  total_left = total;
  is_on = 1;
}

void meter_stop(void) { is_on = 0; }

int LLVMFuzzerRunDriver(int *, char ***, int (*)(const uint8_t *, size_t));

int fuzzer_run(int count, char *const *words, int (*one)(const uint8_t *, size_t)) {
  char **own = (char **)words;
  return LLVMFuzzerRunDriver(&count, &own, one);
}

#ifdef __linux__
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

enum { FRAMES_MAX = 16 };

static void meter(size_t bytes) {
  if (!is_on) return;
  if (bytes <= largest_allowed && bytes <= total_left) {
    total_left -= bytes;
    return;
  }
  is_on = 0;
  fprintf(stderr, "fuzz: %zu bytes were asked for; at most %zu at once, %zu more in all\n", bytes,
          largest_allowed, total_left);
  void *frames[FRAMES_MAX];
  backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), STDERR_FILENO);
  abort();
}

void *malloc(size_t bytes) {
  meter(bytes);
  return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t each) {
  size_t bytes;
  meter(__builtin_mul_overflow(count, each, &bytes) ? (size_t)-1 : bytes);
  return __libc_calloc(count, each);
}

void *realloc(void *old, size_t bytes) {
  meter(bytes);
  return __libc_realloc(old, bytes);
}

void *memalign(size_t alignment, size_t bytes) {
  meter(bytes);
  return __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void **out, size_t alignment, size_t bytes) {
  void *block = memalign(alignment, bytes);
  if (!block) return ENOMEM;
  *out = block;
  return 0;
}
#endif
