#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# How bytes that lie apart get over a link fastest: measures a table on this machine, then 200 other
# sizes, and says how often the table chooses well. The table is kept where TABLE says.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compiler=$(command -v cc || command -v clang)
"$compiler" -O2 -I Sources/CKernels/include -o "$work/strided_send" Tools/bench/strided_send.c \
  Sources/CKernels/strided_pack.c Sources/CKernels/strided_unpack.c Sources/CKernels/kernel_build.c -lpthread
table=${TABLE:-$work/table.json}
"$work/strided_send" grid >"$table"
"$work/strided_send" points "${SEED:-1}" >"$work/points.json"
.build/release/ferry plan transfer "$table" --check "$work/points.json"
for block in 1 16 256 4096; do
  .build/release/ferry plan transfer "$table" --bytes 1048576 --block $block
done
