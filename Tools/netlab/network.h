// SPDX-License-Identifier: Apache-2.0
// What happens to packets in the network laboratory, between a TUN device and another. `netlab.c`
// includes this once and adds the clock and the control socket.
//
// A packet passes: the sender's uplink, the directed pair (rate, loss, delay, jitter), the receiver's
// downlink. Each rate is a token bucket one packet deep before a queue bounded in bytes, which drops
// its tail. Times are virtual: a late wake-up delays a packet, it does not lower a rate.
//
// TUN hands over TCP in super-packets of many segments (that is how one core carries gigabits). What
// happens, happens to segments: each is numbered, counted, queued, lost on its own; the rest of a
// super-packet goes on in pieces. Loss, jitter and reordering are drawn from (seed, pair, packet
// number) alone, so the same seed drops the same packet numbers.
#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
  hostsMax = 32,
  // A super-packet goes on in pieces that take at most this on the slowest link: 16 segments
  // at 1 Gbit/s, like a network card's own bursts. With 8 the emulator carried a fifth less.
  pieceNanosecondsMax = 200000,
  // Held at once: a long delay without a rate would take all memory.
  piecesMax = 1 << 17,
  heldBytesMax = 512 << 20,
  prefixBytes = 10,  // struct virtio_net_hdr before each packet.
  frameBytesMax = prefixBytes + 65535,
  queueBytesMin = 2000,
  queueBytesDefault = 1000000,
};

static const uint32_t network = 10u << 24 | 77u << 16;

// MARK: What the network is made of. Times are nanoseconds of CLOCK_MONOTONIC.

typedef struct {
  int64_t bitsPerSecond;  // 0: no limit, no queue.
  int64_t queueBytes;
  int64_t busyUntil;
} Limiter;

typedef enum { lost, overflowed, cut, unheld, refused, causes } Cause;
static const char *const causeNames[causes] = {"loss", "queue", "cut", "memory", "refused"};

typedef struct {
  Limiter limiter;
  int64_t delay, jitter;
  double loss, reorder;
  bool isCut;
  int64_t lastDue;
  uint64_t packets, bytes, deliveredPackets, deliveredBytes, dropped[causes];
} Pair;

typedef struct {
  Limiter up, down;
  int tun;
  uint64_t stray;  // Packets for nobody here, multicast for example.
} Host;

// A run of segments on its way. `first` and `last` say when its first and last byte arrive where it
// is now: what follows a slow link may begin before all of it is there.
typedef struct {
  int64_t first, last, due;
  uint64_t order;
  int length, wireBytes, segments;
  uint8_t from, to;
  bool isQueued;  // In the receiver's downlink already.
  uint8_t frame[];
} Piece;

static uint64_t seed;
static int hostCount;
static Host hosts[hostsMax];
static Pair pairs[hostsMax][hostsMax];
static Piece *heap[piecesMax];
static int heapCount;
static uint64_t nextOrder, inFlight;
static int64_t heldBytes;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ll + time.tv_nsec;
}

// MARK: Chance

static uint64_t mix(uint64_t z) {  // SplitMix64 (Steele, Lea, Flood 2014).
  z += 0x9e3779b97f4a7c15ull;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ z >> 27) * 0x94d049bb133111ebull;
  return z ^ z >> 31;
}

typedef enum { forLoss, forJitter, forReorder } Purpose;

// Uniform in [0, 1), the same for the same seed, pair, packet number and purpose.
static double draw(int from, int to, uint64_t number, Purpose purpose) {
  uint64_t stream = mix(seed ^ mix((uint64_t)from << 16 | (uint64_t)to << 8 | purpose));
  return (mix(stream + number * 0x9e3779b97f4a7c15ull) >> 11) * 0x1p-53;
}

// MARK: Rates

static int64_t backlogBytes(const Limiter *limiter, int64_t time) {
  if (limiter->busyUntil <= time) return 0;
  return (double)(limiter->busyUntil - time) * limiter->bitsPerSecond / 8e9;
}

// Sends `bytes` through; moves `first` and `last` to when they leave. False: the queue is full.
static bool pass(Limiter *limiter, int64_t bytes, int64_t *first, int64_t *last) {
  if (limiter->bitsPerSecond == 0) return true;
  if (backlogBytes(limiter, *first) + bytes > limiter->queueBytes) return false;
  int64_t start = limiter->busyUntil > *first ? limiter->busyUntil : *first;
  int64_t finish = start + (int64_t)(bytes * 8e9 / limiter->bitsPerSecond);
  if (finish < *last) finish = *last;
  limiter->busyUntil = finish;
  *first = start;
  *last = finish;
  return true;
}

// What waits already is counted at the new rate, for those who come after it.
static void setRate(Limiter *limiter, int64_t bitsPerSecond) {
  int64_t time = now(), bytes = backlogBytes(limiter, time);
  limiter->bitsPerSecond = bitsPerSecond;
  limiter->busyUntil = bitsPerSecond == 0 ? 0 : time + (int64_t)(bytes * 8e9 / bitsPerSecond);
}

// MARK: What waits, earliest first; equal times in the order they came

static bool isBefore(const Piece *a, const Piece *b) {
  return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void push(Piece *piece) {
  int at = heapCount++;
  for (; at > 0 && isBefore(piece, heap[(at - 1) / 2]); at = (at - 1) / 2) {
    heap[at] = heap[(at - 1) / 2];
  }
  heap[at] = piece;
}

static Piece *pop(void) {
  Piece *top = heap[0], *last = heap[--heapCount];
  int at = 0;
  for (int child; (child = 2 * at + 1) < heapCount; at = child) {
    if (child + 1 < heapCount && isBefore(heap[child + 1], heap[child])) child += 1;
    if (!isBefore(heap[child], last)) break;
    heap[at] = heap[child];
  }
  heap[at] = last;
  return top;
}

// MARK: Segments of a super-packet

typedef struct {
  int header;   // IP and TCP header bytes, repeated in each segment; 0 for a plain packet.
  int payload;  // Bytes behind the header.
  int size;     // Payload bytes of each segment but the last.
  int count;
} Shape;

static uint16_t read16(const uint8_t *p) { return p[0] << 8 | p[1]; }
static void write16(uint8_t *p, uint16_t value) { p[0] = value >> 8, p[1] = value; }
static uint32_t read32(const uint8_t *p) { return (uint32_t)read16(p) << 16 | read16(p + 2); }
static void write32(uint8_t *p, uint32_t v) { write16(p, v >> 16), write16(p + 2, v); }

static Shape shapeOf(const uint8_t *frame, int length) {
  struct virtio_net_hdr prefix;
  memcpy(&prefix, frame, prefixBytes);
  int bytes = length - prefixBytes;
  Shape whole = {0, bytes, bytes, 1};
  if ((prefix.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) != VIRTIO_NET_HDR_GSO_TCPV4) return whole;
  const uint8_t *ip = frame + prefixBytes;
  int header = (ip[0] & 15) * 4;
  if (bytes < header + 20 || prefix.gso_size == 0) return whole;
  header += (ip[header + 12] >> 4) * 4;
  if (bytes <= header) return whole;
  int payload = bytes - header;
  return (Shape){header, payload, prefix.gso_size, (payload + prefix.gso_size - 1) / prefix.gso_size};
}

// IP bytes that segments begin ..< end take on the wire.
static int wireBytes(const Shape *shape, int begin, int end) {
  int stop = end == shape->count ? shape->payload : end * shape->size;
  return (end - begin) * shape->header + stop - begin * shape->size;
}

static uint16_t folded(uint32_t sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

// Segments begin ..< end of a frame as a piece of its own.
static Piece *slice(const uint8_t *frame, int length, const Shape *shape, int begin, int end) {
  bool isWhole = end - begin == shape->count;
  int skipped = begin * shape->size;
  int kept = isWhole ? shape->payload : wireBytes(shape, begin, end) - (end - begin) * shape->header;
  int bytes = isWhole ? length : prefixBytes + shape->header + kept;
  Piece *piece = malloc(sizeof(Piece) + bytes);
  if (piece == NULL) return NULL;
  *piece = (Piece){.length = bytes, .segments = end - begin};
  heldBytes += bytes;
  piece->wireBytes = wireBytes(shape, begin, end);
  if (isWhole) {
    memcpy(piece->frame, frame, length);
    return piece;
  }
  memcpy(piece->frame, frame, prefixBytes + shape->header);
  uint8_t *ip = piece->frame + prefixBytes, *tcp = ip + (ip[0] & 15) * 4;
  memcpy(ip + shape->header, frame + prefixBytes + shape->header + skipped, kept);
  if (end - begin == 1) {
    struct virtio_net_hdr prefix;
    memcpy(&prefix, piece->frame, prefixBytes);
    prefix.gso_type = VIRTIO_NET_HDR_GSO_NONE;
    prefix.gso_size = 0;
    memcpy(piece->frame, &prefix, prefixBytes);
  }
  write16(ip + 2, shape->header + kept);
  write16(ip + 4, read16(ip + 4) + begin);
  write16(ip + 10, 0);
  uint32_t sum = 0;
  for (uint8_t *p = ip; p < tcp; p += 2) sum += read16(p);
  write16(ip + 10, ~folded(sum));
  write32(tcp + 4, read32(tcp + 4) + skipped);
  if (end < shape->count) tcp[13] &= ~(0x01 | 0x08);  // FIN and PSH belong to the last,
  if (begin > 0) tcp[13] &= ~0x80;                    // CWR to the first.
  // Left by the kernel to whoever sends it on: the sum of the pseudo-header, which holds the length.
  sum = 6 + shape->header + kept - (tcp - ip);
  for (uint8_t *p = ip + 12; p < ip + 20; p += 2) sum += read16(p);
  write16(tcp + 16, folded(sum));
  return piece;
}

static void discard(Piece *piece) {
  heldBytes -= piece->length;
  free(piece);
}

// MARK: A packet's way

static void drop(Pair *pair, Cause cause, int segments) { pair->dropped[cause] += segments; }

// Puts segments begin ..< end, which left the pair between `first` and `last`, on the long line.
static void launch(
    const uint8_t *frame, int length, const Shape *shape, int begin, int end, int from, int to,
    uint64_t number, int64_t first, int64_t last) {
  Pair *pair = &pairs[from][to];
  bool hasRoom = heapCount < piecesMax && heldBytes + length <= heldBytesMax;
  Piece *piece = hasRoom ? slice(frame, length, shape, begin, end) : NULL;
  if (piece == NULL) return drop(pair, unheld, end - begin);
  int64_t delay = pair->delay;
  if (pair->jitter > 0) delay += pair->jitter * draw(from, to, number, forJitter);
  int64_t due = last + delay;
  if (pair->reorder > 0 && draw(from, to, number, forReorder) < pair->reorder) {
    // Late by another delay, and overtaken by those behind.
    due += pair->delay > 100000 ? pair->delay : 100000;
  } else {
    if (due < pair->lastDue) due = pair->lastDue;
    pair->lastDue = due;
  }
  piece->from = from, piece->to = to;
  piece->first = due - (last - first), piece->last = piece->due = due;
  piece->order = nextOrder++;
  inFlight += 1;
  push(piece);
}

// Takes what host `from` sent.
static void offer(int from, const uint8_t *frame, int length) {
  const uint8_t *ip = frame + prefixBytes;
  if (length < prefixBytes + 20 || ip[0] >> 4 != 4) return;
  uint32_t destination = read32(ip + 16) - network - 1;
  if (destination >= (uint32_t)hostCount || (int)destination == from) {
    hosts[from].stray += 1;
    return;
  }
  int to = destination;
  Pair *pair = &pairs[from][to];
  Shape shape = shapeOf(frame, length);
  // What the receiver's link carries in that time.
  int64_t downRate = hosts[to].down.bitsPerSecond;
  double downBytes = downRate == 0 ? frameBytesMax : downRate * (pieceNanosecondsMax / 8e9);
  int64_t time = now(), runFirst = 0, runLast = 0;
  uint64_t runNumber = 0;
  int begin = 0;
  for (int at = 0; at < shape.count; at++) {
    uint64_t number = pair->packets++;
    int bytes = wireBytes(&shape, at, at + 1), pieceBytes = wireBytes(&shape, begin, at + 1);
    int64_t first = time, last = time;
    Cause cause = causes;
    pair->bytes += bytes;
    if (pair->isCut) {
      cause = cut;
    } else if (!pass(&hosts[from].up, bytes, &first, &last)
               || !pass(&pair->limiter, bytes, &first, &last)) {
      cause = overflowed;
    } else if (pair->loss > 0 && draw(from, to, number, forLoss) < pair->loss) {
      cause = lost;
    }
    bool isFull = last - runFirst > pieceNanosecondsMax || pieceBytes > downBytes;
    if (at > begin && (cause != causes || isFull)) {
      launch(frame, length, &shape, begin, at, from, to, runNumber, runFirst, runLast);
      begin = at;
    }
    if (cause != causes) {
      drop(pair, cause, 1);
      begin = at + 1;
      continue;
    }
    if (at == begin) runFirst = first, runNumber = number;
    runLast = last;
  }
  if (begin < shape.count) {
    launch(frame, length, &shape, begin, shape.count, from, to, runNumber, runFirst, runLast);
  }
}

// Hands the piece to its host, or lets it wait in the host's downlink.
static void arrive(Piece *piece, int64_t time) {
  Pair *pair = &pairs[piece->from][piece->to];
  Host *host = &hosts[piece->to];
  if (!piece->isQueued && !pair->isCut && host->down.bitsPerSecond > 0) {
    Shape shape = shapeOf(piece->frame, piece->length);
    int64_t room = host->down.queueBytes - backlogBytes(&host->down, piece->first);
    int fitting = piece->segments;
    while (fitting > 0 && wireBytes(&shape, 0, fitting) > room) fitting -= 1;
    drop(pair, overflowed, piece->segments - fitting);
    if (fitting < piece->segments) {
      Piece *rest = fitting > 0 ? slice(piece->frame, piece->length, &shape, 0, fitting) : NULL;
      if (rest != NULL) {
        rest->from = piece->from, rest->to = piece->to, rest->order = piece->order;
        rest->first = piece->first, rest->last = piece->last;
      }
      discard(piece);
      if (rest == NULL) {
        inFlight -= 1;
        return drop(pair, unheld, fitting);
      }
      piece = rest;
    }
    pass(&host->down, piece->wireBytes, &piece->first, &piece->last);
    piece->isQueued = true;
    if (piece->last > time) {
      piece->due = piece->last;
      return push(piece);
    }
  }
  if (pair->isCut) {
    drop(pair, cut, piece->segments);
  } else if (write(host->tun, piece->frame, piece->length) != piece->length) {
    drop(pair, refused, piece->segments);
  } else {
    pair->deliveredPackets += piece->segments;
    pair->deliveredBytes += piece->wireBytes;
  }
  inFlight -= 1;
  discard(piece);
}
