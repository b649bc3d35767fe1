#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Compiles the part of the MPI back end that depends on the MPI at hand:
#
#   Tools/mpi/build.sh FOLDER          with MPICC=mpicc.openmpi, mpicc.mpich …; mpicc otherwise
set -euo pipefail
cd "$(dirname "$0")/../.."
MPICC=${MPICC:-mpicc}
OUT=${1:?say into which folder}
if ! command -v "$MPICC" >/dev/null; then
  echo "mpi: $MPICC is not here; on Debian: apt-get install libopenmpi-dev openmpi-bin" >&2
  exit 3
fi
mkdir -p "$OUT"
"$MPICC" -std=c11 -O2 -Wall -Wextra -Werror -fPIC -shared Tools/mpi/ferry_mpi.c -o "$OUT/libferry-mpi.so"
echo "$OUT/libferry-mpi.so"
