// SPDX-License-Identifier: Apache-2.0
//
// One rank of a contestant in C. The driver (measure.py) says over a Unix socket what to run; the
// rank answers with how long each all-reduce took. It waits in read(), so that nobody who is not
// being measured takes a processor from whoever is.
#ifndef MEMBER_H
#define MEMBER_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 256, TIMED_MAX = 4096 };

typedef void all_reduce(float *values, size_t count);

static int driver = -1;

static void say(const char *line) {
  size_t length = strlen(line);
  if (write(driver, line, length) != (ssize_t)length) exit(1);
}

// Tells the driver why, and ends.
static void fail(const char *why) {
  char line[LINE_MAX_BYTES];
  snprintf(line, sizeof line, "failed %s\n", why);
  fprintf(stderr, "%s", line);
  if (driver >= 0) say(line);
  exit(1);
}

static const char *setting(const char *name) {
  const char *value = getenv(name);
  if (!value) {
    fprintf(stderr, "%s is not set: only measure.py starts this\n", name);
    exit(2);
  }
  return value;
}

static long long nanoseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void meet_driver(int rank) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, setting("BENCH_SOCKET"), sizeof address.sun_path - 1);
  driver = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(driver, (struct sockaddr *)&address, sizeof address) != 0) {
    perror(address.sun_path);
    exit(1);
  }
  char line[LINE_MAX_BYTES];
  snprintf(line, sizeof line, "hello %s %d\n", setting("BENCH_NAME"), rank);
  say(line);
}

static void check(const float *values, size_t count, float expected) {
  for (size_t i = 0; i < count; i += 1 + count / 64)
    if (values[i] != expected) fail("a wrong sum");
  if (values[count - 1] != expected) fail("a wrong sum");
}

// Serves until the driver closes: lines of `run COUNT TIMED WARM`. WARM floats are reduced first,
// not timed, with values whose sum is checked; then COUNT zeros TIMED times.
static void serve(int rank, int world, all_reduce *reduce) {
  FILE *from = fdopen(dup(driver), "r");
  char line[LINE_MAX_BYTES];
  static long long times[TIMED_MAX];
  say("ready\n");
  while (fgets(line, sizeof line, from)) {
    size_t count, warm;
    int timed;
    if (sscanf(line, "run %zu %d %zu", &count, &timed, &warm) != 3 || timed > TIMED_MAX)
      fail("a line that is none");
    float *values = malloc(4 * (count > warm ? count : warm));
    if (!values) fail("no memory");
    for (size_t i = 0; i < warm; i++) values[i] = rank + 1;
    reduce(values, warm);
    check(values, warm, world * (world + 1) / 2.0f);
    memset(values, 0, 4 * count);
    long long processor = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < timed; i++) {
      long long start = nanoseconds(CLOCK_MONOTONIC);
      reduce(values, count);
      times[i] = nanoseconds(CLOCK_MONOTONIC) - start;
    }
    processor = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - processor;
    check(values, count, 0);
    free(values);
    char *answer = malloc(32 + 24 * timed), *end = answer;
    end += sprintf(end, "done %lld", processor);
    for (int i = 0; i < timed; i++) end += sprintf(end, " %lld", times[i]);
    sprintf(end, "\n");
    say(answer);
    free(answer);
  }
}
#endif
