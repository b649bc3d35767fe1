#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What a newcomer's catch-up moves: a run on loopback, joined by a second and then a third peer.
#
#   Tools/bench/catch-up.sh [SECTION.KEY=VALUE …]     settings of the run, such as model.width=256
#
# Prints each newcomer's `catch-up` event with the ratio of its bytes on the wire, both the state's
# and the frames' and tags' around it, to the bytes of the state.
set -euo pipefail
cd "$(dirname "$0")/../.."
ferry=$PWD/.build/release/ferry
[ -x "$ferry" ] || { echo "catch-up: there is no $ferry; run make build first" >&2; exit 1; }
settings=(--set run.rounds=100000 --set train.inner_steps=10)
for setting in "$@"; do settings+=(--set "$setting"); done
folder=$(mktemp -d)
peers=()
# Killed, not asked to leave: what is measured is over.
trap 'kill -9 "${peers[@]}" 2>/dev/null || true; wait 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder"

# Waits for a line in a file, at most 60 s.
await() {
  for _ in $(seq 600); do
    grep -qs "$1" "$2" && return
    sleep 0.1
  done
  echo "catch-up: no $1 in $2 after 60 s" >&2
  exit 1
}

"$ferry" train --listen 127.0.0.1:0 --threads 1 --run a --identity ia "${settings[@]}" 2>a.err >&2 &
peers+=($!)
await '"round-committed"' a/events.jsonl
for name in b c; do
  "$ferry" join "$(cat a/join)" --listen 127.0.0.1:0 --threads 1 --run $name --identity i$name \
    2>$name.err >&2 &
  peers+=($!)
  await '"catch-up"' $name/events.jsonl
  python3 - $name/events.jsonl <<'PY'
import json, sys
events = map(json.loads, open(sys.argv[1]))
event = next(e for e in events if e["kind"] == "catch-up")
kept = {k: event[k] for k in ("bytes", "state_bytes", "fellows", "seconds")}
print(json.dumps({"bench": "catch-up", **kept, "ratio": round(event["bytes"] / event["state_bytes"], 4)}))
PY
done
