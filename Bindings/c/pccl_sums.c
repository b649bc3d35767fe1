// SPDX-License-Identifier: Apache-2.0
//
// A program for PCCL's C interface: peers that learn together, and survive the death of any of them.
// It is built with our pccl.h or with PCCL's own, and runs with our libpccl.
//
//   cc Bindings/c/pccl_sums.c -I Sources/CPCCL/include -L .build/release -lpccl \
//      -Wl,-rpath,$PWD/.build/release -o pccl_sums
//   ./pccl_sums master PORT          runs until it is interrupted
//   ./pccl_sums peer PORT ROUNDS     a peer of it; start several, kill some, add others
#define _DEFAULT_SOURCE
#include <pccl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT 1000

static void check(pcclResult_t result, const char *what) {
  if (result == pcclSuccess) return;
  fprintf(stderr, "%s: result %d\n", what, (int)result);
  exit(1);
}

static pcclMasterInstance_t *master;

static void interrupt(int number) {
  (void)number;
  pcclInterruptMaster(master);
}

static ccoip_socket_address_t local(const char *port) {
  ccoip_socket_address_t address;
  memset(&address, 0, sizeof address);
  address.inet.protocol = inetIPv4;
  address.inet.ipv4.data[0] = 127;
  address.inet.ipv4.data[3] = 1;
  address.port = (uint16_t)atoi(port);
  return address;
}

static int run_master(const char *port) {
  check(pcclCreateMaster(local(port), &master), "create master");
  check(pcclRunMaster(master), "run master");
  signal(SIGINT, interrupt);
  signal(SIGTERM, interrupt);
  puts("listening");
  fflush(stdout);
  check(pcclMasterAwaitTermination(master), "await master");
  check(pcclDestroyMaster(master), "destroy master");
  return 0;
}

static int world(pcclComm_t *communicator) {
  int size = 0;
  check(pcclGetAttribute(communicator, PCCL_ATTRIBUTE_PEER_GROUP_WORLD_SIZE, &size), "attribute");
  return size;
}

int main(int count, char **words) {
  if (count == 3 && !strcmp(words[1], "master")) return run_master(words[2]);
  if (count != 4 || strcmp(words[1], "peer")) {
    fprintf(stderr, "usage: %s master PORT | peer PORT ROUNDS\n", words[0]);
    return 64;
  }
  check(pcclInit(), "init");
  pcclCommCreateParams_t params = {.master_address = local(words[2]), .peer_group = 0};
  pcclComm_t *communicator = NULL;
  check(pcclCreateCommunicator(&params, &communicator), "create");
  check(pcclConnect(communicator), "connect");
  printf("connected world %d\n", world(communicator));
  fflush(stdout);

  static float weights[COUNT], change[COUNT];
  pcclTensorInfo_t tensor = {.name = "weights", .data = weights, .count = COUNT,
      .datatype = pcclFloat, .device_type = pcclDeviceCpu};
  pcclSharedState_t state = {.revision = 0, .count = 1, .infos = &tensor};
  uint64_t rounds = (uint64_t)atoll(words[3]);
  for (int turn = 0; state.revision < rounds; turn++) {
    // Newcomers wait for this. Who was just taken in goes on where the others do: after it.
    if (turn > 0) check(pcclUpdateTopology(communicator), "update topology");
    if (world(communicator) < 2) {
      usleep(20000);
      continue;
    }
    pcclSharedStateSyncInfo_t moved;
    check(pcclSynchronizeSharedState(communicator, &state,
        PCCL_SHARED_STATE_SYNC_STRATEGY_ENFORCE_POPULAR, &moved), "synchronize");
    if (state.revision >= rounds) break;
    if (moved.rx_bytes)
      printf("received %llu bytes of revision %llu\n", (unsigned long long)moved.rx_bytes,
          (unsigned long long)state.revision);
    for (int i = 0; i < COUNT; i++) change[i] = 0.5f * (1 - weights[i]);
    pcclReduceDescriptor_t how = {.count = COUNT, .op = pcclAvg, .tag = 7,
        .src_descriptor = {.datatype = pcclFloat}};
    pcclReduceInfo_t info;
    pcclResult_t result = pcclAllReduce(change, change, &how, communicator, &info);
    if (result == pcclTooFewPeers || result == pcclRankConnectionLost) continue;
    check(result, "all-reduce");
    for (int i = 0; i < COUNT; i++) weights[i] += change[i];
    state.revision++;
    printf("revision %llu world %u first %.9g\n", (unsigned long long)state.revision,
        info.local_world_size, weights[0]);
    fflush(stdout);
  }
  check(pcclDestroyCommunicator(communicator), "destroy");
  return 0;
}
