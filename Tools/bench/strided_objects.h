// SPDX-License-Identifier: Apache-2.0
//
// What the programs of Tools/bench/strided-peers.sh have alike: objects of 4 KiB to 4 MiB in blocks, one block
// apart, how often each is sent, and how that is printed.
#ifndef STRIDED_OBJECTS_H
#define STRIDED_OBJECTS_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WARM_ROUNDS = 3, ROUNDS = 15, BYTES_MAX = 4 << 20 };
static const int objects[] = {4 << 10, 64 << 10, 1 << 20, 4 << 20};
static const int blocks[] = {4, 16, 64, 256, 1024, 4096};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static char *wide_memory(int is_filled) {
  char *wide = calloc(2, BYTES_MAX);
  if (!wide) exit(1);
  if (is_filled)
    for (size_t i = 0; i < 2 * (size_t)BYTES_MAX; i++) wide[i] = (char)(i * 167 >> 3);
  return wide;
}

// Whether every block has arrived, and nothing between them was touched.
static void check_arrived(const char *wide, int bytes, int block) {
  for (size_t i = 0; i < 2 * (size_t)bytes; i++) {
    char expected = i / block % 2 == 0 ? (char)(i * 167 >> 3) : 0;
    if (wide[i] == expected) continue;
    fprintf(stderr, "byte %zu of %d in blocks of %d arrived as something else\n", i, bytes, block);
    exit(1);
  }
}

static void print_median(const char *name, int bytes, int block, double *seconds) {
  qsort(seconds, ROUNDS, sizeof *seconds, ascending);
  printf("%s %d %d %.9g\n", name, bytes, block, seconds[ROUNDS / 2]);
  fflush(stdout);
}
#endif
