// SPDX-License-Identifier: Apache-2.0
//
// Objects of floats in blocks, one block apart, from one member of a group to another and one element back, by
// operations of ferry.h on slices. Tools/bench/strided-peers.sh runs it.
//
//   strided_ferry clear | encrypted
#include "strided_objects.h"

#include <ferry.h>
#include <unistd.h>

#define SECONDS 60

static void check(ferry_status status, const char *what) {
  if (status == FERRY_OK) return;
  fprintf(stderr, "%s: %s\n", what, ferry_last_error());
  exit(1);
}

static ferry_call *start(
    ferry_group *group, int kind, int tag, char *values, int bytes, int block,
    const struct ferry_member *peer) {
  size_t shape[] = {(size_t)(bytes / block), (size_t)block / 4};
  ptrdiff_t strides[] = {block / 2, 1};
  struct ferry_layout layout = {
      .size = sizeof layout, .dimensions = 2, .shape = shape, .strides = strides};
  struct ferry_operation operation = {
      .size = sizeof operation, .kind = kind, .element = FERRY_FLOAT32, .tag = tag,
      .values = values, .layout = &layout, .peer = peer};
  ferry_call *call;
  check(ferry_start(group, &operation, SECONDS, &call), "start");
  return call;
}

int main(int count, char **words) {
  if (count != 2) return 64;
  int is_clear = !strcmp(words[1], "clear"), ends[2];
  char secret[FERRY_SECRET_CAPACITY], address[FERRY_ADDRESS_CAPACITY];
  check(ferry_new_secret(secret, sizeof secret), "secret");
  struct ferry_options options = {
      .size = sizeof options, .run = "strided", .secret = secret, .members_min = 2,
      .clear = is_clear};
  if (pipe(ends)) return 1;
  int rank = fork() == 0;
  ferry_group *group;
  if (rank == 0) {
    check(ferry_found(&options, &group), "found");
    check(ferry_address(group, address, sizeof address), "address");
    if (write(ends[1], address, sizeof address) != sizeof address) return 1;
  } else {
    if (read(ends[0], address, sizeof address) != sizeof address) return 1;
    check(ferry_join(&options, address, SECONDS, &group), "join");
  }
  struct ferry_operation barrier = {.size = sizeof barrier, .kind = FERRY_BARRIER};
  ferry_call *call;
  check(ferry_start(group, &barrier, SECONDS, &call), "barrier");
  check(ferry_await(call, NULL), "barrier");
  struct ferry_member members[2], self;
  size_t size;
  check(ferry_list_members(group, members, 2, &size), "members");
  check(ferry_self(group, &self), "self");
  const struct ferry_member *other = &members[!memcmp(&members[0], &self, sizeof self)];

  char *wide = wide_memory(rank == 0), answer[4] = {0}, name[100];
  snprintf(name, sizeof name, "ferry-%s/slice", words[1]);
  for (size_t o = 0; o < sizeof objects / sizeof *objects; o++) {
    for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++) {
      int bytes = objects[o], block = blocks[b];
      double seconds[ROUNDS];
      for (int round = -WARM_ROUNDS; round < ROUNDS; round++) {
        double began = now();
        if (rank == 0) {
          ferry_call *back = start(group, FERRY_RECEIVE, 2, answer, 4, 4, other);
          call = start(group, FERRY_SEND, 1, wide, bytes, block, other);
          check(ferry_await(call, NULL), "send");
          check(ferry_await(back, NULL), "answer");
        } else {
          call = start(group, FERRY_RECEIVE, 1, wide, bytes, block, other);
          check(ferry_await(call, NULL), "receive");
          check(ferry_await(start(group, FERRY_SEND, 2, answer, 4, 4, other), NULL), "answer");
        }
        if (round >= 0) seconds[round] = now() - began;
      }
      if (rank == 0) print_median(name, bytes, block, seconds);
      if (rank == 1) check_arrived(wide, bytes, block);
      if (rank == 1) memset(wide, 0, 2 * (size_t)bytes);
    }
  }
  check(ferry_leave(group, SECONDS), "leave");
  ferry_free(group);
  return 0;
}
