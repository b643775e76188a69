#!/bin/bash
# Engines and nodes that fail while foragerd moves a service: the manager's engine is killed,
# restarted, hangs, a node dies or loses its cable. foragerd fails static, goes on when the engine is
# back, and the change is finished or taken back exactly. TAP on standard output, figures in comments.
#
#   BUILD=DIR [LONG=1] nodes.sh [TEST…]   DIR holds forager and foragerd; TEST: killed hung target
#                                         source (these by default), restarted link notice (with
#                                         LONG=1 all, at several points; hung: for 120 s, not 12)
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
	export BUILD LONG=${LONG:-0}
	exec "$here/rig" run --nodes m1:manager w1 w2 -- "${BASH_SOURCE[0]}" _inside "$@"
fi
shift

# shellcheck source-path=SCRIPTDIR source=rig.sh
. "$RIG_LIB"
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"
# shellcheck source-path=SCRIPTDIR source=mover.sh
. "$here/mover.sh"

resumed=() # seconds from the engine's first answer to the end of the open change
noticed=() # seconds from a node's death to foragerd's stating it
stale=()   # the same to its being stale
now_ms() {
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

# median MS…: in seconds.
median() {
	printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END { printf "%.1f (%.1f to %.1f, n = %d)", v[int((NR + 1) / 2)] / 1000, v[1] / 1000, v[NR] / 1000, NR }'
}

times() {
	[ "$LONG" = 1 ] && echo "$1" || echo 1
}

# --- a move that is under way -------------------------------------------------------------------------

# under_way POINT COMMANDS: foragerd moves shop from w1 to w2; at POINT something happens. The command
# that asked is $asker; it need not be told how it ends.
under_way() {
	before=$(spec_of shop)
	at "$1" "$2"
	RUN_MOST_S=300 move shop w1 w2 &
	asker=$!
	ok "$title: it happens in the middle of a move" rig_until 120 at_was_reached
}

over() {
	[ -n "$(journal_last shop)" ] && [ "$(journal_open)" = 0 ]
}

# With the owner's spec, one copy, nothing of forager's left, whoever won.
whole() {
	over && [ "$(spec_of shop)" = "$before" ] && nothing_left shop && bystander_untouched &&
		rig_service_runs shop 1
}

faulted() {
	faults=$((faults + 1))
	ok "$title: finished or taken back, exactly" rig_until 90 whole || true
	if ! whole; then
		violations=$((violations + 1))
		note "ended as '$(journal_last shop)', open $(journal_open)"
		note "$(tail -n 6 "$tap_dir/foragerd")"
		show_service shop
	fi
	note "$title: $(journal_last shop), on $(node_of shop)"
	wait "$asker" || true
}

# For the next test: on w1, all nodes well.
again() {
	local node

	for node in w1 w2; do
		rig_until 60 rig_node_ready "$node" || rig_die "node '$node' does not come back"
	done
	rig_wait_service shop 1
	rig_service_is_on shop w1 && return
	move shop w2 w1
	[ "$rc" = 0 ] || tell
	rig_service_is_on shop w1 || rig_die "'shop' does not get back to w1"
}

# --- the manager's engine ---------------------------------------------------------------------------

engine_answers() {
	rig_api m1 /nodes >/dev/null 2>&1
}

# comes_back: seconds from its first answer about the Swarm.
comes_back() {
	local start

	rig_until 90 engine_answers || rig_die 'the manager does not answer again'
	start=$(now_ms)
	rig_until 120 over || true
	resumed+=($(($(now_ms) - start)))
}

nothing_is_sent() {
	[ "$(grep -c '^POST' "$relay_log")" = "$1" ]
}

test_killed() {
	local point i

	for point in 1.1 $([ "$LONG" = 1 ] && echo 2- 2.1 3- 1.3); do
		title="the manager's engine is killed at $point"
		under_way "$point" 'rig_node_kill m1'
		rig_node_start m1
		comes_back
		faulted
		again
	done
}

test_restarted() {
	local i

	for ((i = 0; i < $(times 2); i++)); do
		title="the manager's engine is restarted"
		# Its PID 1 ends with it.
		# shellcheck disable=SC2016 # the hook's own
		under_way 1.1 'init=$(rig_node_init m1); kill -TERM "$(rig_node_engine m1)"; rig_until 60 test ! -e "/proc/$init"; rig_node_net_down m1'
		rig_node_start m1
		comes_back
		faulted
		again
	done
}

test_hung() {
	local most=12 posts

	[ "$LONG" = 0 ] || most=120
	title="the manager's engine hangs for $most s"
	under_way 1.1 'rig_node_stop m1'
	posts=$(grep -c '^POST' "$relay_log")
	# What is shown is that nothing happens: there is nothing to wait for but time.
	sleep "$most"
	ok "$title: nothing is sent meanwhile" nothing_is_sent "$posts"
	rig_node_cont m1
	comes_back
	faulted
	again
}

# --- the nodes --------------------------------------------------------------------------------------

down_in_swarm() {
	[ "$(rig_docker m1 node inspect -f '{{.Status.State}}' "$1")" = down ]
}

points() {
	[ "$LONG" = 1 ] && echo 1.1 2- 2.1 3- || echo "$1"
}

node_is() {
	[ "$(journal "SELECT state FROM node WHERE hostname = '$1'")" = "$2" ]
}

# notices NODE: how long it takes foragerd to know that the node which has just died is down.
notices() {
	ok "$title: foragerd knows that it is down" rig_until 90 node_is "$1" down
	noticed+=($(($(now_ms) - $(stat -c %.3Y "$relay_hook.done" | tr -d .))))
}

test_target() {
	local point

	for point in $(points 1.1); do
		title="the target dies at $point"
		under_way "$point" 'rig_node_kill w2'
		notices w2
		faulted
		rig_node_start w2
		again
	done
}

test_source() {
	local point

	for point in $(points 1.1); do
		title="the source dies at $point"
		under_way "$point" 'rig_node_kill w1'
		notices w1
		faulted
		rig_node_start w1
		again
	done
}

test_link() {
	local point node

	for node in w2 w1; do
		for point in $(points 2-); do
			title="$node loses its cable at $point"
			under_way "$point" "rig_link_down $node"
			rig_until 60 down_in_swarm "$node" || true
			[ "$node" = w2 ] || faulted
			rig_link_up "$node"
			[ "$node" = w1 ] || faulted
			again
		done
		[ "$LONG" = 1 ] || break
	done
}

# --- seconds to notice ------------------------------------------------------------------------------

said_stale() {
	[ "$(grep -c "cannot be read.*node='$1'" "$tap_dir/foragerd")" -gt "$2" ]
}

# It says once that it cannot; a node that dies before it could again dies unsaid.
reads() {
	! grep "containers can.* be read.*node='$1'" "$tap_dir/foragerd" | tail -n 1 | grep -q 'cannot be read'
}

test_notice() {
	local i start was

	for ((i = 0; i < $(times 5); i++)); do
		title="a node dies, $((i + 1))"
		rig_until 60 node_is w2 ready || true
		rig_until 60 reads w2 || true
		was=$(grep -c "cannot be read.*node='w2'" "$tap_dir/foragerd" || true)
		rig_node_kill w2
		start=$(now_ms)
		ok "$title: its readings are stale" rig_until 60 said_stale w2 "$was"
		stale+=($(($(now_ms) - start)))
		ok "$title: foragerd knows that it is down" rig_until 90 node_is w2 down
		noticed+=($(($(now_ms) - start)))
		rig_node_start w2
		rig_until 60 rig_node_ready w2 || true
	done
}

# --- the play ---------------------------------------------------------------------------------------

if [ $# = 0 ]; then
	set -- killed hung target source
	[ "$LONG" = 0 ] || set -- "$@" restarted link notice
fi
violations=0
faults=0
rig_image_load
rig_swarm_init
rig_swarm_join
# It shall not be where nodes die.
rig_docker m1 service create -d --no-resolve-image --name bystander --stop-grace-period 1s \
	--constraint node.role==worker --constraint node.hostname==m1 forager/hold:1 >/dev/null
bystander_version=$(version_of bystander)
service shop forager/hold:1
free_it shop
relay_start
timeout=3s configure 40
daemon_start
for name; do
	"test_$name"
done
ok 'foragerd ends with 0' daemon_stop
figures=''
[ ${#resumed[@]} = 0 ] || figures+="; seconds from the engine's return to the end of the move: $(median "${resumed[@]}")"
[ ${#stale[@]} = 0 ] || figures+="; from a node's death until it is stale (sample-every 1 s): $(median "${stale[@]}")"
[ ${#noticed[@]} = 0 ] || figures+="; until it is down: $(median "${noticed[@]}")"
reliability 'engines and nodes fail in the middle of a move' "$faults faults: $*" \
	"nothing is sent meanwhile; finished or taken back exactly when the engine is back$figures" "$violations"
tap_end
