#!/bin/bash
# Three managers with a foragerd each, and a second one on one of them: they never act at the same
# time; a move survives its leader, and one who was stopped or cut off does nothing wrong when it
# comes back; without a quorum nothing happens, quietly. TAP on standard output.
#
#   BUILD=DIR [LONG=1] managers.sh [TEST…]   DIR holds forager and foragerd
#                                            TEST: asked stopped failover quorum (all but quorum)
#                                            LONG: five times all, and failovers that end in a revert
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
	exec "$here/rig" run --nodes m1:manager m2:manager m3:manager w1 w2 -- "${BASH_SOURCE[0]}" _inside "$@"
fi
shift
# Losing the quorum and finding it again takes minutes.
if [ $# -eq 0 ]; then
	set -- asked stopped failover
	[ "$LONG" != 1 ] || set -- "$@" quorum
fi

# shellcheck source-path=SCRIPTDIR source=rig.sh
. "$RIG_LIB"
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"

managers='m1 m2 m3'
foragers='m1 m2 m3 x1 x2 x3' # xN: a second one on mN, with a state directory of its own
declare -A daemon
gate=$RIG_DIR/gate.dir # a task on a node becomes healthy when gate.dir/NODE is there
faults=0
rounds=$([ "$LONG" = 1 ] && echo 5 || echo 1)

# --- the Swarm, by whichever manager answers --------------------------------------------------------

# api PATH: from any manager that leads or can ask the one that does.
api() {
	local name

	for name in $managers; do
		[ ! -e "$RIG_DIR/$name.gone" ] || continue
		rig_api "$name" "$@" 2>/dev/null && return
	done
	return 1
}

leader() {
	api /nodes | jq -er '.[] | select(.ManagerStatus.Leader) | .Description.Hostname'
}

spec_of() {
	api "/services/$1" | jq -cS .Spec
}

version_of() {
	api "/services/$1" | jq .Version.Index
}

tasks_of() {
	api "/tasks?filters={\"service\":{\"$1\":true},\"desired-state\":{\"running\":true}}"
}

node_id() {
	cat "$RIG_DIR/$1.id"
}

# runs_on SERVICE NODE: one task is wanted, and it runs there.
runs_on() {
	tasks_of "$1" | jq -e --arg n "$(node_id "$2")" \
		'length == 1 and .[0].Status.State == "running" and .[0].NodeID == $n' >/dev/null
}

steered() {
	api "/services/$1" | jq -e '.Spec.Labels["forager.plan"]' >/dev/null
}

no_label() {
	api "/services/$1" | jq -e '[.Spec, .PreviousSpec] | map(.Labels["forager.plan"]) == [null, null]' >/dev/null
}

holder() {
	api '/configs?filters={"name":{"forager-lease":true}}' |
		jq -er '.[0].Spec.Labels["forager.lease.holder"]'
}

# --- the foragers -----------------------------------------------------------------------------------

manager_of() {
	echo "m${1#?}"
}

start() {
	local name=$1 state=$RIG_DIR/$1.state

	mkdir -p "$state"
	cat >"$RIG_DIR/$name.conf" <<-END
		[docker]
		host = unix://$(rig_sock "$(manager_of "$name")")
		timeout = 5s
		[endpoint]
		template = tcp://{addr}:2375
		[agent]
		mode = auto
		state-dir = $state
		sample-every = 5s
		[moves]
		node-quiet = 0
		node-settle = 0
		deploy-quiet = 0
		deadline = 90s
		lease = 4s
	END
	"$BUILD/foragerd" -c "$RIG_DIR/$name.conf" 2>>"$tap_dir/$name.log" &
	daemon[$name]=$!
}

watches() {
	grep -q 'watches the Swarm' "$tap_dir/$1.log"
}

end() {
	local status=0

	kill -TERM "${daemon[$1]}"
	wait "${daemon[$1]}" || status=$?
	[ "$status" = 0 ] || note "foragerd of $1 ended with $status"
	unset "daemon[$1]"
	[ "$status" = 0 ]
}

# ask NAME SERVICE FROM TO: in the background; its outcome is in NAME.SERVICE.out and .rc.
ask() {
	(
		status=0
		timeout 150 "$BUILD/forager" -c "$RIG_DIR/$1.conf" move "$2" --from "$3" --to "$4" \
			--format json >"$RIG_DIR/$1.$2.out" 2>"$RIG_DIR/$1.$2.err" || status=$?
		echo "$status" >"$RIG_DIR/$1.$2.rc"
	) &
}

answered() {
	[ -e "$RIG_DIR/$1.$2.rc" ]
}

# verdict NAME SERVICE: of a request that has ended: its verdict, or its state where none refused it.
verdict() {
	jq -r '.items[0] | if .verdict == "ok" then .state else .verdict end' "$RIG_DIR/$1.$2.out" 2>/dev/null ||
		tail -n 1 "$RIG_DIR/$1.$2.err"
}

forget_answers() {
	rm -f "$RIG_DIR"/*.rc "$RIG_DIR"/*.out
}

# Until every node is ready and none changes: after an election the check would rightly refuse. A new
# leader calls a node unknown until it has heard of it, which can take its agent several tries.
calm() {
	local seen='' now quiet=0 left=480

	while [ "$quiet" -lt 6 ] && [ $((left--)) -gt 0 ]; do
		sleep 0.25
		now=$(api /nodes | jq -ce 'map([.ID, .Version.Index, .Status.State]) | sort | select(all(.[2] == "ready"))') || now=
		[ -n "$now" ] && [ "$now" = "$seen" ] && quiet=$((quiet + 1)) || quiet=0
		seen=$now
	done
	[ "$quiet" = 6 ] || note "the nodes have not become ready and quiet: $(api /nodes | jq -c 'map([.Description.Hostname, .Status.State])')"
}

# journal NAME SQL
journal() {
	sqlite3 -readonly "$RIG_DIR/$1.state/forager.db" "$2"
}

# Every stay in the Swarm of every forager, from the first state that may have sent something to the
# end: no two of different services overlap. (One move can be two rows, of the one who began it and
# of the one who finished it.)
never_two() {
	local name

	for name in $foragers; do
		journal "$name" "SELECT '$name', m.service_id, min(e.at_ms), max(e.at_ms), group_concat(e.state, ' ')
			FROM move_event e JOIN move m ON m.id = e.move_id
			WHERE e.state NOT IN ('planned', 'refused') AND m.state <> 'refused' GROUP BY m.id"
	done | tee "$RIG_DIR/stays" | sort -t'|' -k3n | awk -F'|' '
		$3 < end && $2 != service { print; bad = 1 }
		$4 > end { end = $4; service = $2 }
		END { exit bad }' >"$RIG_DIR/overlaps"
	# shellcheck disable=SC2181
	[ $? = 0 ] || { note "$(cat "$RIG_DIR/stays")"; return 1; }
}

# In the background: notes each instant at which more than one service carries a plan.
watch_plans() {
	while [ -e "$RIG_DIR/watching" ]; do
		api /services | jq -er '[.[] | select(.Spec.Labels["forager.plan"]) | .Spec.Name] | select(length > 1)' \
			>>"$RIG_DIR/two.plans" || true
		sleep 0.1
	done
}

# --- tests ------------------------------------------------------------------------------------------

deploy() {
	local name

	mkdir -p "$gate"
	touch "$gate/w1" "$gate/w2"
	for name in one two; do
		# shellcheck disable=SC2016
		rig_docker m1 service create -d --no-resolve-image --name "$name" --label forager.mode=auto \
			--stop-grace-period 1s --constraint node.hostname==w1 --env 'NODE={{.Node.Hostname}}' \
			--mount "type=bind,source=$gate,destination=/gate,readonly" \
			--health-cmd '[ -e "/gate/$NODE" ]' --health-interval 1s --health-retries 300 --update-order start-first --update-monitor 1s \
			forager/hold:1 >/dev/null
	done
	for name in one two; do
		rig_wait_service "$name" 1
		rig_docker m1 service update -d --no-resolve-image --constraint-rm node.hostname==w1 \
			--constraint-add node.role==worker "$name" >/dev/null
		rig_wait_update "$name"
		spec_of "$name" >"$RIG_DIR/$name.spec"
	done
}

exact() {
	[ "$(spec_of "$1")" = "$(cat "$RIG_DIR/$1.spec")" ] && no_label "$1"
}

# Where SERVICE runs in $from, and the other node in $to.
whereabouts() {
	calm
	forget_answers
	from=w1 to=w2
	runs_on "$1" w1 || from=w2 to=w1
}

one_of_three() {
	local name done_by=0

	for name in $managers; do
		case $(verdict "$name" one) in
		done) done_by=$((done_by + 1)) ;;
		not-leader | steered | update-open | node-changed) ;;
		*) return 1 ;;
		esac
	done
	[ "$done_by" = 1 ]
}

# Of two on the leader one acts; the other one is refused, or comes after it.
one_after_the_other() {
	local a b

	a=$(verdict "$1" one) b=$(verdict "$2" two)
	note "$1: $a, $2: $b"
	case $a.$b in
	done.done | done.lease | lease.done) ;;
	*) return 1 ;;
	esac
}

test_asked() {
	local name lead other from to at

	lead=$(leader)
	other=x${lead#m}
	whereabouts one
	for name in $managers; do
		ask "$name" one "$from" "$to"
	done
	for name in $managers; do
		rig_until 90 answered "$name" one || true
	done
	ok 'all three are asked at once: one does it, two refuse' one_of_three
	one_of_three || for name in $managers; do note "$name: $(verdict "$name" one)"; done
	ok 'it is done exactly' rig_until 20 exact one
	whereabouts one
	ask "$lead" one "$from" "$to"
	at=w1
	runs_on two w1 || at=w2
	ask "$other" two "$at" "$([ "$at" = w1 ] && echo w2 || echo w1)"
	rig_until 90 answered "$lead" one || true
	rig_until 90 answered "$other" two || true
	ok 'two foragers on the leader are asked at once' one_after_the_other "$lead" "$other"
	ok 'the lease is free again' rig_until 10 lease_free
	faults=$((faults + 2))
}

lease_free() {
	[ -z "$(holder)" ]
}

# The one that acts is stopped in the middle; another one on the leader takes over; it comes back.
test_stopped() {
	local lead other version from to

	lead=$(leader)
	other=x${lead#m}
	whereabouts one
	rm -f "$gate/$to"
	ask "$lead" one "$from" "$to"
	rig_until 30 steered one || note "not steered: $(verdict "$lead" one)"
	kill -STOP "${daemon[$lead]}"
	touch "$gate/$to"
	ok "a stopped holder: another one takes over and finishes" rig_until 90 finished one "$to"
	version=$(version_of one)
	kill -CONT "${daemon[$lead]}"
	ok 'it comes back and closes its row' rig_until 90 closed "$lead"
	ok 'without writing anything' test "$(version_of one)" = "$version"
	ok 'who asked it is answered' rig_until 30 answered "$lead" one
	faults=$((faults + 1))
}

closed() {
	[ "$(journal "$1" "SELECT count(*) FROM move WHERE state IN ('planned', 'steered', 'verified', 'settled', 'reverting', 'blocked')")" = 0 ]
}

finished() {
	runs_on "$1" "$2" && exact "$1"
}

another_leads() {
	local now

	now=$(leader) && [ "$now" != "$1" ]
}

# ended SERVICE FROM TO: on either node, with nothing of forager's left.
ended() {
	{ runs_on "$1" "$2" || runs_on "$1" "$3"; } && exact "$1"
}

# finished_or_told SERVICE FROM TO SINCE_MS: finished, or taken back because it was late, or because Swarm
# called the target down: on a busy machine its agent may come back to the new leader after that.
finished_or_told() {
	local name

	finished "$1" "$3" && return
	finished "$1" "$2" || return
	for name in $foragers; do
		[ ! -e "$RIG_DIR/$name.gone" ] || continue
		journal "$name" "SELECT e.note FROM move_event e JOIN move m ON m.id = e.move_id
			WHERE m.service_name = '$1' AND e.state = 'reverted' AND e.at_ms > $4"
	done | grep -E '^(not there within|the target is no longer ready)' >/dev/null # all of it: -q would break the pipe of who still writes
}

# What there is to see when it did not end as it should: for the log.
tell_state() {
	local name line

	note "led by: $(leader || echo nobody); from $from to $to; spec $(exact "$1" && echo as before || echo other)"
	note "update: $(api "/services/$1" | jq -c '[.Version.Index, .UpdateStatus]')"
	api "/tasks?filters={\"service\":{\"$1\":true}}" |
		jq -r '.[] | "\(.CreatedAt) \(.NodeID) \(.DesiredState) \(.Status.State) \(.Status.Err // "")"' |
		while read -r line; do note "$line"; done
	for name in $foragers; do
		note "$name: $(grep -hE 'Raft leader|taken up|could not all|is now' "$tap_dir/$name.log" | tail -n 8)"
	done
}

# The leader loses power in the middle of a move; the next one finishes it, or takes it back where
# the new task does not come up. Swarm has a say in that: a new leader's constraint enforcer looks at
# all nodes and rejects the old task, which the steered constraints do not allow any more, and the new
# one is then often called running though its health check has not passed once.
failover() {
	local end=$1 lead name version start from to began_ms

	lead=$(leader)
	whereabouts one
	rm -f "$gate/$to"
	ask "$lead" one "$from" "$to"
	rig_until 30 steered one || note "not steered: $(verdict "$lead" one)"
	: >"$RIG_DIR/$lead.gone"
	rig_node_kill "$lead"
	start=$SECONDS
	began_ms=$(date +%s%3N)
	ok "the leader dies in mid-move: another one leads" rig_until 90 another_leads "$lead"
	note "after $((SECONDS - start)) s: $(leader)"
	if [ "$end" = finished ]; then
		touch "$gate/$to"
		# A new leader calls no node ready at first: a task that waits for one is waited for.
		ok 'its forager finishes the move, exactly, or takes it back and says why' rig_until 300 finished_or_told one "$from" "$to" "$began_ms"
	else
		ok 'its forager takes the move back, or finishes it where Swarm calls the new task running' \
			rig_until 240 ended one "$from" "$to"
		note "on $(runs_on one "$from" && echo 'the old node' || echo 'the new node')"
		touch "$gate/$to"
	fi
	note "after $((SECONDS - start)) s"
	finished one "$to" || tell_state one
	version=$(version_of one)
	rig_node_start "$lead"
	rm -f "$RIG_DIR/$lead.gone"
	ok 'the old leader comes back, and its forager closes its row' rig_until 120 closed "$lead"
	ok 'without writing anything' test "$(version_of one)" = "$version"
	for name in $managers; do
		rig_until 60 ready "$name" || note "$name is not ready"
	done
	faults=$((faults + 1))
}

ready() {
	api /nodes | jq -e --arg n "$(node_id "$1")" '.[] | select(.ID == $n) | .Status.State == "ready" and .ManagerStatus.Reachability == "reachable"' >/dev/null
}

test_failover() {
	failover finished
	[ "$LONG" != 1 ] || failover reverted
}

lines() {
	cat "$tap_dir"/*.log | wc -l
}

# Two of three managers hang: no leader, no action, no storm; and all goes on when they are back.
test_quorum() {
	local lead name before from to

	lead=$(leader)
	whereabouts one
	for name in $managers; do
		[ "$name" = "$lead" ] || rig_node_stop "$name"
	done
	rig_until 60 no_leader "$lead" || note 'there is still a leader'
	before=$(lines)
	ask "$lead" one "$from" "$to"
	rig_until 60 answered "$lead" one || true
	ok 'no quorum: a move is not made' test "$(cat "$RIG_DIR/$lead.one.rc")" != 0
	note "$(verdict "$lead" one)"
	sleep 5 # a measurement: what is said meanwhile
	note "lines said by six foragers: $(($(lines) - before))"
	ok 'no storm of errors' test $(($(lines) - before)) -lt 60
	for name in $managers; do
		[ "$name" = "$lead" ] || rig_node_cont "$name"
	done
	ok 'a leader again' rig_until 90 leader
	whereabouts one
	ask "$(leader)" one "$from" "$to"
	rig_until 90 answered "$(leader)" one || true
	ok 'and moves again' rig_until 10 finished one "$to"
	note "$(verdict "$(leader)" one)"
	faults=$((faults + 1))
}

no_leader() {
	! rig_api "$1" /nodes >/dev/null 2>&1
}

rig_image_load w1 w2
rig_swarm_init
rig_swarm_join
for name in $managers w1 w2; do
	rig_docker m1 node inspect -f '{{.ID}}' "$name" >"$RIG_DIR/$name.id"
done
deploy
for name in $foragers; do
	start "$name"
done
for name in $foragers; do
	rig_until 30 watches "$name" || rig_die "foragerd of $name does not start: $(tail -n 3 "$tap_dir/$name.log")"
done
calm
: >"$RIG_DIR/watching"
: >"$RIG_DIR/two.plans"
watch_plans &
for ((i = 1; i <= rounds; i++)); do
	for name; do
		start_s=$SECONDS
		"test_$name"
		note "$name: $((SECONDS - start_s)) s"
	done
done
rm -f "$RIG_DIR/watching"
ok 'no instant with two open moves' test ! -s "$RIG_DIR/two.plans"
ok 'by the six journals, no two moves overlap' never_two
note "stays: $(wc -l <"$RIG_DIR/stays")"
failed_ends=0
for name in "${!daemon[@]}"; do
	kill -0 "${daemon[$name]}" 2>/dev/null || continue
	end "$name" || failed_ends=$((failed_ends + 1))
done
ok 'each foragerd ends with 0' test "$failed_ends" = 0
echo "RELIABILITY|several managers|$faults: $*|I4, I5: one acts, open moves end exactly|$tap_failed"
tap_end
