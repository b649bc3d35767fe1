#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Step time of a small GPT (4 layers, width 256, 8 heads, batch 8, sequence 256, vocabulary 512):
# forward, backward and AdamW, Ferry against PyTorch in alternating runs, 2 threads each.
#
#   Tools/bench/gpt-step.sh [ROUNDS]     PYTHON=/path/to/python with PyTorch; default python3
#
# Prints one JSON line a run and a summary with the ratio of the medians of the runs' medians.
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-5}
python=${PYTHON:-python3}
export FERRY_BENCH=1 FERRY_BENCH_THREADS=${FERRY_BENCH_THREADS:-2} FERRY_BENCH_REPEATS=${FERRY_BENCH_REPEATS:-10}
# FERRY_ROOM builds this room and what it stands on, and nothing else.
export FERRY_ROOM=Learning

with_torch=yes
"$python" -c 'import torch' 2>/dev/null || {
  with_torch=no
  echo "gpt-step: PyTorch is not installed for $python; timing Ferry alone (set PYTHON to compare)" >&2
}
swift build -c release --build-tests >&2
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
for _ in $(seq "$rounds"); do
  swift test -c release --skip-build --filter GPTStepBenchmarks 2>/dev/null | grep '^{"bench"' | tee -a "$lines"
  if [ "$with_torch" = yes ]; then "$python" Tools/bench/gpt_step_torch.py | tee -a "$lines"; fi
done
python3 - "$lines" <<'PY'
import json, statistics, sys
runs = [json.loads(line) for line in open(sys.argv[1])]
def median(engine): return statistics.median([r["millisecondsMedian"] for r in runs if r["engine"].startswith(engine)] or [float("nan")])
def least(engine): return min([r["millisecondsMin"] for r in runs if r["engine"].startswith(engine)] or [float("nan")])
ferry, torch = median("ferry"), median("torch")
summary = {"bench": "gpt-step", "ferryMilliseconds": ferry, "ferryMillisecondsMin": least("ferry")}
if torch == torch:
    summary |= {"torchMilliseconds": torch, "torchMillisecondsMin": least("torch"), "ratio": round(ferry / torch, 3)}
print(json.dumps(summary))
PY
