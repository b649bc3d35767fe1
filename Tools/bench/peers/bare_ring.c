// SPDX-License-Identifier: Apache-2.0
//
// The floor: a ring all-reduce on bare TCP sockets, one thread a rank, with BENCH_CONNECTIONS to
// the next rank. No encryption, no frames, no checks. Each connection has a ring of its own over its
// share of the vector, and what arrives is passed on as soon as it is added: no step waits for all
// of the step before.
#include "member.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>

enum { CONNECTIONS_MAX = 64, RANKS_MAX = 64, PIECE = 1 << 16, SILENCE_MS_MAX = 120000 };

// One connection's ring: two streams of 2 (W - 1) segments; byte i of segment s + 1 that is sent is
// byte i of segment s that came in.
struct ring {
  int out, in;
  float *values;
  size_t count;
  int sending, receiving;     // Segments done.
  size_t sent, received;      // Bytes of the current ones.
  _Alignas(64) char piece[PIECE];
  size_t waiting;             // Bytes in `piece` that are not added yet.
};

static struct ring rings[CONNECTIONS_MAX];
static int connections, rank, world;

static size_t segment_start(const struct ring *ring, int index) {
  index = ((index % world) + world) % world;
  size_t base = ring->count / world, longer = ring->count % world;
  return index * base + ((size_t)index < longer ? (size_t)index : longer);
}

static size_t segment_bytes(const struct ring *ring, int index) {
  index = ((index % world) + world) % world;
  return 4 * (ring->count / world + ((size_t)index < ring->count % world));
}

// Whether anything moved.
static int send_some(struct ring *ring) {
  if (ring->sending == 2 * (world - 1)) return 0;
  size_t length = segment_bytes(ring, rank - ring->sending), ready = length;
  if (ring->sending > ring->receiving)
    // What came in and is added; a rest of a float waits.
    ready = ring->sending == ring->receiving + 1 ? ring->received - ring->waiting : 0;
  if (ready > ring->sent) {
    char *from = (char *)(ring->values + segment_start(ring, rank - ring->sending)) + ring->sent;
    ssize_t count = send(ring->out, from, ready - ring->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != EINTR) fail("a link broke in send");
    if (count <= 0) return 0;
    ring->sent += count;
  } else if (ready < length) {
    return 0;
  }
  if (ring->sent == length) {
    ring->sending++;
    ring->sent = 0;
  }
  return 1;
}

static int receive_some(struct ring *ring) {
  if (ring->receiving == 2 * (world - 1)) return 0;
  int index = rank - 1 - ring->receiving;
  size_t length = segment_bytes(ring, index);
  char *to = (char *)(ring->values + segment_start(ring, index));
  int adds = ring->receiving < world - 1;
  if (length > ring->received) {
    size_t want = length - ring->received;
    if (adds && want > PIECE - ring->waiting) want = PIECE - ring->waiting;
    char *at = adds ? ring->piece + ring->waiting : to + ring->received;
    ssize_t count = recv(ring->in, at, want, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) fail("a link broke in recv");
    if (count < 0) return 0;
    ring->received += count;
    if (adds) {
      ring->waiting += count;
      size_t whole = ring->waiting / 4;
      float *target = (float *)(to + ring->received - ring->waiting);
      const float *source = (const float *)ring->piece;
      for (size_t i = 0; i < whole; i++) target[i] += source[i];
      ring->waiting -= 4 * whole;
      memmove(ring->piece, ring->piece + 4 * whole, ring->waiting);
    }
  }
  if (ring->received == length) {
    ring->receiving++;
    ring->received = 0;
  }
  return 1;
}

static void reduce(float *values, size_t count) {
  size_t start = 0;
  for (int i = 0; i < connections; i++) {
    struct ring *ring = &rings[i];
    size_t end = count * (i + 1) / connections;
    ring->values = values + start;
    ring->count = end - start;
    ring->sending = ring->receiving = 0;
    ring->sent = ring->received = ring->waiting = 0;
    start = end;
  }
  for (;;) {
    struct pollfd sockets[2 * CONNECTIONS_MAX];
    int watched = 0, moved = 0;
    for (int i = 0; i < connections; i++) {
      // A stalled sender waits for room only when it has something to send.
      int sent = send_some(&rings[i]), received = receive_some(&rings[i]);
      moved |= sent | received;
      struct ring *ring = &rings[i];
      if (ring->sending < 2 * (world - 1)) {
        int has = ring->sending <= ring->receiving ||
                  (ring->sending == ring->receiving + 1 && ring->received - ring->waiting > ring->sent);
        if (has) sockets[watched++] = (struct pollfd){.fd = ring->out, .events = POLLOUT};
      }
      if (ring->receiving < 2 * (world - 1))
        sockets[watched++] = (struct pollfd){.fd = ring->in, .events = POLLIN};
    }
    if (moved) continue;
    if (!watched) return;
    if (poll(sockets, watched, SILENCE_MS_MAX) == 0) fail("nothing moved for two minutes");
  }
}

// "host:port,host:port,…": that of a rank.
static struct sockaddr_in address_of(int of) {
  char all[RANKS_MAX * 32];
  snprintf(all, sizeof all, "%s", setting("BENCH_ADDRESSES"));
  char *one = strtok(all, ",");
  for (int i = 0; i < of && one; i++) one = strtok(NULL, ",");
  char *colon = one ? strchr(one, ':') : NULL;
  struct sockaddr_in address = {.sin_family = AF_INET};
  if (!colon) fail("BENCH_ADDRESSES has no such rank");
  *colon = 0;
  address.sin_port = htons(atoi(colon + 1));
  if (inet_pton(AF_INET, one, &address.sin_addr) != 1) fail("an address that is none");
  return address;
}

static void without_delay(int socket) {
  int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int main(void) {
  rank = atoi(setting("BENCH_RANK"));
  world = atoi(setting("BENCH_WORLD"));
  connections = atoi(setting("BENCH_CONNECTIONS"));
  meet_driver(rank);
  if (connections < 1 || connections > CONNECTIONS_MAX || world > RANKS_MAX) fail("too many");
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in mine = address_of(rank), next = address_of((rank + 1) % world);
  if (bind(listener, (struct sockaddr *)&mine, sizeof mine) || listen(listener, connections))
    fail("cannot listen");
  for (int i = 0; i < connections; i++) {
    for (int tries = 0;; tries++) {
      rings[i].out = socket(AF_INET, SOCK_STREAM, 0);
      if (connect(rings[i].out, (struct sockaddr *)&next, sizeof next) == 0) break;
      close(rings[i].out);
      if (tries == 500) fail("the next rank does not listen");
      nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    without_delay(rings[i].out);
    char index = i;
    if (send(rings[i].out, &index, 1, MSG_NOSIGNAL) != 1) fail("the next rank has gone");
  }
  for (int i = 0; i < connections; i++) {
    struct pollfd one = {.fd = listener, .events = POLLIN};
    if (poll(&one, 1, SILENCE_MS_MAX) != 1) fail("the rank before does not come");
    int socket = accept(listener, NULL, NULL);
    char index;
    if (recv(socket, &index, 1, 0) != 1 || index < 0 || index >= connections) fail("a stranger");
    without_delay(socket);
    rings[(int)index].in = socket;
  }
  serve(rank, world, reduce);
}
