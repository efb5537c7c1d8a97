#!/bin/bash
# Tandem as a peer of the benchmark: "start" runs it in the foreground on UDP $SIP_IP:$SIP_PORT with the
# routes below; "name" prints its version. $TANDEM is the binary.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${TANDEM:=$here/../../bin/tandem}"
if [ ! -x "$TANDEM" ]; then
	(cd "$here/../.." && go build -o bin/tandem ./cmd/tandem) || exit 1
fi
case "$1" in
name) "$TANDEM" version ;;
start)
	mkdir -p "$RUNDIR/scripts"
	sed "s/@SIP_IP@/$SIP_IP/" "$here/route.lua" >"$RUNDIR/scripts/main.lua"
	if [ "$SCENARIO" = S5 ]; then # who registers there has no password
		{
			printf '[auth]\nexempt = "127.0.0.0/8"\n'
			tail -n +2 "$BENCH/sipp/users.csv" | cut -d';' -f1 | sed 's/.*/[[user]]\nname = "&"\npassword = "&"/'
		} >"$RUNDIR/scripts/tandem.toml"
	fi
	exec "$TANDEM" run "$RUNDIR/scripts" --listen "udp:$SIP_IP:$SIP_PORT" --admin "$RUNDIR/admin.sock"
	;;
esac
