// SPDX-License-Identifier: Apache-2.0
//
// Ferry from C: sums over a group of processes that come and go, over links that may break.
//
// One process founds a group, others join it at any time, any of them may be killed, and the rest
// go on. All members call ferry_all_reduce equally often: each call is one round, and after it all
// members hold the same bits.
//
//     struct ferry_options options = {.size = sizeof options, .run = "sums", .secret = secret};
//     ferry_group *group;
//     if (ferry_found(&options, &group) != FERRY_OK) fail(ferry_last_error());
//     ferry_all_reduce(group, gradient, count, weight, 60, &round);
//
// - Strings are UTF-8 and end with zero. Nothing that is passed in is kept after the call.
// - Every call that waits takes its limit in seconds and ends with FERRY_DEADLINE when it passes.
// - A group may be used from several threads; calls on it wait for one another.
// - Functions that fail leave one sentence in ferry_last_error: what, where, what to do.
#ifndef FERRY_H
#define FERRY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The major number changes when a program has to be changed.
#define FERRY_API_MAJOR 0
#define FERRY_API_MINOR 8

// This process's place in a group.
typedef struct ferry_group ferry_group;

typedef enum ferry_status {
  FERRY_OK = 0,
  // A pointer, count, name or option makes no sense.
  FERRY_BAD_ARGUMENT = 1,
  // The time was over; the round goes on, and the next call returns its result.
  FERRY_DEADLINE = 2,
  // The others went on without this peer: call ferry_reload, then go on from the group's state.
  FERRY_EVICTED = 3,
  // This peer has left.
  FERRY_STOPPED = 4,
  // The other side refuses this peer, or the address cannot be listened on.
  FERRY_REFUSED = 5,
  FERRY_FAILED = 6,
  // The call was cancelled, here or by another member.
  FERRY_CANCELLED = 7,
  // The members made different calls.
  FERRY_MISMATCH = 8,
  // The result does not fit its place; nothing is lost: see ferry_await.
  FERRY_NO_FIT = 9,
  // A solver came to its limit first; see ferry_ot_solve.
  FERRY_NOT_CONVERGED = 10,
} ferry_status;

// What a group's rounds make of all members' values.
enum ferry_round_operation { FERRY_MEAN = 0, FERRY_SUM = 1 };

// How 32-bit floats travel: as they are, or in fewer bytes up to a stated error.
enum ferry_codec {
  FERRY_F32 = 0, FERRY_BF16 = 1, FERRY_INT8 = 2, FERRY_INT8_STOCHASTIC = 3, FERRY_INT4 = 4,
  FERRY_INT4_STOCHASTIC = 5, FERRY_TOP_K = 6,
};

// Options grow at their end in later releases: set `size` to sizeof, and all else to zero first.
struct ferry_options {
  size_t size;
  // The run's name: 1 to 64 letters, digits, '-', '_' or '.'.
  const char *run;
  // From ferry_new_secret, the same for all members; whoever has it may join.
  const char *secret;
  // "host:port"; NULL for 127.0.0.1 and any free port.
  const char *listen;
  // The first round waits for this many members; 0 is 1. The same for all members, as are the next.
  uint32_t members_min;
  uint32_t operation;
  uint32_t codec;
  // Links without encryption, still authenticated: on a network that you trust.
  bool clear;
  // Freed memory goes back to the system as the C library likes. Without this the process keeps what
  // it once used (with glibc, and for good: malloc serves all of the process): an all-reduce of
  // 64 MiB then takes a tenth less on a fast network, and half the time within a machine.
  bool releases_memory;
};

// What came of a round.
struct ferry_round {
  uint64_t number;
  // How many took part, and the sum of their weights.
  uint32_t contributors;
  double weight;
};

// A fresh secret, with its ending zero; `capacity` at least FERRY_SECRET_CAPACITY.
#define FERRY_SECRET_CAPACITY 64
ferry_status ferry_new_secret(char *text, size_t capacity);

// Makes this process a group of one. On success the group is to be given to ferry_free.
ferry_status ferry_found(const struct ferry_options *options, ferry_group **group);

// Asks the peer that listens at "host:port" to be let in; returns as a member, with the group's
// state in hand (ferry_state).
ferry_status ferry_join(
    const struct ferry_options *options, const char *address, double seconds,
    ferry_group **group);

// Who this process is of those that a launcher started.
struct ferry_launched {
  // 0 to size - 1; rank 0 founds the group, all others join it.
  uint32_t rank;
  uint32_t size;
};

// Founds or joins, as the environment says: that of torchrun, Open MPI, MPICH or Slurm, with
// FERRY_SECRET beside it (from ferry_new_secret, the same for all). Of the options, `secret`, `listen`
// and `members_min` are not looked at: the first round waits for all that were started. `launched`
// may be NULL. Without such an environment: FERRY_BAD_ARGUMENT.
ferry_status ferry_from_environment(
    const struct ferry_options *options, double seconds, ferry_group **group,
    struct ferry_launched *launched);

// The weighted mean, or sum, of all members' values, in place. `round` may be NULL.
ferry_status ferry_all_reduce(
    ferry_group *group, float *values, size_t count, double weight, double seconds,
    struct ferry_round *round);

// MARK: Operations beside the rounds: any number at once, told apart by tags
//
// Calls with one tag belong together in the order in which each member makes them. When a member is
// lost, the others finish what they all hold, and repeat the rest among themselves.

// An operation under way.
typedef struct ferry_call ferry_call;

// The elements of a tensor; numbers are never used again.
enum ferry_element {
  FERRY_FLOAT32 = 1, FERRY_FLOAT64 = 2, FERRY_FLOAT16 = 3, FERRY_BFLOAT16 = 4,
  FERRY_INT_8 = 5, FERRY_INT_16 = 6, FERRY_INT_32 = 7, FERRY_INT_64 = 8,
  FERRY_UINT_8 = 9, FERRY_UINT_16 = 10, FERRY_UINT_32 = 11, FERRY_UINT_64 = 12,
  // One byte, 0 or 1.
  FERRY_BOOL = 13,
};

// How values become one.
enum ferry_reduction {
  FERRY_REDUCE_SUM = 0, FERRY_REDUCE_MEAN = 1, FERRY_REDUCE_PRODUCT = 2,
  FERRY_REDUCE_MIN = 3, FERRY_REDUCE_MAX = 4,
};

// Who takes part: a peer's name, the same on all members as long as the peer lives.
#define FERRY_MEMBER_BYTES 32
struct ferry_member {
  uint8_t id[FERRY_MEMBER_BYTES];
};

// Writes the members, by seniority, if `capacity` is enough for `*count` of them, which is always
// told; else FERRY_NO_FIT. At most FERRY_MEMBERS_MAX; none while this peer is not a member. The first
// operation that waits for all (FERRY_BARRIER) is the time to ask.
#define FERRY_MEMBERS_MAX 128
ferry_status ferry_list_members(
    ferry_group *group, struct ferry_member *members, size_t capacity, size_t *count);

// Which of them this process is.
ferry_status ferry_self(ferry_group *group, struct ferry_member *self);

// Elements that lie apart: of a tensor with these dimensions, outermost first, where one step along
// dimension i is strides[i] elements up (or down) in memory. The first element is at the pointer.
struct ferry_layout {
  size_t size;
  size_t dimensions;
  const size_t *shape;
  const ptrdiff_t *strides;
};

// Copies what a layout means to elements one after another, and back: what operations do with theirs.
ferry_status ferry_pack(
    const void *values, const struct ferry_layout *layout, uint32_t element, void *packed);
ferry_status ferry_unpack(
    const void *packed, const struct ferry_layout *layout, uint32_t element, void *values);

// What becomes of whose values.
enum ferry_kind {
  // All get what the reduction makes of all members' values: as many from each.
  FERRY_ALL_REDUCE = 1,
  // Each gets its own segment of that, in the order of the contributors, cut evenly.
  FERRY_REDUCE_SCATTER = 2,
  // All get the values of all, one member's after the other's.
  FERRY_ALL_GATHER = 3,
  // All get the peer's values.
  FERRY_BROADCAST = 4,
  // The peer gets the values of all, one member's after the other's.
  FERRY_GATHER = 5,
  // Each gets its own part of the peer's values.
  FERRY_SCATTER = 6,
  // Each gets its own part of all members' values, one member's after the other's.
  FERRY_ALL_TO_ALL = 7,
  // The peer gets this member's values, and makes FERRY_RECEIVE of it.
  FERRY_SEND = 8,
  // Ends for none before all have made this call.
  FERRY_BARRIER = 9,
  FERRY_RECEIVE = 10,
};

// Which way the values take. All-reduce has them all; reduce-scatter direct, ring and hierarchical;
// all-gather direct and ring; broadcast direct, ring and tree; the others direct.
enum ferry_algorithm {
  FERRY_BY_MEASURE = 0, FERRY_BY_RING = 1, FERRY_BY_DIRECT = 2, FERRY_BY_ONE_SHOT = 3,
  FERRY_BY_HALVING_DOUBLING = 4, FERRY_BY_TREE = 5, FERRY_BY_STAR = 6, FERRY_BY_HIERARCHY = 7,
};

// The next `count` of the values are for this member.
struct ferry_part {
  struct ferry_member member;
  size_t count;
};

// This member's part in an operation; grows at its end: set `size` to sizeof, and all else to zero
// first.
struct ferry_operation {
  size_t size;
  // enum ferry_kind, ferry_element, ferry_reduction, ferry_algorithm, ferry_codec; the same for all.
  uint32_t kind;
  uint32_t element;
  uint32_t reduction;
  uint32_t algorithm;
  uint32_t codec;
  // This member's share in a reduction is `weight` if this is set, else 1.
  bool has_weight;
  // The values are the library's until the call was awaited. An all-reduce in place then copies
  // nothing before it begins and after it has ended: it reads values as it needs them, and puts the
  // result in their place as it comes. After a failure they are as they were. The call takes no other
  // place.
  bool lends;
  double weight;
  uint64_t tag;
  // What this member gives, read before ferry_start returns unless it lends them: `count` elements
  // one after another, or as many as the layout says. Where it gives nothing, and no result place is
  // named, only their place.
  void *values;
  size_t count;
  const struct ferry_layout *layout;
  // Where the result is written when the call is awaited: room for `result_count` elements, or, by a
  // layout, for exactly as many as it says. NULL for where the values are.
  void *result;
  size_t result_count;
  const struct ferry_layout *result_layout;
  // Those who take part, in any order; NULL for all members. Not looked at in send and receive.
  const struct ferry_member *members;
  size_t member_count;
  // Whose values are sent, or who gets them: in broadcast, gather, scatter, send and receive.
  const struct ferry_member *peer;
  // In scatter, by the peer, and all-to-all: whose the values are; those not named get nothing.
  const struct ferry_part *parts;
  size_t part_count;
};

// Begins an operation and returns at once; it ends after `seconds` at the latest. On success the call
// is to be given to ferry_await. Result places must stay until then.
ferry_status ferry_start(
    ferry_group *group, const struct ferry_operation *operation, double seconds,
    ferry_call **call);

// What is summed and how, for ferry_start_all_reduce; grows at its end.
struct ferry_reduce {
  size_t size;
  // `count` elements, which this member lends: they are the library's until the call was awaited, and
  // the result then.
  void *values;
  size_t count;
  uint32_t element;
  uint32_t reduction;
  uint64_t tag;
  // This member's share: 1 where weights make no sense.
  double weight;
  // For 32-bit floats: enum ferry_codec.
  uint32_t codec;
};

// As ferry_start, for an all-reduce of all members, in place.
ferry_status ferry_start_all_reduce(
    ferry_group *group, const struct ferry_reduce *reduce, double seconds, ferry_call **call);

// Whether ferry_await would return at once.
bool ferry_is_finished(ferry_call *call);

// Ends the wait at once; where the others have begun without this member's part, nothing comes of it.
void ferry_cancel(ferry_call *call);

// Who took part in an operation, and how much of the result came from it, where it was gathered.
struct ferry_contributor {
  struct ferry_member member;
  double weight;
  size_t count;
};

// What came of an operation, as this member sees it.
struct ferry_result {
  // The operation's number under its tag.
  uint64_t number;
  // How many elements this member gets.
  size_t count;
  // In the same order on all members; they are there until the call is freed.
  const struct ferry_contributor *contributors;
  size_t contributor_count;
};

// Waits for the call and says what came of it, without writing or freeing anything.
ferry_status ferry_outcome(ferry_call *call, struct ferry_result *result);

// Gives the result another place, as `result`, `result_count` and `result_layout` of the operation;
// not where values were lent. NULL drops the result.
ferry_status ferry_set_place(
    ferry_call *call, void *place, size_t count, const struct ferry_layout *layout);

// Waits for the call, writes its result, and frees it. `round` may be NULL; its number is the
// operation's under its tag. On failure nothing was written. After FERRY_NO_FIT, and then only, the
// call is still there: ferry_outcome says how many elements there are, ferry_set_place gives them a
// place (NULL: drops them), and the call is to be awaited once more.
ferry_status ferry_await(ferry_call *call, struct ferry_round *round);

// Names values that all members hold alike after the round before: compared before the next round,
// and given to newcomers. Copied; stays until it is set again.
ferry_status ferry_set_state(
    ferry_group *group, const char *name, const float *values, size_t count);

// Copies the values that this peer was given when it joined or reloaded; `count` must be theirs.
ferry_status ferry_state(ferry_group *group, const char *name, float *values, size_t count);

// After FERRY_EVICTED: waits until this peer is a member again, with the group's state in hand.
ferry_status ferry_reload(ferry_group *group, double seconds);

// The number of members; 0 while this peer is not one.
uint32_t ferry_members(ferry_group *group);
// The number of the last round that this peer holds.
uint64_t ferry_round_number(ferry_group *group);

// "host:port" where this peer listens, with its ending zero.
#define FERRY_ADDRESS_CAPACITY 300
ferry_status ferry_address(ferry_group *group, char *text, size_t capacity);

// Leaves once the others have agreed to go on without this peer. The group is still to be freed.
ferry_status ferry_leave(ferry_group *group, double seconds);

// Ends the links, if they are up still, and gives all memory back. NULL does nothing.
void ferry_free(ferry_group *group);

// Why the last call on this thread failed; "" if none did. Valid until the next call on this thread.
const char *ferry_last_error(void);

#ifdef __cplusplus
}
#endif

#include "ferry_ot.h"
#endif
