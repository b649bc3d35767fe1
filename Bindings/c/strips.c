// SPDX-License-Identifier: Apache-2.0
//
// A plate of cells, a strip of it on each member of a group, from C: every step each strip sends its
// outermost columns to its neighbors, straight out of the plate, and gets theirs into the rim around
// it. At the end the first member gathers the plate, and compares it with one that it computed alone.
//
//   cc Bindings/c/strips.c -I Sources/CFerry/include -L .build/release -lFerryC \
//      -Wl,-rpath,$PWD/.build/release -o strips
//   ./strips 3 100                      founds a group of three, for 100 steps
//   ./strips 3 100 SECRET HOST:PORT     joins it, as printed by the first
#include <ferry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS 30
#define ROWS 64
#define COLUMNS 48
// A strip with a column of its neighbors on both sides.
#define WIDTH (COLUMNS + 2)

enum { TO_THE_LEFT = 1, TO_THE_RIGHT = 2, WHOLE = 3 };

static void check(ferry_status status, const char *what) {
  if (status == FERRY_OK) return;
  fprintf(stderr, "%s: %s\n", what, ferry_last_error());
  exit(1);
}

static double beginning(int row, int column) { return (row * 31 + column * 17) % 101; }

// Each cell becomes the mean of itself and those beside it.
static void advance(double *cells, int width) {
  for (int row = 0; row < ROWS; row++) {
    double *line = cells + row * width, before = line[0];
    for (int column = 1; column < width - 1; column++) {
      double here = line[column];
      line[column] = (before + here + line[column + 1]) / 3;
      before = here;
    }
  }
}

// Sends or receives one column of the strip.
static ferry_call *start(
    ferry_group *group, int kind, int tag, double *column, const struct ferry_member *peer) {
  size_t shape[] = {ROWS};
  ptrdiff_t strides[] = {WIDTH};
  struct ferry_layout layout = {
      .size = sizeof layout, .dimensions = 1, .shape = shape, .strides = strides};
  struct ferry_operation operation = {
      .size = sizeof operation, .kind = kind, .element = FERRY_FLOAT64, .tag = tag,
      .values = column, .layout = &layout, .peer = peer};
  ferry_call *call;
  check(ferry_start(group, &operation, SECONDS, &call), "start");
  return call;
}

static void compare(const double *gathered, size_t members, int steps) {
  int width = (int)members * COLUMNS;
  double *alone = calloc(ROWS * (size_t)(width + 2), sizeof *alone);
  if (!alone) exit(1);
  for (int row = 0; row < ROWS; row++)
    for (int column = 0; column < width; column++)
      alone[row * (width + 2) + column + 1] = beginning(row, column);
  for (int step = 0; step < steps; step++) {
    for (int row = 0; row < ROWS; row++) {
      double *line = alone + row * (width + 2);
      line[0] = line[width];
      line[width + 1] = line[1];
    }
    advance(alone, width + 2);
  }
  for (int row = 0; row < ROWS; row++) {
    for (int column = 0; column < width; column++) {
      double here = gathered[column / COLUMNS * ROWS * COLUMNS + row * COLUMNS + column % COLUMNS];
      if (here == alone[row * (width + 2) + column + 1]) continue;
      fprintf(stderr, "row %d, column %d: another number than alone\n", row, column);
      exit(1);
    }
  }
  free(alone);
}

int main(int count, char **words) {
  if (count != 3 && count != 5) {
    fprintf(stderr, "usage: %s MEMBERS STEPS [SECRET HOST:PORT]\n", words[0]);
    return 64;
  }
  char secret[FERRY_SECRET_CAPACITY], address[FERRY_ADDRESS_CAPACITY];
  struct ferry_options options = {.size = sizeof options, .run = "strips", .secret = secret};
  options.members_min = (uint32_t)atoi(words[1]);
  ferry_group *group = NULL;
  if (count == 3) {
    check(ferry_new_secret(secret, sizeof secret), "secret");
    check(ferry_found(&options, &group), "found");
    check(ferry_address(group, address, sizeof address), "address");
    printf("%s %s\n", secret, address);
    fflush(stdout);
  } else {
    options.secret = words[3];
    check(ferry_join(&options, words[4], SECONDS, &group), "join");
  }

  // Once all have come, the order of the members is the order of the strips.
  struct ferry_operation barrier = {.size = sizeof barrier, .kind = FERRY_BARRIER};
  ferry_call *call;
  check(ferry_start(group, &barrier, SECONDS, &call), "barrier");
  check(ferry_await(call, NULL), "barrier");
  struct ferry_member members[FERRY_MEMBERS_MAX], self;
  size_t size, rank = 0;
  check(ferry_list_members(group, members, FERRY_MEMBERS_MAX, &size), "members");
  check(ferry_self(group, &self), "self");
  while (memcmp(&members[rank], &self, sizeof self)) rank++;
  const struct ferry_member *left = &members[(rank + size - 1) % size];
  const struct ferry_member *right = &members[(rank + 1) % size];

  static double cells[ROWS * WIDTH];
  for (int row = 0; row < ROWS; row++)
    for (int column = 0; column < COLUMNS; column++)
      cells[row * WIDTH + column + 1] = beginning(row, (int)rank * COLUMNS + column);
  int steps = atoi(words[2]);
  for (int step = 0; step < steps; step++) {
    ferry_call *calls[] = {
        start(group, FERRY_SEND, TO_THE_LEFT, cells + 1, left),
        start(group, FERRY_SEND, TO_THE_RIGHT, cells + COLUMNS, right),
        start(group, FERRY_RECEIVE, TO_THE_LEFT, cells + COLUMNS + 1, right),
        start(group, FERRY_RECEIVE, TO_THE_RIGHT, cells, left),
    };
    for (int i = 0; i < 4; i++) check(ferry_await(calls[i], NULL), "column");
    advance(cells, WIDTH);
  }

  // The strip without its rim, out of the plate, to the first member.
  size_t shape[] = {ROWS, COLUMNS};
  ptrdiff_t strides[] = {WIDTH, 1};
  struct ferry_layout layout = {
      .size = sizeof layout, .dimensions = 2, .shape = shape, .strides = strides};
  struct ferry_operation gather = {
      .size = sizeof gather, .kind = FERRY_GATHER, .element = FERRY_FLOAT64, .tag = WHOLE,
      .values = cells + 1, .layout = &layout, .peer = &members[0]};
  check(ferry_start(group, &gather, SECONDS, &call), "gather");
  struct ferry_result result;
  check(ferry_outcome(call, &result), "gather");
  double *all = NULL;
  if (result.count > 0) {
    all = malloc(result.count * sizeof *all);
    check(ferry_set_place(call, all, result.count, NULL), "place");
  }
  check(ferry_await(call, NULL), "gather");
  if (all) {
    compare(all, size, steps);
    printf("%zu cells of %zu members as computed alone\n", result.count, size);
  } else {
    printf("strip %zu done\n", rank);
  }
  free(all);
  check(ferry_leave(group, SECONDS), "leave");
  ferry_free(group);
  return 0;
}
