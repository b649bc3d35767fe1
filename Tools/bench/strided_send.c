// SPDX-License-Identifier: Apache-2.0
//
// Blocks that lie one block apart, over TCP on the loopback interface, in three ways: packed into one
// piece, sent and unpacked; straight from and to their places by vectored calls; one call a block.
// Prints a JSON array of medians for `ferry plan transfer`.
//
//   strided_send grid          1 KiB to 4 MiB, blocks of 1 B to 4 KiB: a table
//   strided_send points SEED   200 sizes between them, to try the table with
//   strided_send objects       the objects of strided_objects.h
#include <arpa/inet.h>
#include <ckernels.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 9, IOVECS = 1024, BYTES_MAX = 4 << 20, BLOCK_MAX = 4096 };
// One call a block costs a microsecond each: more blocks than this are not tried.
enum { SINGLE_BLOCKS_MAX = 65536 };

static char *wide[2], *packed[2];
static int sockets[2];
static pthread_barrier_t start;
static struct { int way; size_t bytes, block; } job;
static const char *const names[] = {"packed", "straight", "single"};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static void check(int holds, const char *what) {
  if (holds) return;
  perror(what);
  exit(1);
}

static void move_all(int socket, int sends, char *at, size_t bytes) {
  while (bytes > 0) {
    ssize_t count = sends ? send(socket, at, bytes, MSG_NOSIGNAL) : recv(socket, at, bytes, MSG_WAITALL);
    check(count > 0, "send or recv");
    at += count;
    bytes -= count;
  }
}

static void move_vectors(int socket, int sends, char *from, size_t bytes, size_t block) {
  static struct iovec all[2][IOVECS];
  struct iovec *vectors = all[sends];
  size_t done = 0, within = 0;
  while (done < bytes) {
    int count = 0;
    size_t at = done - within, skip = within;
    for (; count < IOVECS && at < bytes; count++, at += block, skip = 0) {
      size_t length = bytes - at < block ? bytes - at : block;
      vectors[count] = (struct iovec){from + 2 * at + skip, length - skip};
    }
    ssize_t moved = sends ? writev(socket, vectors, count) : readv(socket, vectors, count);
    check(moved > 0, "writev or readv");
    done += moved;
    within = done % block;
  }
}

static void run(int side) {
  size_t bytes = job.bytes, block = job.block;
  int sends = side == 0;
  ptrdiff_t counts[] = {block, bytes / block}, strides[] = {1, 2 * block};
  switch (job.way) {
    case 0:
      if (sends) ferry_strided_pack(wide[side], packed[side], 2, counts, strides);
      move_all(sockets[side], sends, packed[side], bytes);
      if (!sends) ferry_strided_unpack(packed[side], wide[side], 2, counts, strides);
      break;
    case 1: move_vectors(sockets[side], sends, wide[side], bytes, block); break;
    default:
      for (size_t at = 0; at < bytes; at += block)
        move_all(sockets[side], sends, wide[side] + 2 * at, block);
  }
  // The receiver's last byte is there when its answer is.
  char done = 1;
  move_all(sockets[side], !sends, &done, 1);
}

static void *receiver(void *none) {
  (void)none;
  for (;;) {
    pthread_barrier_wait(&start);
    if (job.way < 0) return NULL;
    run(1);
  }
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static int is_first = 1;

static void measure(size_t bytes, size_t block) {
  bytes = bytes / block * block;
  for (int way = 0; way < 3; way++) {
    if (way == 2 && bytes / block > SINGLE_BLOCKS_MAX) continue;
    double times[ROUNDS];
    for (int round = -2; round < ROUNDS; round++) {
      job.way = way;
      job.bytes = bytes;
      job.block = block;
      memset(wide[1], 0, 2 * bytes);
      pthread_barrier_wait(&start);
      double began = now();
      run(0);
      if (round >= 0) times[round] = now() - began;
      for (size_t at = 0; at < bytes; at += block)
        check(!memcmp(wide[1] + 2 * at, wide[0] + 2 * at, block), "what arrived is something else");
    }
    qsort(times, ROUNDS, sizeof *times, ascending);
    printf("%s{\"way\":\"%s\",\"bytes\":%zu,\"block\":%zu,\"seconds\":%.9g}", is_first ? "[" : ",\n",
           names[way], bytes, block, times[ROUNDS / 2]);
    is_first = 0;
  }
}

int main(int count, char **words) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  check(!bind(listener, (void *)&address, length) && !listen(listener, 1), "listen");
  check(!getsockname(listener, (void *)&address, &length), "getsockname");
  sockets[0] = socket(AF_INET, SOCK_STREAM, 0);
  check(!connect(sockets[0], (void *)&address, length), "connect");
  check((sockets[1] = accept(listener, NULL, NULL)) >= 0, "accept");
  for (int side = 0; side < 2; side++) {
    setsockopt(sockets[side], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    wide[side] = malloc(2 * BYTES_MAX + 2 * BLOCK_MAX);
    packed[side] = malloc(BYTES_MAX + BLOCK_MAX);
    check(wide[side] && packed[side], "malloc");
    for (size_t i = 0; i < 2 * BYTES_MAX; i++) wide[side][i] = i * 167 >> 3;
  }
  pthread_barrier_init(&start, NULL, 2);
  pthread_t thread;
  pthread_create(&thread, NULL, receiver, NULL);
  if (count == 2 && !strcmp(words[1], "grid")) {
    for (size_t bytes = 1 << 10; bytes <= BYTES_MAX; bytes *= 4)
      for (size_t block = 1; block <= BLOCK_MAX && block <= bytes; block *= 2) measure(bytes, block);
  } else if (count == 2 && !strcmp(words[1], "objects")) {
    const size_t objects[] = {4 << 10, 64 << 10, 1 << 20, 4 << 20};
    for (int i = 0; i < 4; i++)
      for (size_t block = 4; block <= 4096; block *= 4) measure(objects[i], block);
  } else if (count == 3 && !strcmp(words[1], "points")) {
    srandom(atoi(words[2]));
    for (int i = 0; i < 200; i++) {
      // Even over the logarithms, odd sizes among them.
      size_t bytes = (1 << 10) << random() % 12, block = 1 << random() % 13;
      bytes += random() % bytes;
      block += random() % block;
      if (block > BLOCK_MAX) block = BLOCK_MAX;
      if (bytes > BYTES_MAX) bytes = BYTES_MAX;
      measure(bytes, block < bytes ? block : bytes);
    }
  } else {
    fprintf(stderr, "usage: strided_send grid | points SEED | objects\n");
    return 64;
  }
  printf("]\n");
  job.way = -1;
  pthread_barrier_wait(&start);
  pthread_join(thread, NULL);
}
