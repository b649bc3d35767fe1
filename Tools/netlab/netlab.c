// SPDX-License-Identifier: Apache-2.0
// The emulator of the network laboratory: carries IPv4 packets between TUN devices, one a host.
// `netlab` (beside this file) makes the hosts, compiles this and starts it:
//
//   netlab-emulator SEED CONTROL-FD TUN-FD…      TUN n belongs to host n, 10.77.0.n
//
// CONTROL-FD is a listening Unix socket; a line in, a line out, "ok", "error: …" or the counters:
//
//   host 1 up=50mbit down=50mbit queue=256kb     the host's own link; rate= sets both ways
//   set 1 2 rate=… queue=… delay=20ms jitter=1ms loss=0.1% reorder=1%      one way, from 1 to 2
//   cut 1 2 [both]    heal [1 2 [both]]    counters
//
// A host is a number, a list (1,2) or all: `cut 1,2 3,4 both` makes a partition. A cut loses
// what is on its way as well.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "network.h"

enum {
  clientsMax = 16,
  lineBytesMax = 512,
  // Packets read from one host before the next host has its turn.
  batchMax = 16,
  wordsMax = 16,
  wakeUpNanosecondsMax = 25000,
};

// MARK: Answers

typedef struct {
  int socket, length;
  char line[lineBytesMax];
} Client;

static Client clients[clientsMax];
static char *answer;
static size_t answerLength, answerRoom;

__attribute__((format(printf, 1, 2))) static bool say(const char *format, ...) {
  for (;;) {
    va_list values;
    va_start(values, format);
    size_t room = answerRoom - answerLength;
    int needed = vsnprintf(answer + answerLength, room, format, values);
    va_end(values);
    if ((size_t)needed < room) return answerLength += needed, true;
    answerRoom = answerRoom * 2 + needed;
    answer = realloc(answer, answerRoom);
    if (answer == NULL) abort();
  }
}

__attribute__((format(printf, 1, 2))) static bool fail(const char *format, ...) {
  char text[lineBytesMax * 2];
  va_list values;
  va_start(values, format);
  vsnprintf(text, sizeof text, format, values);
  va_end(values);
  answerLength = 0;
  say("error: %s\n", text);
  return false;
}

static void sayCounters(void) {
  say("{\"seed\":%llu,\"in_flight\":%llu,\"stray\":[", (unsigned long long)seed,
      (unsigned long long)inFlight);
  for (int h = 0; h < hostCount; h++) say("%s%llu", h ? "," : "", (unsigned long long)hosts[h].stray);
  say("],\"pairs\":[");
  const char *comma = "";
  for (int from = 0; from < hostCount; from++) {
    for (int to = 0; to < hostCount; to++) {
      const Pair *pair = &pairs[from][to];
      if (from == to) continue;
      say("%s{\"from\":%d,\"to\":%d,\"packets\":%llu,\"bytes\":%llu,\"delivered_packets\":%llu,"
          "\"delivered_bytes\":%llu,\"dropped\":{", comma, from + 1, to + 1,
          (unsigned long long)pair->packets, (unsigned long long)pair->bytes,
          (unsigned long long)pair->deliveredPackets, (unsigned long long)pair->deliveredBytes);
      for (Cause cause = 0; cause < causes; cause++) {
        say("%s\"%s\":%llu", cause ? "," : "", causeNames[cause],
            (unsigned long long)pair->dropped[cause]);
      }
      say("}}");
      comma = ",";
    }
  }
  say("]}\n");
}

// MARK: Values with units

typedef struct { const char *name; double scale; } Unit;
static const Unit rates[] = {{"bit", 1}, {"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}, {NULL, 0}};
static const Unit sizes[] = {
    {"b", 1}, {"kb", 1e3}, {"mb", 1e6}, {"kib", 1024}, {"mib", 1048576}, {NULL, 0}};
static const Unit times[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {NULL, 0}};
static const Unit shares[] = {{"%", 0.01}, {NULL, 0}};

static bool parse(const char *key, const char *text, const Unit *units, double max, double *value) {
  char *end;
  double number = strtod(text, &end);
  if (end != text && number == 0 && *end == 0) return *value = 0, true;  // 0 needs no unit.
  for (const Unit *unit = units; unit->name != NULL && end != text; unit++) {
    if (strcmp(end, unit->name) != 0) continue;
    if (!(number >= 0 && number * unit->scale <= max)) return fail("%s=%s is out of range", key, text);
    return *value = number * unit->scale, true;
  }
  char known[64] = "";
  for (const Unit *unit = units; unit->name != NULL; unit++) {
    strcat(strcat(known, *known ? ", " : ""), unit->name);
  }
  return fail("%s=%s is not a number with its unit (%s)", key, text, known);
}

// MARK: Commands

// `all` (or `*`, which a shell may expand), a number or a list of numbers, as a mask of hosts.
static bool parseHosts(const char *text, uint64_t *mask) {
  *mask = 0;
  if (strcmp(text, "all") == 0 || strcmp(text, "*") == 0) {
    return *mask = (1ull << hostCount) - 1, true;
  }
  for (const char *at = text;; at++) {
    char *end;
    long host = strtol(at, &end, 10);
    if (end == at || (*end != 0 && *end != ',') || host < 1 || host > hostCount) {
      return fail("\"%s\" is not a host: 1 to %d, a list of them (1,2) or all", text, hostCount);
    }
    *mask |= 1ull << (host - 1);
    if (*end == 0) return true;
    at = end;
  }
}

static bool apply(const char *key, const char *text, Host *host, Pair *pair) {
  double value;
  bool isRate = strcmp(key, "rate") == 0;
  if (isRate || (host && (strcmp(key, "up") == 0 || strcmp(key, "down") == 0))) {
    if (!parse(key, text, rates, 1e12, &value)) return false;
    if (pair) setRate(&pair->limiter, value);
    if (host && *key != 'd') setRate(&host->up, value);
    if (host && *key != 'u') setRate(&host->down, value);
  } else if (strcmp(key, "queue") == 0) {
    if (!parse(key, text, sizes, 1e9, &value)) return false;
    if (value < queueBytesMin) return fail("queue=%s is under %d bytes", text, queueBytesMin);
    if (pair) pair->limiter.queueBytes = value;
    if (host) host->up.queueBytes = host->down.queueBytes = value;
  } else if (pair && (strcmp(key, "delay") == 0 || strcmp(key, "jitter") == 0)) {
    if (!parse(key, text, times, 60e9, &value)) return false;
    *(*key == 'd' ? &pair->delay : &pair->jitter) = value;
  } else if (pair && (strcmp(key, "loss") == 0 || strcmp(key, "reorder") == 0)) {
    if (!parse(key, text, shares, 1, &value)) return false;
    *(*key == 'l' ? &pair->loss : &pair->reorder) = value;
  } else {
    return fail("\"%s\" cannot be set; %s", key, pair
        ? "a pair has rate, queue, delay, jitter, loss, reorder" : "a host has up, down, rate, queue");
  }
  return true;
}

static bool applyAll(char **words, int count, Host *host, Pair *pair) {
  for (int w = 0; w < count; w++) {
    char key[lineBytesMax], *equals = strchr(words[w], '=');
    if (equals == NULL) return fail("\"%s\" is not KEY=VALUE", words[w]);
    snprintf(key, sizeof key, "%.*s", (int)(equals - words[w]), words[w]);
    if (!apply(key, equals + 1, host, pair)) return false;
  }
  return true;
}

static bool obey(char *line) {
  char *words[wordsMax], *rest = NULL;
  int count = 0;
  for (char *word = strtok_r(line, " \t\r", &rest); word; word = strtok_r(NULL, " \t\r", &rest)) {
    if (count == wordsMax) return fail("more than %d words", wordsMax);
    words[count++] = word;
  }
  const char *verb = count > 0 ? words[0] : "";
  if (strcmp(verb, "counters") == 0 && count == 1) return sayCounters(), true;
  bool isHeal = strcmp(verb, "heal") == 0, isCut = strcmp(verb, "cut") == 0;
  uint64_t from = 0, to = 0;
  if (isHeal && count == 1) {
    parseHosts("all", &from), parseHosts("all", &to);
  } else if (strcmp(verb, "host") == 0 && count > 2) {
    if (!parseHosts(words[1], &from)) return false;
  } else if ((strcmp(verb, "set") == 0 && count > 3)
             || ((isHeal || isCut)
                 && (count == 3 || (count == 4 && strcmp(words[3], "both") == 0)))) {
    if (!parseHosts(words[1], &from) || !parseHosts(words[2], &to)) return false;
  } else {
    return fail("not one of: set A B KEY=VALUE…, host A KEY=VALUE…, cut A B [both], "
                "heal [A B [both]], counters");
  }
  // Twice, first on copies: a line that is wrong anywhere changes nothing.
  Host host = {0};
  Pair pair = {0};
  if (*verb == 'h' && !isHeal && !applyAll(words + 2, count - 2, &host, NULL)) return false;
  if (*verb == 's' && !applyAll(words + 3, count - 3, NULL, &pair)) return false;
  for (int a = 0; a < hostCount; a++) {
    if (!(from >> a & 1)) continue;
    if (*verb == 'h' && !isHeal) applyAll(words + 2, count - 2, &hosts[a], NULL);
    for (int b = 0; b < hostCount; b++) {
      if (!(to >> b & 1) || a == b) continue;
      if (*verb == 's') applyAll(words + 3, count - 3, NULL, &pairs[a][b]);
      if (isHeal || isCut) pairs[a][b].isCut = isCut;
      if ((isHeal || isCut) && count == 4) pairs[b][a].isCut = isCut;
    }
  }
  return say("ok\n");
}

// MARK: The control socket

static void closeClient(Client *client) {
  close(client->socket);
  *client = (Client){.socket = -1};
}

static void acceptClient(int control) {
  int socket = accept4(control, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  for (int c = 0; c < clientsMax && socket >= 0; c++) {
    if (clients[c].socket >= 0) continue;
    clients[c] = (Client){.socket = socket};
    return;
  }
  if (socket >= 0) close(socket);
}

static void serve(Client *client) {
  ssize_t got = read(client->socket, client->line + client->length, lineBytesMax - client->length);
  if (got <= 0) {
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) closeClient(client);
    return;
  }
  client->length += got;
  for (char *end; (end = memchr(client->line, '\n', client->length)) != NULL;) {
    *end = 0;
    answerLength = 0;
    obey(client->line);
    // A client that does not read its answers is closed; the network waits for nobody.
    if (send(client->socket, answer, answerLength, MSG_NOSIGNAL) != (ssize_t)answerLength) {
      return closeClient(client);
    }
    client->length -= end + 1 - client->line;
    memmove(client->line, end + 1, client->length);
  }
  if (client->length == lineBytesMax) closeClient(client);
}

// MARK: The loop

static void readHost(int from) {
  static uint8_t frame[frameBytesMax];
  for (int n = 0; n < batchMax; n++) {
    ssize_t length = read(hosts[from].tun, frame, sizeof frame);
    if (length <= 0) return;
    offer(from, frame, length);
  }
}

int main(int count, char **words) {
  if (count < 4 || count - 3 > hostsMax) {
    fprintf(stderr, "usage: netlab-emulator SEED CONTROL-FD TUN-FD…   (at most %d hosts)\n", hostsMax);
    return 64;
  }
  prctl(PR_SET_TIMERSLACK, 1);  // 50 µs otherwise, half the delay of a LAN.
  seed = strtoull(words[1], NULL, 10);
  hostCount = count - 3;
  answerRoom = 1 << 16;
  answer = malloc(answerRoom);
  struct pollfd polled[1 + clientsMax + hostsMax] = {{atoi(words[2]), POLLIN, 0}};
  struct pollfd *polledClients = polled + 1, *polledHosts = polledClients + clientsMax;
  for (int c = 0; c < clientsMax; c++) clients[c].socket = -1;
  for (int h = 0; h < hostCount; h++) {
    hosts[h].tun = atoi(words[3 + h]);
    hosts[h].up.queueBytes = hosts[h].down.queueBytes = queueBytesDefault;
    for (int to = 0; to < hostCount; to++) pairs[h][to].limiter.queueBytes = queueBytesDefault;
    polledHosts[h] = (struct pollfd){hosts[h].tun, POLLIN, 0};
  }
  // Packets due within this are due now: what the kernel takes to wake us up, learnt from the last
  // times, as one processor takes 5 µs and another 25.
  int64_t wakeUp = 0;
  for (;;) {
    int64_t time = now() + wakeUp;
    while (heapCount > 0 && heap[0]->due <= time) arrive(pop(), time);
    for (int c = 0; c < clientsMax; c++) {
      polledClients[c] = (struct pollfd){clients[c].socket, POLLIN, 0};
    }
    struct timespec wait = {0}, *deadline = NULL;
    int64_t wakeAt = 0;
    if (heapCount > 0) {
      wakeAt = heap[0]->due - wakeUp;
      int64_t left = wakeAt - now();
      if (left > 0) {
        wait = (struct timespec){left / 1000000000, left % 1000000000};
      } else {
        wakeAt = 0;
      }
      deadline = &wait;
    }
    int ready = ppoll(polled, 1 + clientsMax + hostCount, deadline, NULL);
    if (ready == 0 && wakeAt > 0) {
      int64_t late = now() - wakeAt;
      if (late > wakeUpNanosecondsMax) late = wakeUpNanosecondsMax;
      wakeUp += (late - wakeUp) / 16;
    }
    if (ready <= 0) continue;
    for (int h = 0; h < hostCount; h++) {
      if (polledHosts[h].revents != 0) readHost(h);
    }
    for (int c = 0; c < clientsMax; c++) {
      if (polledClients[c].revents != 0) serve(&clients[c]);
    }
    if (polled[0].revents != 0) acceptClient(polled[0].fd);
  }
}
