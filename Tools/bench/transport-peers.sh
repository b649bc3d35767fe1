#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Optimal transport beside POT, OTT, SciPy and regot, as far as PYTHON has them, on the same inputs in
# one run: seconds (median of three), the error each reached, and how many times Ferry's time.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-python3}
if ! "$python" -c 'import numpy' 2>/dev/null; then
  echo "transport-peers: $python has no numpy: left out" >&2
  exit 0
fi
exec "$python" Tools/bench/transport_peers.py "$@"
