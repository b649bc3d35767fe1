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
decoders=$(ls "$work/seeds" | sed 's/-[0-9]*$//' | sort -u)
if [ -n "$only" ]; then
  grep -qx "$only" <<<"$decoders" || { echo "fuzz: there is no decoder $only" >&2; exit 64; }
  decoders=$only
fi
# Those that keep a state or do cryptography take a hundred times as long: a hundredth of all for each.
slow=' group dialler listener '
quick=$(for one in $decoders; do [[ $slow == *" $one "* ]] || echo "$one"; done | wc -l)
: >"$work/summary"
status=0
for one in $decoders; do
  share=$((runs / 100 + 1))
  [[ $slow == *" $one "* ]] || share=$(((runs + quick - 1) / quick))
  [ -z "$only" ] || share=$runs
  # A corpus for each: found once, kept for the next time.
  corpus=$work/corpus/$one
  seeds=$work/seeds-$one
  rm -rf "$seeds"
  mkdir -p "$corpus" "$seeds"
  mv "$work/seeds/$one"-* "$seeds"
  FERRY_FUZZ_ONLY=$one "$program" -runs="$share" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="$work/found/$one-" -seed="${SEED:-1}" \
    "$corpus" "$seeds" >"$work/log" 2>&1 || status=1
  awk -v name="$one" '
    /^#.*cov:/ { for (i = 1; i < NF; i++) if ($i == "cov:") edges = $(i + 1); else if ($i == "ft:") features = $(i + 1) }
    /^stat::number_of_executed_units/ { runs = $2 }
    /^Done .* second/ { seconds = $5 }
    /Test unit written to/ { found = $NF }
    END { printf "%-20s %9d executions %5d s %6d edges %6d features  %s\n", name, runs, seconds, edges,
          features, found }' "$work/log" | tee -a "$work/summary"
  [ "$status" = 0 ] || { tail -40 "$work/log" >&2; break; }
done
awk -v status="$status" '
  { runs += $2 }
  END { printf "fuzz: %d executions, %d decoders, %s\n", runs, NR, status ? "and a failure" : "no failure" }' \
  "$work/summary"
exit "$status"
