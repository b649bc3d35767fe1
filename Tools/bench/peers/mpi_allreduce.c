// SPDX-License-Identifier: Apache-2.0
//
// MPI_Allreduce of whichever MPI compiled this; started by its mpirun, told what to do by measure.py.
#include <mpi.h>

#include "member.h"

static void reduce(float *values, size_t count) {
  if (MPI_Allreduce(MPI_IN_PLACE, values, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD) != MPI_SUCCESS)
    fail("MPI_Allreduce");
}

int main(int count, char **words) {
  int rank, world;
  MPI_Init(&count, &words);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &world);
  meet_driver(rank);
  // Connections are made when they are first used.
  float one = 1;
  reduce(&one, 1);
  serve(rank, world, reduce);
  MPI_Finalize();
}
