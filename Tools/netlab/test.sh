#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Tests of the network laboratory: is the network what its profile says? About a minute.
#
#   Tools/netlab/test.sh [NAME…]      all of: frontend cleaning rtt delay rate wan lan share slow
#                                     loss content seed order change cut
#
# Each line is a claim with what was measured. Exit 0: all hold; 1: one does not; 3: no namespaces.
# To see a claim fail, give the network a fault of its own: options of `netlab run`, "|" between them.
#
#   NETLAB_TEST_OPTIONS='--set|set 1 2 delay=45ms' Tools/netlab/test.sh rtt
set -euo pipefail
cd "$(dirname "$0")"
netlab=$PWD/netlab
failures=0
# Says the address that it could bind: only the host that has it can.
bound='import socket, sys; s = socket.socket(); s.bind((sys.argv[1], 0)); print(s.getsockname()[0])'
IFS='|' read -r -a faults <<<"${NETLAB_TEST_OPTIONS:-}"

"$netlab" check || exit $?
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

measure() { # PROFILE HOSTS WHAT ARGUMENTS… [-- further options of netlab run]
  local profile=$1 hosts=$2 words=() options=()
  shift 2
  while [ $# -gt 0 ] && [ "$1" != -- ]; do words+=("$1"); shift; done
  [ $# -gt 0 ] && shift && options=("$@")
  timeout 120 "$netlab" run --profile "$profile" --hosts "$hosts" --on 1 --no-prefix --timeout 100 \
    ${options[@]+"${options[@]}"} ${faults[@]+"${faults[@]}"} -- python3 probe.py "${words[@]}"
}

# claim "TEXT with {names}" 'EXPRESSION over r' [JSON]: r is the measured object.
claim() {
  python3 - "$@" <<'PY' || failures=$((failures + 1))
import json, sys

def within(r, p):
    """Five standard deviations of a binomial distribution."""
    return abs(r["sent"] - r["arrived"] - r["sent"] * p) <= 5 * (r["sent"] * p * (1 - p)) ** 0.5

text, expression, *measured = sys.argv[1:]
r = [json.loads(m) for m in measured]
r = r[0] if len(r) == 1 else r
holds = bool(eval(expression))
shown = json.dumps(r) if len(json.dumps(r)) < 120 else json.dumps(r)[:117] + "..."
print(f"{'ok  ' if holds else 'FAIL'} {text}: {shown}", flush=True)
sys.exit(not holds)
PY
}

test_frontend() {
  local out status
  out=$(timeout 60 "$netlab" run --hosts 3 -- sh -c 'echo $NETLAB_HOST $NETLAB_ADDRESS' | sort | tr '\n' ' ')
  claim "each host runs the command with its own address" \
    'r == "1| 1 10.77.0.1 2| 2 10.77.0.2 3| 3 10.77.0.3 "' "\"$out\""
  status=0
  timeout 60 "$netlab" run --hosts 3 -- \
    sh -c '[ $NETLAB_HOST != 2 ] || exit 7; exec tail -f /dev/null' 2>"$folder/err" || status=$?
  claim "one that fails ends all, with its status" 'r == 7' "$status"
  claim "and says which it was" 'r == "netlab: host 2 ended with status 7, ending all"' \
    "\"$(cat "$folder/err")\""
  status=0
  timeout 60 "$netlab" run --timeout 1 -- tail -f /dev/null 2>"$folder/err" || status=$?
  claim "a run that is not done in time is ended" 'r == 124' "$status"
  out=$(timeout 60 "$netlab" run --no-prefix --on 1 -- "$netlab" on 2 -- python3 -c "$bound" 10.77.0.2)
  claim "a host's command can run one on another host" 'r == "10.77.0.2"' "\"$out\""
  status=0
  out=$(timeout 60 "$netlab" run --set 'set 1 2 rate=5' -- true 2>&1) || status=$?
  claim "a rate without a unit is refused" \
    'r == "netlab: rate=5 is not a number with its unit (bit, kbit, mbit, gbit) (in \"set 1 2 rate=5\")"' \
    "$(python3 -c 'import json, sys; print(json.dumps(sys.argv[1]))' "$out")"
  claim "and exits with 64" 'r == 64' "$status"
}

test_cleaning() {
  local marker=netlab-test-$$ left
  "$netlab" run --name "$marker" -- \
    sh -c "setsid tail -f /dev/null $marker & echo up; exec tail -f /dev/null $marker" \
    >"$folder/up" 2>/dev/null &
  local front=$!
  timeout 30 bash -c "until [ \$(grep -c up '$folder/up') = 2 ]; do :; done"
  claim "its hosts can be entered from outside" 'r == "10.77.0.2"' \
    "\"$("$netlab" on --lab "$marker" 2 -- python3 -c "$bound" 10.77.0.2)\""
  claim "and its network changed" 'r == "ok"' "\"$("$netlab" control --lab "$marker" cut 1 2 both)\""
  # The front and process 1 carry the marker too.
  claim "a laboratory runs" 'r >= 5' "$(pgrep -fc "$marker")"
  { kill -9 "$front"; wait "$front"; } 2>/dev/null || true
  timeout 10 bash -c "while pgrep -f '[d]ev/null $marker' >/dev/null; do :; done" &&
    left=none || left=some
  claim "nothing runs after SIGKILL of netlab" 'r == "none"' "\"$left\""
  timeout 60 "$netlab" run -- true
  left=$(ls "${TMPDIR:-/tmp}/netlab-$(id -u)" | grep -c "$marker" || true)
  claim "the next run removes what the killed one left" 'r == 0' "$left"
}

test_rtt() {
  claim "lan: round trip 0.2 ms (median within 0.2 … 0.4)" '0.2 <= r["median"] <= 0.4 and r["min"] >= 0.15' \
    "$(measure lan 2 rtt 1 2 300)"
  claim "wan: round trip 40 ms (40 … 41.5)" '40 <= r["median"] <= 41.5 and r["min"] >= 39.95' \
    "$(measure wan 2 rtt 1 2 40)"
  claim "lossy: round trip 80 ms (80 … 81.5)" '80 <= r["median"] <= 81.5 and r["min"] >= 79.95' \
    "$(measure lossy 2 rtt 1 2 25)"
}

test_delay() {
  claim "a pair's own delay, one way each: 5 + 25 ms; jitter up to 10 more" \
    '30 <= r["min"] <= 33 and 34 <= r["median"] <= 37' \
    "$(measure open 2 rtt 1 2 100 -- --set 'set 1 2 delay=5ms jitter=10ms' --set 'set 2 1 delay=25ms')"
}

test_rate() {
  claim "a pair's own rate: 100 Mbit/s (TCP carries 85 … 98 % of it)" '85 <= r["sum"] <= 98' \
    "$(measure lan 3 stream 4 1 2 -- --set 'set 1 2 rate=100mbit')"
  claim "the other direction keeps the profile's rate" '300 <= r["sum"] <= 970' \
    "$(measure lan 3 stream 4 2 1 -- --set 'set 1 2 rate=100mbit')"
}

test_wan() {
  claim "wan: TCP gets 85 … 98 % of 200 Mbit/s" '170 <= r["sum"] <= 196' \
    "$(measure wan 2 stream 12 1 2)"
}

# What is reached depends on the machine; the bound from above does not.
test_lan() {
  claim "lan: TCP gets at most 1 Gbit/s, and half of it here" '500 <= r["sum"] <= 970' \
    "$(measure lan 2 stream 4 1 2)"
}

test_share() {
  claim "lan, a ring of 4: each gets at most its 1 Gbit/s, and half of the fastest" \
    'max(r["mbit"]) <= 970 and min(r["mbit"]) >= 0.5 * max(r["mbit"])' \
    "$(measure lan 4 stream 6 1 2 2 3 3 4 4 1)"
  claim "three to one share the one's 1 Gbit/s" '400 <= r["sum"] <= 970' \
    "$(measure lan 4 stream 4 1 2 3 2 4 2)"
  claim "an uplink of 100 Mbit/s, reno: three flows within a factor of 3" \
    '80 <= r["sum"] <= 98 and min(r["mbit"]) >= max(r["mbit"]) / 3' \
    "$(measure lan 4 stream 16 1 2 1 3 1 4 -- --congestion reno --set 'host 1 rate=100mbit queue=250kb')"
}

test_slow() {
  claim "slow-peer: the slow host gets 50 Mbit/s, the others theirs" \
    '40 <= r["mbit"][0] <= 49 and 300 <= r["mbit"][1] <= 970' \
    "$(measure slow-peer 4 stream 4 4 1 2 3)"
}

test_loss() {
  claim "loss=2%: of 20000 datagrams" 'within(r, 0.02) and r["distinct"] == r["arrived"]' \
    "$(measure open 2 datagrams 1 2 20000 200 -- --set 'set 1 2 loss=2%')"
  claim "lossy: 0.1 % of 60000 datagrams" 'within(r, 0.001)' \
    "$(measure lossy 2 datagrams 1 2 60000 60 -- --set 'set all all delay=0')"
  claim "a packet that counts and is lost has at most 1500 bytes, TCP's bundles notwithstanding; loss=5%" \
    '0.04 <= r[0] <= 0.06 and 1000 <= r[1] <= 1500' "$(
    measure open 2 stream 3 1 2 -- --set 'set 1 2 loss=5%' --json 2>/dev/null | python3 -c '
import json, sys
pair = json.load(sys.stdin)["pairs"][0]
print([pair["dropped"]["loss"] / pair["packets"], pair["bytes"] / pair["packets"]])')"
}

test_content() {
  claim "what TCP carries is unharmed by losses within bundles" 'r == {"bytes": 30000000, "equal": True}' \
    "$(measure open 2 transfer 1 2 30000000 -- \
      --set 'set 1 2 loss=2% reorder=2%' --set 'host 2 rate=400mbit queue=100kb')"
}

test_seed() {
  local a b c
  a=$(measure open 2 datagrams 1 2 5000 100 -- --set 'set 1 2 loss=1%' --seed 7)
  b=$(measure open 2 datagrams 1 2 5000 100 -- --set 'set 1 2 loss=1%' --seed 7)
  c=$(measure open 2 datagrams 1 2 5000 100 -- --set 'set 1 2 loss=1%' --seed 8)
  claim "the same seed drops the same packet numbers" 'r[0] == r[1] and len(r[0]) > 10' \
    "$(python3 -c 'import json,sys; print([json.loads(s)["missing"] for s in sys.argv[1:]])' "$a" "$b")"
  claim "another seed drops others" 'r[0] != r[1]' \
    "$(python3 -c 'import json,sys; print([json.loads(s)["missing"] for s in sys.argv[1:]])' "$a" "$c")"
}

test_order() {
  claim "jitter alone reorders nothing" 'r["late"] == 0 and r["arrived"] == r["sent"]' \
    "$(measure open 2 datagrams 1 2 4000 100 -- --set 'set 1 2 delay=1ms jitter=5ms')"
  claim "reorder=5%: some come late, none is lost" 'r["late"] > 50 and r["arrived"] == r["sent"]' \
    "$(measure open 2 datagrams 1 2 4000 100 -- --set 'set 1 2 delay=1ms reorder=5%')"
}

test_change() {
  claim "a delay can be changed while it runs: 0 to 30 ms" 'r["before"] < 5 and 30 <= r["after"] <= 32' \
    "$(measure open 2 change 1 2)"
}

test_cut() {
  claim "cut one way, both ways, healed" \
    'r == {"whole": [50, 50], "one_way": [0, 50], "both_ways": [0, 0], "healed": [50, 50]}' \
    "$(measure lan 2 cut 1 2)"
}

for name in "${@:-frontend cleaning rtt delay rate wan lan share slow loss content seed order change cut}"; do
  for test in $name; do "test_$test"; done
done
[ "$failures" = 0 ] || { echo "netlab test: $failures claims do not hold" >&2; exit 1; }
echo "netlab test: all claims hold"
