#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# All-reduce of Ferry, of bare sockets, and of whichever is installed of Gloo, PCCL, Open MPI, MPICH
# and MLX, in one run: loopback and the laboratory's profiles, 2 and 4 ranks, 4 KiB to 64 MiB.
#
#   Tools/bench/collectives-peers.sh [--places lan,wan] [--worlds 2,4] [--sizes 4k,64m]
#                                    [--only ferry,bare,gloo] [--minutes 20] [--json] [--list]
#
# PYTHON names an interpreter with torch or mlx, PCCL_LIBRARY a libpccl.so.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -n "${FERRY_LIBRARY:-}" ] || swift build -c release --product FerryC >&2
exec "${PYTHON:-python3}" Tools/bench/peers/measure.py "$@"
