// SPDX-License-Identifier: Apache-2.0
//
// What an island needs of MPI, as plain functions: compiled by the mpicc of the machine, and loaded by
// Ferry at run time. MPI is a source interface (Open MPI and MPICH disagree on every type's layout),
// so one Ferry cannot be linked to all of them; this file is the part that is compiled per MPI.
//
// All functions return 0, or MPI's error code. They are called from the thread that started.
#include <limits.h>
#include <mpi.h>
#include <stddef.h>
#include <stdint.h>

// Counts of MPI are ints.
#define PIECE_MAX ((uint64_t)1 << 28)

int ferry_mpi_start(int *rank, int *size) {
  int level = 0;
  int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
  if (code != MPI_SUCCESS) return code;
  // Errors come back; a rank that dies still ends the island, as MPI has it.
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  code = MPI_Comm_rank(MPI_COMM_WORLD, rank);
  return code != MPI_SUCCESS ? code : MPI_Comm_size(MPI_COMM_WORLD, size);
}

int ferry_mpi_stop(void) { return MPI_Finalize(); }

int ferry_mpi_version(char *text, int capacity) {
  char version[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  int code = MPI_Get_library_version(version, &length);
  int i = 0;
  for (; code == MPI_SUCCESS && i < length && i + 1 < capacity; i++) {
    if (version[i] == '\n' || version[i] == ',') break;
    text[i] = version[i];
  }
  if (capacity > 0) text[i] = 0;
  return code;
}

static int sum(void *values, uint64_t count, MPI_Datatype type, size_t width) {
  int rank = 0;
  int code = MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  for (uint64_t done = 0; code == MPI_SUCCESS && done < count; done += PIECE_MAX) {
    int piece = (int)(count - done < PIECE_MAX ? count - done : PIECE_MAX);
    char *place = (char *)values + done * width;
    code = MPI_Reduce(rank == 0 ? MPI_IN_PLACE : place, rank == 0 ? place : NULL, piece, type,
        MPI_SUM, 0, MPI_COMM_WORLD);
  }
  return code;
}

// The sum over all ranks, over rank 0's values.
int ferry_mpi_sum_f32(float *values, uint64_t count) {
  return sum(values, count, MPI_FLOAT, sizeof(float));
}

int ferry_mpi_sum_f64(double *values, uint64_t count) {
  return sum(values, count, MPI_DOUBLE, sizeof(double));
}

// Rank 0's bytes, over everybody's.
int ferry_mpi_share(void *bytes, uint64_t count) {
  int code = MPI_SUCCESS;
  for (uint64_t done = 0; code == MPI_SUCCESS && done < count; done += PIECE_MAX) {
    int piece = (int)(count - done < PIECE_MAX ? count - done : PIECE_MAX);
    code = MPI_Bcast((char *)bytes + done, piece, MPI_BYTE, 0, MPI_COMM_WORLD);
  }
  return code;
}
