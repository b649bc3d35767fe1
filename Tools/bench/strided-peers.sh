#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Slices from one process to another, in one run: by Open MPI and by MPICH (their own datatypes, and
# their own MPI_Pack), by our packing and vectored calls over a bare socket, and by operations of a
# Ferry group, in the clear and encrypted. Each takes its turn PASSES times; the fastest median of
# each counts. MPIs that are not installed are left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ -n "${FERRY_LIBRARY_FOLDER:-}" ] || swift build -c release --product FerryC >&2
library=${FERRY_LIBRARY_FOLDER:-$PWD/.build/release}
compiler=$(command -v cc || command -v clang)
"$compiler" -O2 -I Sources/CFerry/include -o "$work/ferry" Tools/bench/strided_ferry.c \
  -L "$library" -lFerryC "-Wl,-rpath,$library"
"$compiler" -O2 -I Sources/CKernels/include -o "$work/bare" Tools/bench/strided_send.c \
  Sources/CKernels/strided_pack.c Sources/CKernels/strided_unpack.c Sources/CKernels/kernel_build.c -lpthread
for mpi in openmpi mpich; do
  if command -v "mpicc.$mpi" >/dev/null && command -v "mpirun.$mpi" >/dev/null; then
    "mpicc.$mpi" -O2 -o "$work/$mpi" Tools/bench/strided_mpi.c
  else
    echo "$mpi is not installed: left out" >&2
  fi
done

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
once() {
  if [ -x "$work/openmpi" ]; then
    mpirun.openmpi -np 2 --oversubscribe --mca btl tcp,self --mca pml ob1 \
      --mca btl_tcp_if_include lo --mca mpi_yield_when_idle 1 "$work/openmpi" openmpi-tcp
    mpirun.openmpi -np 2 --oversubscribe --mca btl vader,self --mca pml ob1 \
      --mca mpi_yield_when_idle 1 "$work/openmpi" openmpi-shared
  fi
  if [ -x "$work/mpich" ]; then
    MPIR_CVAR_NOLOCAL=1 UCX_TLS=tcp,self UCX_NET_DEVICES=lo \
      mpirun.mpich -np 2 "$work/mpich" mpich-tcp
    mpirun.mpich -np 2 "$work/mpich" mpich-shared
  fi
  "$work/ferry" clear
  "$work/ferry" encrypted
  "$work/bare" objects | tr -d '[]{}"' | awk -F'[,:]' '{print "bare/" $2, $4, $6, $8}'
}
for _ in $(seq "${PASSES:-2}"); do once; done >"$work/all"

# Microseconds: a line for each object and block, a column for each way.
awk '
  { key = $2 " " $3
    if (!(key in known)) { known[key]; order[++keys] = key }
    if (!($1 in seen)) { seen[$1]; names[++count] = $1 }
    if (!((key, $1) in best) || $4 < best[key, $1]) best[key, $1] = $4 }
  END {
    printf "%8s %6s", "bytes", "block"
    for (i = 1; i <= count; i++) printf " %23s", names[i]
    print " (microseconds)"
    for (k = 1; k <= keys; k++) {
      split(order[k], part, " ")
      printf "%8d %6d", part[1], part[2]
      for (i = 1; i <= count; i++)
        if ((order[k], names[i]) in best) printf " %23.0f", best[order[k], names[i]] * 1e6
        else printf " %23s", "-"
      print ""
    }
  }' "$work/all"
