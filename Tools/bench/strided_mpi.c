// SPDX-License-Identifier: Apache-2.0
//
// Objects of floats in blocks, one block apart, from rank 0 to rank 1 of an MPI and an empty answer back: as the
// MPI's own datatype, and packed by the MPI, sent, and unpacked. Tools/bench/strided-peers.sh runs it;
// the first argument names the library in what is printed.
#include "strided_objects.h"

#include <mpi.h>

static void check(int result, const char *what) {
  if (result == MPI_SUCCESS) return;
  fprintf(stderr, "%s failed with %d\n", what, result);
  exit(1);
}

static void send(char *wide, char *packed, int bytes, MPI_Datatype type, int is_packed, int rank) {
  int position = 0;
  if (rank == 0) {
    if (is_packed) {
      check(MPI_Pack(wide, 1, type, packed, bytes, &position, MPI_COMM_WORLD), "MPI_Pack");
      check(MPI_Send(packed, position, MPI_PACKED, 1, 0, MPI_COMM_WORLD), "MPI_Send");
    } else {
      check(MPI_Send(wide, 1, type, 1, 0, MPI_COMM_WORLD), "MPI_Send");
    }
    check(MPI_Recv(NULL, 0, MPI_BYTE, 1, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE), "MPI_Recv");
    return;
  }
  if (is_packed) {
    check(
        MPI_Recv(packed, bytes, MPI_PACKED, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE), "MPI_Recv");
    check(MPI_Unpack(packed, bytes, &position, wide, 1, type, MPI_COMM_WORLD), "MPI_Unpack");
  } else {
    check(MPI_Recv(wide, 1, type, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE), "MPI_Recv");
  }
  check(MPI_Send(NULL, 0, MPI_BYTE, 0, 1, MPI_COMM_WORLD), "MPI_Send");
}

int main(int argc, char **argv) {
  check(MPI_Init(&argc, &argv), "MPI_Init");
  int rank, size;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (size != 2 || argc != 2) return 64;
  char *wide = wide_memory(rank == 0), *packed = wide_memory(0), name[100];
  for (size_t o = 0; o < sizeof objects / sizeof *objects; o++) {
    for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++) {
      int bytes = objects[o], block = blocks[b];
      MPI_Datatype type;
      check(
          MPI_Type_vector(bytes / block, block / 4, block / 2, MPI_FLOAT, &type), "MPI_Type_vector");
      check(MPI_Type_commit(&type), "MPI_Type_commit");
      for (int is_packed = 0; is_packed < 2; is_packed++) {
        double seconds[ROUNDS];
        for (int round = -WARM_ROUNDS; round < ROUNDS; round++) {
          double began = now();
          send(wide, packed, bytes, type, is_packed, rank);
          if (round >= 0) seconds[round] = now() - began;
        }
        snprintf(name, sizeof name, "%s/%s", argv[1], is_packed ? "pack" : "datatype");
        if (rank == 0) print_median(name, bytes, block, seconds);
        if (rank == 1) check_arrived(wide, bytes, block);
        if (rank == 1) memset(wide, 0, 2 * (size_t)bytes);
      }
      MPI_Type_free(&type);
    }
  }
  return MPI_Finalize();
}
