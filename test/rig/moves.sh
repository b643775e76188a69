#!/bin/bash
# Moves on a real Swarm: none loses a request, every kind of revert keeps the old task alive, and the
# owner's spec is exact afterwards. TAP on standard output, figures in comments.
#
#   moves.sh FORAGER [COUNT [TEST…]]   FORAGER: the program; COUNT: times of each case (default 2);
#                                      TEST: moves rollback undo reverts refused lost killed (all)
#
# Needs what test/rig/rig needs.

set -eu

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ "${1:-}" != _inside ]; then
	[ $# -ge 1 ] || {
		sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
		exit 2
	}
	exec "$here/rig" run --nodes m1:manager w1 w2 -- "${BASH_SOURCE[0]}" _inside "$(realpath "$1")" "${2:-2}" "${@:3}"
fi

forager_bin=$2
count=$3
shift 3
[ $# -gt 0 ] || set -- moves rollback undo reverts refused lost killed
# shellcheck source=rig.sh
. "$RIG_LIB"

n_test=0
n_failed=0
relay_sock=$RIG_DIR/relay.sock
flag=$RIG_DIR/relay.flag
hook=$RIG_DIR/relay.hook

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

# --- the case --------------------------------------------------------------------------------------

configure() {
	mkdir -p "$RIG_DIR/state"
	cat >"$RIG_DIR/forager.conf" <<-END
		[docker]
		host = unix://$(rig_sock m1)
		[endpoint]
		template = tcp://{addr}:2375
		[agent]
		mode = observe
		state-dir = $RIG_DIR/state
		[moves]
		node-quiet = 1s
		node-settle = 1s
		deadline = ${1}s
	END
}

# forager ARGS…: its exit code in $rc, its answer in $said.
forager() {
	[ "$1" = release ] || rig_calm w1 w2
	rc=0
	said=$("$forager_bin" -c "$RIG_DIR/forager.conf" "$@" --format json 2>"$RIG_DIR/forager.err") || rc=$?
}

tell() {
	echo "# exit $rc: $said $(tail -n 5 "$RIG_DIR/forager.err" | tr '\n' ' ')"
}

# What its owner made of it: everything but Version and the update's state.
spec_of() {
	rig_api m1 "/services/$1" | jq -cS .Spec
}

version_of() {
	rig_api m1 "/services/$1" | jq .Version.Index
}

task_of() {
	rig_tasks "$1" | jq -r '[.[] | select(.Status.State == "running") | .ID] | sort | join(" ")'
}

service() {
	local name=$1
	shift
	rig_docker m1 service create -d --no-resolve-image --name "$name" --stop-grace-period 1s \
		--label forager.mode=auto --constraint node.hostname==w1 "$@" >/dev/null
}

web() {
	local name=$1
	shift
	service "$name" --network front --endpoint-mode dnsrr --env 'NODE={{.Node.Hostname}}' \
		--health-cmd 'wget -q -O /dev/null http://127.0.0.1/health' --health-interval 1s \
		--health-retries 2 --health-timeout 2s "$@"
}

# Free to move: its owner's constraint that put it on w1 goes, which moves nothing.
free_it() {
	rig_wait_service "$1" 1
	rig_docker m1 service update -d --no-resolve-image --constraint-rm node.hostname==w1 "$1" >/dev/null
	rig_wait_update "$1"
}

deploy() {
	rig_docker m1 network create -d overlay --attachable front >/dev/null
	# Its owner's own rules, of which nothing may be lost.
	web shop --update-order start-first --update-parallelism 3 --update-delay 500ms \
		--update-monitor 1s --update-failure-action rollback --update-max-failure-ratio 0.25 \
		--constraint node.role==worker --label owner=me --label forager.note=kept \
		--reserve-cpu 0.1 forager/web:1
	# Ends with 143, as a program that SIGTERM kills. One that ends with 0 although it never was
	# healthy is taken for started by the engine (its controller's Start returns without an error),
	# and Swarm then stops the healthy old task in one case of ten: nothing that forager could revert.
	web sick --update-order start-first --update-monitor 1s --constraint node.role==worker \
		forager/web:1 /bin/sh -c '/bin/web --sick-on w2 & trap "kill $!; wait; exit 143" TERM; wait'
	web crash --update-order start-first --update-monitor 1s --constraint node.role==worker \
		forager/web:1 /bin/web --crash-on w2
	# The defaults of a plain service: stop-first, no UpdateConfig of its own.
	web plain forager/web:1
	for name in shop sick crash plain; do
		free_it "$name"
	done
}

start_relay() {
	cc -O1 -std=gnu17 -D_GNU_SOURCE -o "$RIG_DIR/relay" "$here/relay/relay.c" ||
		rig_die "the relay does not compile"
	"$RIG_DIR/relay" "$relay_sock" "$(rig_sock m1)" "$flag" "bash $hook" &
	relay=$!
	rig_until 5 test -S "$relay_sock" || rig_die "the relay does not listen"
}

# between COMMANDS: what the relay does before forager's next request to change something.
between() {
	printf '. %q\n%s\n' "$RIG_LIB" "$1" >"$hook"
	: >"$flag"
}

# --- moves under load -------------------------------------------------------------------------------

other() {
	[ "$1" = w1 ] && echo w2 || echo w1
}

moved_exactly() {
	[ "$rc" = 0 ] && rig_service_is_on shop "$1" && [ "$(spec_of shop)" = "$before" ] &&
		jq -e '.items[0].state == "done"' >/dev/null <<<"$said"
}

nothing_failed() {
	echo "# load: $(jq -c '{requests, failed, retried, p50_ms, p95_ms, p99_ms, max_ms}' <<<"$1")"
	jq -e '.requests > 0 and .failed == 0' >/dev/null <<<"$1"
}

test_moves() {
	local i from=w1 to total

	configure 60
	rig_load_start client m1 front --rate 50 --url http://shop/ --seed 1 --duration 3000 --every 3600
	for ((i = 1; i <= count; i++)); do
		to=$(other "$from")
		before=$(spec_of shop)
		forager move shop --from "$from" --to "$to"
		ok "move $i: the web service runs on $to, its spec is exact" moved_exactly "$to" || true
		[ "$rc" = 0 ] || tell
		from=$to
	done
	total=$(rig_load_stop client)
	ok "$count moves under load, no request was lost" nothing_failed "$total"
}

rollback_ended() {
	rig_api m1 /services/shop | jq -e '.UpdateStatus.State == "rollback_completed"' >/dev/null
}

rolled_back_to_nothing() {
	local task=$1 spec=$2

	rig_docker m1 service rollback -d shop >/dev/null
	rig_until 60 rollback_ended || return 1
	rig_wait_service shop 1
	[ "$(task_of shop)" = "$task" ] && [ "$(spec_of shop)" = "$spec" ] && return
	echo "# task $task, now $(task_of shop)"
	diff <(jq . <<<"$spec") <(spec_of shop | jq .) | sed 's/^/# /'
	return 1
}

test_rollback() {
	ok "docker service rollback after a move restarts nothing and steers nothing" \
		rolled_back_to_nothing "$(task_of shop)" "$(spec_of shop)"
}

went_back() {
	[ "$rc" = 0 ] && rig_service_is_on shop "$1" && [ "$(spec_of shop)" = "$before" ]
}

test_undo() {
	local was

	was=$(rig_service_node shop)
	before=$(spec_of shop)
	forager move shop --from "$was" --to "$(other "$was")"
	ok "a move to be undone" moved_exactly "$(other "$was")"
	[ "$rc" = 0 ] || tell
	id=$(jq -r '.items[0].id' <<<"$said")
	forager undo "$id" --move-back
	ok "undo --move-back: back on $was, the spec as it was" went_back "$was"
	[ "$rc" = 0 ] || tell
	forager release shop
	ok "release: nothing of forager's is there" went_back "$was"
	[ "$rc" = 0 ] || tell
	to_w1 shop
}

# --- reverts ----------------------------------------------------------------------------------------

to_w1() {
	rig_service_is_on "$1" w1 && return
	forager move "$1" --from w2 --to w1
	[ "$rc" = 0 ] || tell
}

reverted_with() {
	[ "$rc" = 1 ] && jq -e '.items[0].state == "reverted"' >/dev/null <<<"$said" &&
		[ "$(task_of "$1")" = "$2" ] && [ "$(spec_of "$1")" = "$before" ]
}

# revert NAME SERVICE COMMANDS AFTER: COUNT times, COMMANDS run between check and request.
revert() {
	local name=$1 service=$2 between_them=$3 after=$4 i task

	for ((i = 1; i <= count; i++)); do
		rig_wait_service "$service" 1
		task=$(task_of "$service")
		before=$(spec_of "$service")
		between "$between_them"
		forager move "$service" --from w1 --to w2 --docker-host "unix://$relay_sock"
		eval "$after"
		ok "$name, $i: taken back, the old task lives, the spec is exact" reverted_with "$service" "$task"
		tell
		[ ! -e "$flag" ] || echo "# the relay saw no request"
		rm -f "$flag"
	done
}

drain='rig_docker m1 node update --availability drain w2 >/dev/null'
undrain='rig_docker m1 node update --availability active w2 >/dev/null'
# All of w2 but less than the web service reserves. The relay's shell expands these.
# shellcheck disable=SC2016
fill='cpus=$(rig_api m1 /nodes/w2 | jq ".Description.Resources.NanoCPUs / 1e9 - 0.05")
rig_docker m1 service create -d --no-resolve-image --name filler --constraint node.hostname==w2 \
	--reserve-cpu "$cpus" --stop-grace-period 1s forager/hold:1 >/dev/null
rig_wait_service filler 1'
unfill='rig_docker m1 service rm filler >/dev/null'
# containerd hangs: the engine of w2 answers, its new task does not get beyond preparing.
# shellcheck disable=SC2016
hang='kill -STOP "$(pgrep -P "$(rig_node_engine w2)" -x containerd)"'
# shellcheck disable=SC2016
unhang='kill -CONT "$(pgrep -P "$(rig_node_engine w2)" -x containerd)"'

test_reverts() {
	configure 20
	revert "target drained between check and request" shop "$drain" "$undrain"
	revert "reservation too large by then" shop "$fill" "$unfill"
	revert "failing its health check" sick : :
	revert "crashing" crash : :
	configure 5
	revert "held in preparing" shop "$hang" "$unhang"
}

# --- refused ----------------------------------------------------------------------------------------

refused_untouched() {
	[ "$rc" = 3 ] && [ "$(version_of plain)" = "$version" ] && [ "$(spec_of plain)" = "$before" ] &&
		jq -e '.items[0].verdict == "stop-first"' >/dev/null <<<"$said"
}

test_refused() {
	configure 20
	before=$(spec_of plain)
	version=$(version_of plain)
	forager move plain --from w1 --to w2
	ok "stop-first without its owner's label: refused, nothing was sent" refused_untouched
	tell
	rig_docker m1 service update -d --no-resolve-image --label-add forager.restart=yes plain >/dev/null
	before=$(spec_of plain)
	forager move plain --from w1 --to w2
	ok "with the label it moves" moved_plain
	[ "$rc" = 0 ] || tell
}

moved_plain() {
	[ "$rc" = 0 ] && rig_service_is_on plain w2 && [ "$(spec_of plain)" = "$before" ]
}

# --- answers that are lost --------------------------------------------------------------------------

test_lost() {
	configure 30
	to_w1 shop
	before=$(spec_of shop)
	between 'exit 75'
	forager move shop --from w1 --to w2 --docker-host "unix://$relay_sock"
	ok "the answer to the steering is lost: the move goes through, once" moved_exactly w2
	[ "$rc" = 0 ] || tell
}

# --- killed in the middle ---------------------------------------------------------------------------

# Taken back: one task, where it was, the spec exact. Swarm was seen to replace the old task by a new
# one on the same node, start-first, in 2 of 40 times. That is told here with the whole story of the
# tasks and not hidden (docs/evaluation.md).
taken_up() {
	local wrong=1

	rig_service_runs sick 1 && rig_service_is_on sick w1 && [ "$(spec_of sick)" = "$before" ] && wrong=0
	[ "$wrong" = 0 ] && [ "$(task_of sick)" = "$1" ] && return
	[ "$wrong" = 1 ] || echo "# Swarm replaced the old task on its own node:"
	echo "# the task was $1"
	rig_api m1 '/tasks?filters={"service":{"sick":true}}' |
		jq -r 'sort_by(.CreatedAt)[] | "# \(.ID) slot \(.Slot) node \(.NodeID) version \(.Version.Index) created \(.CreatedAt) wanted \(.DesiredState) is \(.Status.State) since \(.Status.Timestamp) \(.Status.Err // "") \(.Spec.Placement.Constraints)"'
	sqlite3 "$RIG_DIR/state/forager.db" 'SELECT move_id, at_ms, state, version_ours FROM move_event ORDER BY at_ms DESC LIMIT 10' | sed 's/^/# journal /'
	return "$wrong"
}

kill_it() {
	local task i

	rig_until 20 rig_service_is_on sick w1 || rig_die "the sick service does not run on w1"
	task=$(task_of sick)
	before=$(spec_of sick)
	rig_calm w1 w2
	"$forager_bin" -c "$RIG_DIR/forager.conf" move sick --from w1 --to w2 >"$RIG_DIR/forager.err" 2>&1 &
	i=$!
	rig_until 10 has_plan sick || rig_die "forager does not steer: $(tail -n 3 "$RIG_DIR/forager.err")"
	kill -KILL "$i"
	wait "$i" 2>/dev/null || true
	[ "$1" = kept ] || rm -f "$RIG_DIR"/state/forager.db*
	# Whatever is asked for next: what was left open comes first.
	forager release sick
	ok "killed while steering, journal $1: taken back by the next run" taken_up "$task"
	tell
}

has_plan() {
	rig_api m1 "/services/$1" | jq -e '.Spec.Labels["forager.plan"]' >/dev/null
}

test_killed() {
	local i

	configure 10
	for ((i = 1; i <= count; i++)); do
		kill_it kept
		kill_it lost
	done
}

rig_image_load
rig_swarm_init
rig_swarm_join
deploy
start_relay
for name; do
	"test_$name"
done
kill "$relay"
echo "1..$n_test"
echo "# $((n_test - n_failed)) passed, $n_failed failed"
[ "$n_failed" = 0 ]
