#!/bin/bash
# Runs the peer benchmark for Tandem and Kamailio in turn and prints medians and ratios.
# Settings: PEERBENCH (its folder), RUNS (3), SCENARIOS ("S1:1000:5000 …" as scenario:rate:calls).
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${PEERBENCH:=$here/../../../shared/bench}"
if [ ! -x "$PEERBENCH/run.sh" ]; then
	echo "no peer benchmark in $PEERBENCH: say where it is with PEERBENCH=DIR" >&2
	exit 2
fi
export PEERBENCH
export PEERDIR="$here"
exec python3 "$here/compare.py" "$@"
