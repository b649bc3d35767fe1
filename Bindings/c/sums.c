// SPDX-License-Identifier: Apache-2.0
//
// A member of a group that sums vectors, from C. The first founds the group and prints how to join
// it; the others join. Each prints a line a round; whoever is killed is left out by the rest.
//
//   cc Bindings/c/sums.c -I Sources/CFerry/include -L .build/release -lFerryC \
//      -Wl,-rpath,$PWD/.build/release -o sums
//   ./sums 3 1000                      founds a group of three, for 1000 rounds
//   ./sums 3 1000 SECRET HOST:PORT     joins it, as printed by the first
#include <ferry.h>
#include <stdio.h>
#include <stdlib.h>

#define SECONDS 30
#define COUNT 1000

static void check(ferry_status status, const char *what) {
  if (status == FERRY_OK) return;
  fprintf(stderr, "%s: %s\n", what, ferry_last_error());
  exit(1);
}

int main(int count, char **words) {
  if (count != 3 && count != 5) {
    fprintf(stderr, "usage: %s MEMBERS ROUNDS [SECRET HOST:PORT]\n", words[0]);
    return 64;
  }
  char secret[FERRY_SECRET_CAPACITY], address[FERRY_ADDRESS_CAPACITY];
  struct ferry_options options = {.size = sizeof options, .run = "sums", .secret = secret};
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

  // What all learn together: a step towards 1 from wherever they are.
  float weights[COUNT] = {0}, change[COUNT];
  if (ferry_round_number(group) > 0) check(ferry_state(group, "weights", weights, COUNT), "state");
  uint64_t last = (uint64_t)atoll(words[2]);
  while (ferry_round_number(group) < last) {
    for (int i = 0; i < COUNT; i++) change[i] = 0.5f * (1 - weights[i]);
    check(ferry_set_state(group, "weights", weights, COUNT), "set state");
    struct ferry_round round;
    ferry_status status = ferry_all_reduce(group, change, COUNT, 1, SECONDS, &round);
    if (status == FERRY_EVICTED) {
      check(ferry_reload(group, SECONDS), "reload");
      check(ferry_state(group, "weights", weights, COUNT), "state");
      continue;
    }
    check(status, "all-reduce");
    for (int i = 0; i < COUNT; i++) weights[i] += change[i];
    printf("round %llu members %u first %.9g\n", (unsigned long long)round.number,
        round.contributors, weights[0]);
    fflush(stdout);
  }
  check(ferry_leave(group, SECONDS), "leave");
  ferry_free(group);
  return 0;
}
