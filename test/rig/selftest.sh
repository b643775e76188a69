#!/bin/bash
# Tests the rig itself: nodes that join later, kill, hang and come back; a web service that moves
# under load without losing a request; and that nothing is left behind, however the rig ends.
# TAP on standard output, figures in comments.

set -eu

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
n_test=0
n_failed=0

# ok TEXT COMMAND…
ok() {
	local text=$1
	shift
	n_test=$((n_test + 1))
	if "$@"; then
		echo "ok $n_test - $text"
	else
		echo "not ok $n_test - $text"
		n_failed=$((n_failed + 1))
	fi
}

seconds_since() {
	awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.2f", to - from }'
}

# --- in the rig -----------------------------------------------------------------------------------

figures() {
	echo "# $1: $(jq -c '{requests, failed, retried, p50_ms, p95_ms, p99_ms, max_ms}' <<<"$2")"
}

# member JSON EXPRESSION: whether the expression holds.
member() {
	jq -e "$2" >/dev/null <<<"$1"
}

# How long a stretch of load is measured: long enough for a p95 of some hundred requests.
measure() {
	sleep "${RIG_MEASURE_S:-10}"
}

same_image() {
	local name ids

	ids=$(for name in $(rig_nodes); do rig_docker "$name" image inspect -f '{{.Id}}' forager/web:1; done | sort -u)
	[ "$(wc -l <<<"$ids")" = 1 ]
}

service() {
	local name=$1
	shift
	rig_docker m1 service create -d --no-resolve-image --name "$name" --stop-grace-period 1s "$@" >/dev/null
}

create_web() {
	rig_docker m1 network create -d overlay --attachable front >/dev/null
	service web --network front --endpoint-mode dnsrr --constraint node.hostname==w1 \
		--update-order start-first --health-cmd 'wget -q -O /dev/null http://127.0.0.1/health' \
		--health-interval 1s --env 'NODE={{.Node.Hostname}}' forager/web:1
	rig_wait_service web 1
}

move_web() {
	rig_docker m1 service update -d --no-resolve-image --constraint-rm "node.hostname==$1" \
		--constraint-add "node.hostname==$2" web >/dev/null
	rig_wait_place web "$2"
}

test_swarm() {
	local from=$EPOCHREALTIME

	rig_image_load
	rig_swarm_init
	rig_swarm_join
	echo "# images loaded and Swarm formed in $(seconds_since "$from") s"
	from=$EPOCHREALTIME
	rig_node_add w2 worker 0.5 1
	rig_swarm_join w2
	echo "# a third node added and joined in $(seconds_since "$from") s"
	ok "three nodes" test "$(rig_docker m1 node ls -q | wc -l)" = 3
	ok "the engine reports the CPUs of its node" test "$(rig_docker w2 info -f '{{.NCPU}}')" = 1
	ok "the same image everywhere" same_image
	ok "the engine's TCP endpoint answers" curl -sf -o /dev/null "http://$(rig_addr w2):2375/_ping"
}

test_move() {
	local alone busy moved total from i

	create_web
	rig_load_start load m1 front --rate 20 --url http://web/ --seed 1
	rig_load_phase load >/dev/null
	measure
	alone=$(rig_load_phase load)
	figures "web alone on 0.5 CPU" "$alone"
	service busy --replicas 2 --constraint node.hostname==w1 forager/busy:1
	rig_wait_service busy 2
	rig_load_phase load >/dev/null
	measure
	busy=$(rig_load_phase load)
	figures "web beside two busy loops" "$busy"
	move_web w1 w2
	ok "the service moved" test "$(rig_service_node web)" = w2
	rig_load_phase load >/dev/null
	measure
	moved=$(rig_load_phase load)
	figures "web after the move" "$moved"
	ok "contention shows in the p95" test "$(jq '.p95_ms' <<<"$alone" | cut -d. -f1)" -lt "$(jq '.p95_ms / 2' <<<"$busy" | cut -d. -f1)"
	ok "the move at least halves the p95" test "$(jq '.p95_ms' <<<"$moved" | cut -d. -f1)" -lt "$(jq '.p95_ms / 2' <<<"$busy" | cut -d. -f1)"
	rig_docker m1 service rm busy >/dev/null
	from=$EPOCHREALTIME
	for ((i = 0; i < ${RIG_MOVES:-3}; i++)); do
		move_web w2 w1
		move_web w1 w2
	done
	echo "# a move takes $(awk -v s="$(seconds_since "$from")" -v n="$((2 * i))" 'BEGIN { printf "%.1f", s / n }') s with health check and Swarm's monitor time"
	total=$(rig_load_stop load)
	figures "whole run, $((2 * i + 1)) moves" "$total"
	ok "no request lost in $((2 * i + 1)) moves" member "$total" '.failed == 0'
	ok "no connect retried" member "$total" '.retried == 0'
}

test_workloads() {
	service hold --constraint node.hostname==w1 forager/hold:1 /bin/hold --mb 48
	service talk --constraint node.hostname==w1 --network front --endpoint-mode dnsrr forager/chat:1 /bin/chat serve
	service listen --constraint node.hostname==w2 --network front --endpoint-mode dnsrr forager/chat:1 \
		/bin/chat pull talk --kb-per-s 2000
	rig_wait_service hold 1
	rig_wait_service talk 1
	rig_wait_service listen 1
	ok "memory is really held" rig_until 10 holds_memory
	ok "bytes cross between the nodes" rig_until 20 receives_bytes
	rig_docker m1 service rm hold talk listen >/dev/null
}

container_of() {
	rig_docker "$1" ps -q --filter "label=com.docker.swarm.service.name=$2"
}

stats() {
	rig_api "$1" "/containers/$(container_of "$1" "$2")/stats?stream=false&one-shot=true"
}

holds_memory() {
	stats w1 hold | jq -e '.memory_stats.usage > 48 * 1048576'
}

receives_bytes() {
	stats w2 listen | jq -e '[.networks[].rx_bytes] | add > 2000000'
}

test_sick() {
	local before

	service sick --constraint node.hostname==w1 --update-order start-first \
		--health-cmd 'wget -q -O /dev/null http://127.0.0.1/health' --health-interval 1s --health-retries 1 \
		--env 'NODE={{.Node.Hostname}}' forager/web:1 /bin/web --sick-on w2
	rig_wait_service sick 1
	before=$(container_of w1 sick)
	rig_docker m1 service update -d --no-resolve-image --constraint-rm node.hostname==w1 \
		--constraint-add node.hostname==w2 sick >/dev/null
	ok "a service that is told to be sick on a node does not live there" rig_until 30 ended_on_w2
	ok "and the healthy task stays" test "$(container_of w1 sick)" = "$before"
	rig_docker m1 service rm sick >/dev/null
}

# It takes the SIGTERM of the unhealthy in order, so Swarm may well call it complete.
ended_on_w2() {
	rig_docker m1 service ps sick --format '{{.Node}} {{.CurrentState}}' | grep -qE '^w2 (Failed|Complete)'
}

test_faults() {
	local from

	rig_node_stop w2
	ok "a stopped engine does not answer" test "$(rig_ping w2 || echo no)" = no
	rig_node_cont w2
	ok "a continued one does" rig_until 5 rig_ping w2
	rig_link_down w2
	ok "no way to a node whose link is down" test "$(curl -s --max-time 1 "http://$(rig_addr w2):2375/_ping" || echo no)" = no
	rig_link_up w2
	ok "the link comes back" rig_until 10 curl -sf --max-time 1 "http://$(rig_addr w2):2375/_ping"
	from=$EPOCHREALTIME
	rig_node_kill w2
	ok "a killed node's containers are gone" test -z "$(pgrep -x web || true)"
	rig_node_start w2
	ok "a killed node comes back and is ready" rig_until 60 rig_node_ready w2
	rig_wait_service web 1
	echo "# killed, booted, ready and running its task in $(seconds_since "$from") s"
}

inside() {
	# shellcheck source=rig.sh
	. "$RIG_LIB"
	echo "# engines ready in $(seconds_since "$RIG_TEST_START") s"
	test_swarm
	test_move
	test_workloads
	test_sick
	test_faults
	echo "$n_test" >"$RIG_TEST_COUNT"
	[ "$n_failed" = 0 ]
}

# --- around it ------------------------------------------------------------------------------------

# All that a rig could leave, one a line.
traces() {
	find /sys/fs/cgroup -maxdepth 2 -name 'forager-rig-*' 2>/dev/null || true
	ls -d "${RIG_TMP:-/var/tmp}"/forager-rig.* 2>/dev/null || true
	ls /run/netns 2>/dev/null || true
	ip -br link | awk '{ print $1 }'
	grep forager-rig /proc/mounts || true
	# Not the dead that nobody has fetched yet.
	ps -eo stat=,comm= | awk '$1 !~ /^Z/ && $2 ~ /^(dockerd|containerd(-shim)?|unshare|busy|chat|hold|load|web)$/'
}

nothing_left() {
	diff <(echo "$traces_before") <(traces) >&2
}

# Starts a rig that stays up until somebody ends it; returns when its engines run.
start_endless() {
	rm -f "$work/up"
	env --default-signal=INT "$here/rig" run --nodes m1:manager -- bash -c "touch '$work/up'; sleep 600" &
	rig_pid=$!
	until [ -e "$work/up" ]; do
		kill -0 "$rig_pid" || return 1
		sleep 0.05
	done
}

outside() {
	local init from rc=0

	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	# The traces of a rig that is up are not ours to judge: wait for its end.
	flock -w "${RIG_LOCK_WAIT:-600}" /run/lock/forager-rig true
	traces_before=$(traces)
	export RIG_TEST_START=$EPOCHREALTIME RIG_TEST_COUNT=$work/count

	"$here/rig" run --nodes m1:manager w1:worker:0.5:1 -- "${BASH_SOURCE[0]}" --inside || rc=$?
	n_test=$(cat "$work/count" 2>/dev/null || echo 0)
	ok "the tests inside" test "$rc" = 0
	ok "nothing left after a run" nothing_left

	start_endless
	kill -TERM "$rig_pid"
	wait "$rig_pid" || true
	ok "nothing left after SIGTERM" nothing_left

	start_endless
	kill -INT "$rig_pid"
	wait "$rig_pid" || true
	ok "nothing left after SIGINT" nothing_left

	start_endless
	read -r _ _ init </run/lock/forager-rig
	kill -KILL "$init"
	wait "$rig_pid" || true
	ok "nothing left after SIGKILL of the process inside" nothing_left

	start_endless
	kill -KILL "$rig_pid"
	wait "$rig_pid" 2>/dev/null || true
	from=$EPOCHREALTIME
	"$here/rig" run --nodes m1:manager -- true
	echo "# one engine up and down in $(seconds_since "$from") s"
	ok "the next rig removes what SIGKILL of the outer process left" nothing_left

	"$here/rig" up --nodes m1:manager w1 | cat >"$work/hints"
	ok "up tells how to look around" grep -q DOCKER_HOST "$work/hints"
	ok "a kept rig can be entered" test "$("$here/rig" exec sh -c "/usr/bin/docker -H unix://\$RIG_SOCK_m1 node ls -q" | wc -l)" = 2
	"$here/rig" down
	ok "nothing left after down" nothing_left

	echo "1..$n_test"
	[ "$n_failed" = 0 ]
}

if [ "${1:-}" = --inside ]; then
	inside
else
	outside
fi
