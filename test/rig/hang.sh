#!/bin/bash
# A node whose engine hangs: after three readings it is stale, long before a request to it times out;
# nothing is measured, nothing moves there or from there; said once, and once when it is well again.
# TAP on standard output.
#
#   BUILD=DIR hang.sh   DIR holds forager and foragerd
#
# Needs what test/rig/rig needs, and sqlite3.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ "${1:-}" != _inside ]; then
	if ! [ -x "${BUILD:-}/forager" ] || ! [ -x "$BUILD/foragerd" ]; then
		sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
		exit 2
	fi
	BUILD=$(realpath "$BUILD")
	export BUILD
	exec "$here/rig" run --nodes m1:manager w1 w2 -- "${BASH_SOURCE[0]}" _inside
fi

# shellcheck source-path=SCRIPTDIR source=rig.sh
. "$RIG_LIB"
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"

state=$RIG_DIR/state
conf=$RIG_DIR/forager.conf
log=$tap_dir/log
timeout_s=25 # [docker] timeout, its default

query() {
	[ "$(sqlite3 -readonly "$state/forager.db" "$1" 2>/dev/null)" = "$2" ]
}

said() {
	[ "$(grep -c "$1.*node='w1'" "$log")" = "$2" ]
}

# The opinions on moves to w1.
verdicts() {
	sqlite3 -readonly "$state/forager.db" "SELECT DISTINCT verdict FROM v_qvalues WHERE node = 'w1'"
}

mkdir -p "$state"
cat >"$conf" <<-END
	[docker]
	host = unix://$(rig_sock m1)
	[endpoint]
	template = tcp://{addr}:2375
	[agent]
	mode = auto
	state-dir = $state
	sample-every = 1s
	decide-every = 2s
	[policy]
	horizon = 1m
	[moves]
	warm-up = 0
	deploy-quiet = 0
	sustain = 0
	node-quiet = 0
	node-settle = 0
END
rig_image_load m1 w1 w2
rig_swarm_init
rig_swarm_join w1 w2
for name in one two; do
	rig_docker m1 service create -d --no-resolve-image --name "$name" --label forager.mode=auto \
		--stop-grace-period 1s --update-order start-first --constraint node.hostname==w2 \
		forager/hold:1 >/dev/null
done
for name in one two; do
	rig_wait_service "$name" 1
	rig_docker m1 service update -d --constraint-rm node.hostname==w2 "$name" >/dev/null
	rig_wait_update "$name"
done

"$BUILD/foragerd" -c "$conf" 2>"$log" &
daemon=$!
ok 'every node is measured' rig_until 30 query 'SELECT count(*) FROM v_nodes WHERE cpu_cores IS NOT NULL' 3
ok 'enough is known of the services' rig_until 60 query \
	"SELECT count(*) > 0 AND sum(verdict = 'source-unknown') = 0 FROM v_qvalues WHERE node = 'w1'" 1
note "opinions of it: $(verdicts)"
ok 'a node that is well is no blind target' query \
	"SELECT count(*) FROM v_qvalues WHERE node = 'w1' AND verdict = 'target-blind'" 0
ok 'nothing was said of it' said 'cannot be read' 0

start=$SECONDS
rig_node_stop w1
ok 'its engine hangs: said' rig_until 15 said 'cannot be read, it goes stale' 1
note "after $((SECONDS - start)) s"
ok 'it has no load any more' rig_until 10 query "SELECT cpu_cores IS NULL FROM v_nodes WHERE node = 'w1'" 1
ok 'no move there passes' rig_until 10 query \
	"SELECT count(*) > 0 AND sum(verdict <> 'target-blind') = 0 FROM v_qvalues WHERE node = 'w1'" 1
note "after $((SECONDS - start)) s: $(verdicts)"
ok 'all that before its request has timed out' test $((SECONDS - start)) -lt $timeout_s
# Past the timeout: nothing to wait for but time.
sleep $((timeout_s + 5 - SECONDS + start))
ok 'it is said once' said 'cannot be read' 1
ok 'nothing has moved' query 'SELECT count(*) FROM move' 0

rig_node_cont w1
ok 'well again: said' rig_until 60 said 'can be read again' 1
ok 'it has a load again' rig_until 30 query "SELECT cpu_cores IS NOT NULL FROM v_nodes WHERE node = 'w1'" 1
kill -TERM "$daemon"
status=0
wait "$daemon" || status=$?
ok 'foragerd ends with 0' test "$status" = 0
tap_end
