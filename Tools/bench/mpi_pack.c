// SPDX-License-Identifier: Apache-2.0
//
// Packs and unpacks 2-D objects with an MPI's own engine: objects of 1 KiB to 4 MiB in blocks of
// 1 B to 4 KiB, one block apart, as `StridedBenchmarks.swift` does. Prints one JSON object a line.
// One process; `Tools/bench/strided-pack.sh` builds and runs it where there is an MPI.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 9, CALLS_BYTES = 256 << 10 };

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void check(int result, const char *what) {
  if (result == MPI_SUCCESS) return;
  fprintf(stderr, "%s failed with %d\n", what, result);
  exit(1);
}

// Median seconds of one call, as the Swift benchmark measures it.
static double measure(MPI_Datatype type, char *wide, char *packed, int bytes, int packs) {
  double seconds[ROUNDS];
  int calls = CALLS_BYTES / bytes;
  if (calls < 1) calls = 1;
  for (int round = -1; round < ROUNDS; round++) {
    double start = MPI_Wtime();
    for (int i = 0; i < (round < 0 ? 1 : calls); i++) {
      int position = 0;
      check(
          packs ? MPI_Pack(wide, 1, type, packed, bytes, &position, MPI_COMM_SELF)
                : MPI_Unpack(packed, bytes, &position, wide, 1, type, MPI_COMM_SELF),
          "packing");
    }
    if (round >= 0) seconds[round] = (MPI_Wtime() - start) / calls;
  }
  qsort(seconds, ROUNDS, sizeof *seconds, ascending);
  return seconds[ROUNDS / 2];
}

int main(int argc, char **argv) {
  check(MPI_Init(&argc, &argv), "MPI_Init");
  char library[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  check(MPI_Get_library_version(library, &length), "MPI_Get_library_version");
  library[strcspn(library, ",\n")] = 0;
  for (char *c = library; *c; c++) *c = *c == '\t' ? ' ' : *c;
  for (int object = 1 << 10; object <= 4 << 20; object *= 4) {
    for (int block = 1; block <= 4096; block *= 2) {
      int count = object / block > 1 ? object / block : 1, bytes = count * block;
      MPI_Datatype type;
      check(MPI_Type_vector(count, block, 2 * block, MPI_BYTE, &type), "MPI_Type_vector");
      check(MPI_Type_commit(&type), "MPI_Type_commit");
      char *wide = malloc(2 * (size_t)bytes), *packed = malloc((size_t)bytes);
      if (!wide || !packed) return 1;
      for (int i = 0; i < 2 * bytes; i++) wide[i] = (char)(i * 167 >> 3);
      double pack = measure(type, wide, packed, bytes, 1);
      for (int i = 0; i < bytes; i++) {
        if (packed[i] != wide[i / block * 2 * block + i % block]) return 1;
      }
      double unpack = measure(type, wide, packed, bytes, 0);
      printf(
          "{\"name\":\"pack\",\"bytes\":%d,\"block\":%d,\"gigabytesASecond\":%.2f,"
          "\"library\":\"%s\"}\n"
          "{\"name\":\"unpack\",\"bytes\":%d,\"block\":%d,\"gigabytesASecond\":%.2f,"
          "\"library\":\"%s\"}\n",
          bytes, block, bytes / pack / 1e9, library, bytes, block, bytes / unpack / 1e9, library);
      free(wide);
      free(packed);
      MPI_Type_free(&type);
    }
  }
  return MPI_Finalize();
}
