#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Packing bytes that lie apart: ours, and MPI_Pack and MPI_Unpack of the same datatypes of every MPI
# that is installed, one after the other. MPICC="a b" names compilers to use instead of those found.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

export FERRY_BENCH=1 FERRY_ROOM=Tensors
swift build -c release --build-tests >&2
swift test -c release --skip-build --filter StridedBenchmarks 2>/dev/null |
  grep '^{"name"' >"$work/ferry"
found=()
for compiler in ${MPICC:-mpicc.openmpi mpicc.mpich}; do
  if command -v "$compiler" >/dev/null; then
    "$compiler" -O2 -o "$work/mpi_pack" Tools/bench/mpi_pack.c
    OMPI_MCA_btl=self "$work/mpi_pack" >"$work/mpi.${#found[@]}"
    found+=("$work/mpi.${#found[@]}")
  else
    echo "$compiler is not installed: left out" >&2
  fi
done

# Ratios of our speed to each library's, for each size of block over all objects.
awk '
  function field(name,   at) {
    at = match($0, "\"" name "\":\"?[^,\"}]*")
    if (!at) return ""
    value = substr($0, RSTART, RLENGTH)
    sub("^\"" name "\":\"?", "", value)
    return value
  }
  /"block":/ {
    key = field("name") " " field("block")
    library = field("library")
    if (library == "") {
      ours[key " " field("bytes")] = field("gigabytesASecond")
      if (!(key in known)) { known[key]; order[++keys] = key }
    } else {
      if (!(library in libraries)) { libraries[library]; names[++count] = library }
      theirs = field("gigabytesASecond")
      if (theirs > 0) {
        ratio = ours[key " " field("bytes")] / theirs
        product[key, library] += log(ratio); objects[key, library]++
        all[library] += log(ratio); cells[library]++
      }
    }
    next
  }
  { print }
  END {
    if (!count) exit
    printf "\n%-8s %6s", "", "block"
    for (i = 1; i <= count; i++) printf "  %24s", "times " names[i]
    print ""
    for (k = 1; k <= keys; k++) {
      split(order[k], part, " ")
      printf "%-8s %6d", part[1], part[2]
      for (i = 1; i <= count; i++) {
        at = order[k] SUBSEP names[i]
        printf "  %24.2f", exp(product[at] / objects[at])
      }
      print ""
    }
    printf "%-8s %6s", "all", ""
    for (i = 1; i <= count; i++) printf "  %24.2f", exp(all[names[i]] / cells[names[i]])
    print " (geometric means over 1 KiB to 4 MiB)"
  }
' "$work/ferry" ${found[@]+"${found[@]}"}
