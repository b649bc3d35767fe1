#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Feeds every decoder that reads bytes from elsewhere with libFuzzer's inventions, beginning with what
# our own encoders make. What crashes, hangs, takes more memory than its length pays for, or does not
# say the same twice is left in .build/fuzz/found.
#
#   Tools/fuzz/fuzz.sh [RUNS] [DECODER]      RUNS is 1,000,000 unless given; DECODER is a name of
#                                            Tools/fuzz/Decoders/Decoder.swift; all unless given
#   Tools/fuzz/fuzz.sh again FILE            one input once more
set -euo pipefail
cd "$(dirname "$0")/../.."
compiler=$(dirname "$(readlink -f "$(command -v "${SWIFT:-swift}")")")/clang
[ -x "$compiler" ] || compiler=clang
folder=$("$compiler" -print-runtime-dir 2>/dev/null || true)
for place in "$folder" "$("$compiler" -print-resource-dir)/lib/linux"; do
  [ -e "$place/libclang_rt.fuzzer_no_main-x86_64.a" ] && export FERRY_FUZZER=$place
done
if [ -z "${FERRY_FUZZER:-}" ]; then
  echo "fuzz: skipped: this toolchain has no libFuzzer for $(uname -m)" >&2
  exit 3
fi
work=.build/fuzz
"${SWIFT:-swift}" build -c release --product ferry-fuzz --scratch-path "$work" >&2
# The crash is libFuzzer's to report, with the input that did it.
export SWIFT_BACKTRACE=enable=no
program=$work/release/ferry-fuzz
mkdir -p "$work/corpus" "$work/found"
if [ "${1:-}" = again ]; then exec "$program" "$2"; fi
runs=${1:-1000000} only=${2:-}
rm -rf "$work/seeds"
"$program" --seeds "$work/seeds"
corpus=$work/corpus
if [ -n "$only" ]; then
  # A corpus of its own; the others' inputs would only be passed over.
  corpus=$work/corpus-$only
  mkdir -p "$corpus"
  find "$work/seeds" -type f ! -name "$only-*" -delete
  [ -n "$(ls "$work/seeds")" ] || { echo "fuzz: there is no decoder $only" >&2; exit 64; }
fi
FERRY_FUZZ_ONLY=$only "$program" -runs="$runs" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
  -use_value_profile=0 -print_final_stats=1 -artifact_prefix="$work/found/" -seed="${SEED:-1}" \
  -verbosity=1 "$corpus" "$work/seeds" 2>&1 | tee "$work/log" | grep -v '^#.*\(NEW\|REDUCE\|RELOAD\)' || true
grep -q '^stat::number_of_executed_units' "$work/log" || { echo "fuzz: no end was reached" >&2; exit 1; }
awk '
  /^#.*cov:/ { for (i = 1; i < NF; i++) if ($i == "cov:") edges = $(i + 1); else if ($i == "ft:") features = $(i + 1) }
  /^stat::number_of_executed_units/ { runs = $2 }
  /^stat::average_exec_per_sec/ { rate = $2 }
  /^==.*ERROR|Fatal error|^fuzz: .* bytes were asked/ { bad = 1 }
  END {
    printf "fuzz: %d executions, %d a second, %d edges, %d features, %s\n", runs, rate, edges, features,
      bad ? "and a crash" : "no crash"
    exit bad
  }' "$work/log"
