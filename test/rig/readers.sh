#!/bin/bash
# What people can read of a real Swarm that foragerd only observes: README's queries, every reading
# verb in every format, as a member of group forager, with foragerd running and stopped; and that
# observing changes nothing. TAP on standard output, answers in comments.
#
#   BUILD=DIR readers.sh   DIR holds forager and foragerd
#
# Needs what test/rig/rig needs, and sqlite3.

set -eu

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ "${1:-}" != _inside ]; then
	if ! [ -x "${BUILD:-}/forager" ] || ! [ -x "$BUILD/foragerd" ]; then
		sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
		exit 2
	fi
	BUILD=$(realpath "$BUILD")
	export BUILD
	exec "$here/rig" run --nodes m1:manager:0.5:1 w1:worker:0.5:1 -- "${BASH_SOURCE[0]}" _inside
fi

# shellcheck source-path=SCRIPTDIR source=rig.sh
. "$RIG_LIB"
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"

state=$RIG_DIR/state
db=$state/forager.db
conf=$RIG_DIR/forager.conf
log=$tap_dir/foragerd
daemon=''
least_decisions=5 # so many while nothing may change
# The decisions that mode = auto would have acted upon.
would_move="execution = 'observed' AND reason LIKE '%moving ''oven'' to ''m1''%'"

# --- the case --------------------------------------------------------------------------------------

service() {
	local node=$1 name=$2
	shift 2
	rig_docker m1 service create -d --no-resolve-image --name "$name" --stop-grace-period 1s \
		--constraint "node.hostname==$node" "$@" >/dev/null
	rig_wait_service "$name" 1
	rig_docker m1 service update -d --no-resolve-image --constraint-rm "node.hostname==$node" "$name" >/dev/null
	rig_wait_update "$name"
}

# On w1 two that want more than the node has, one of which would be moved; on m1 one that bursts and
# one that reserves and rests.
deploy() {
	local name

	for name in m1 w1; do
		rig_docker m1 node update --label-add forager.cpus=0.5 "$name" >/dev/null
	done
	service w1 oven --label forager.mode=auto --label forager.restart=yes --limit-cpu 0.3 forager/busy:1
	service w1 stove --limit-cpu 0.24 forager/busy:1
	service m1 spiky --label forager.mode=auto --label forager.restart=yes forager/busy:1 /bin/busy --burst 2:18
	service m1 hog --label forager.mode=auto --label forager.pin=yes --reserve-cpu 0.4 --reserve-memory 128M \
		forager/hold:1 /bin/hold --mb 8
}

# Group forager, for this rig alone when the machine has none. Sets gid.
make_group() {
	gid=$(getent group forager | cut -d: -f3)
	[ -z "$gid" ] || return 0
	gid=4240
	cp /etc/group "$RIG_DIR/group"
	echo "forager:x:$gid:" >>"$RIG_DIR/group"
	mount --bind "$RIG_DIR/group" /etc/group
}

configure() {
	# As systemd-tmpfiles makes it.
	mkdir -m 750 "$state"
	chgrp forager "$state"
	cat >"$conf" <<-END
		[docker]
		host = unix://$(rig_sock m1)
		[endpoint]
		template = tcp://{addr}:2375
		[agent]
		mode = observe
		sample-every = 1s
		decide-every = 3s
		state-dir = $state
		[policy]
		horizon = 72s
		[objective]
		move = 0.03
		[moves]
		cooldown = 0
		sustain = 3s
		deploy-quiet = 4s
		warm-up = 6s
		node-quiet = 1s
		node-settle = 1s
	END
}

value() {
	sqlite3 -readonly "$db" "$1"
}

value_is() {
	[ "$(value "$1")" = "$2" ]
}

daemon_start() {
	"$RIG_DIR/bin/foragerd" -c "$conf" 2>>"$log" &
	daemon=$!
}

daemon_stop() {
	local status=0

	kill -TERM "$daemon"
	wait "$daemon" || status=$?
	[ "$status" = 0 ] || note "status $status: $(tail -n 5 "$log")"
	[ "$status" = 0 ]
}

# What the profiles must have come to.
learnt() {
	value_is "SELECT behaviour FROM v_profiles WHERE service = 'spiky'" bursty &&
		value_is "SELECT count(*) FROM v_waste WHERE service = 'hog' AND unused_cpu_ratio > 0.8" 1 &&
		value_is 'SELECT node FROM v_hot LIMIT 1' w1 &&
		value_is "SELECT count(*) > 0 FROM decision WHERE $would_move" 1
}

# --- README's queries -------------------------------------------------------------------------------

# Each of the section's statements on one line.
readme_queries() {
	awk '/^## / { on = $0 == "## The database" }
		on && /^    / { text = text substr($0, 4) }
		on && /;$/ { sub(/^ /, "", text); print text; text = "" }' "$here/../../README.md"
}

# sense SQL ROWS: whether the rows, a JSON array, are the answer in this Swarm.
sense() {
	case $1 in
	*v_bursty*) jq -e 'any(.service == "spiky" and .node == "m1" and .burst_ratio >= 3 and .cpu_p95_cores > .cpu_mean_cores)
		and all(.service != "hog" and .service != "oven")' <<<"$2" ;;
	*v_waste*) jq -e 'all(.service != "oven")
		and any(.service == "hog" and .reserved_cpu_cores == 0.4 and .unused_cpu_ratio > 0.8 and .unused_mem_bytes > 64000000)' <<<"$2" ;;
	*v_hot*) jq -e 'length == 1 and .[0].node == "w1" and .[0].cpu_load_ratio > 0.7 and (.[0].because | startswith("oven "))' <<<"$2" ;;
	*) false ;;
	esac >/dev/null
}

sqlite_answers() {
	run "${insider[@]}" sqlite3 -readonly -json "$db" "$1"
	[ "$rc" = 0 ] && sense "$1" "$said" && return
	tell
	return 1
}

forager_answers() {
	run "${insider[@]}" "$RIG_DIR/bin/forager" -c "$conf" query "$1" --format json
	[ "$rc" = 0 ] && sense "$1" "$(jq -s . <<<"$said")" && return
	tell
	return 1
}

test_queries() {
	local when=$1 sql view n=0

	while read -r sql; do
		n=$((n + 1))
		view=$(grep -o 'v_[a-z_]*' <<<"$sql")
		ok "$when: a member of the group asks $view by sqlite3" sqlite_answers "$sql"
		note "$said"
		ok "$when: and by forager query" forager_answers "$sql"
	done < <(readme_queries)
	ok "$when: README has three queries" test "$n" = 3
}

# --- the verbs --------------------------------------------------------------------------------------

reading=(status nodes services profiles 'profiles --kind service' 'profiles --kind node' 'profiles oven'
	'qtable --weights' 'qtable --values' decisions moves 'config show' 'query SELECT*FROM(v_hot)')
# No flat lists: without CSV.
telling=(qtable recommend 'explain oven' 'explain spiky')

# forager FORMAT VERB: runs it as a member of the group.
forager() {
	# shellcheck disable=SC2086 # a verb and its words
	run "${insider[@]}" "$RIG_DIR/bin/forager" -c "$conf" $2 --format "$1"
	[ "$rc" = 0 ] && [ -z "$told" ] && return
	note "forager $2 --format $1"
	tell
	return 1
}

tables() {
	local verb bad=0

	for verb; do
		forager table "$verb" || bad=1
	done
	return "$bad"
}

json_lines() {
	local verb bad=0

	for verb; do
		forager json "$verb" || bad=1
		# One object a line, with keys in snake case.
		while read -r line; do
			jq -e 'type == "object" and (keys | length > 0 and all(test("^[a-z][a-z0-9_]*$")))' >/dev/null <<<"$line" && continue
			note "forager $verb: $line"
			bad=1
		done < <(grep . <<<"$said")
	done
	return "$bad"
}

# As many columns in each row as in the first: sqlite3 complains of others.
csv_rows() {
	local verb bad=0

	for verb; do
		forager csv "$verb" || bad=1
		printf '%s\n' "$said" >"$tap_dir/csv"
		run sqlite3 -csv :memory: ".import '$tap_dir/csv' t" 'SELECT count(*) FROM t'
		[ "$rc" = 0 ] && [ -z "$told" ] && continue
		note "forager $verb --format csv"
		tell
		bad=1
	done
	return "$bad"
}

test_verbs() {
	ok "$1: every reading verb prints tables" tables "${reading[@]}" "${telling[@]}"
	ok "$1: every reading verb prints JSON, an object a line" json_lines "${reading[@]}" "${telling[@]}"
	ok "$1: every list is printed as CSV" csv_rows "${reading[@]}"
}

outsider_refused() {
	local verb bad=0

	run "${outsider[@]}" sqlite3 -readonly "$db" 'SELECT 1 FROM meta'
	[ "$rc" != 0 ] || bad=1
	for verb in status profiles 'query SELECT*FROM(v_hot)'; do
		# shellcheck disable=SC2086 # a verb and its words
		run "${outsider[@]}" "$RIG_DIR/bin/forager" -c "$conf" $verb
		[ "$rc" = 1 ] && [ "$(grep -c . <<<"$told")" = 1 ] && [ -z "$said" ] &&
			grep -q "no permission to read '$db': .*group forager" <<<"$told" && continue
		tell
		bad=1
	done
	return "$bad"
}

# --- explain ----------------------------------------------------------------------------------------

# adds_up JSON: every candidate's contributions less its move's cost are its gain.
adds_up() {
	jq -e '.contributions as $c | .decision.decision_id > 0
		and ([.candidates[] | select(.rank > 0)] | length > 0)
		and ([.candidates[] | select(.rank > 0) | . as $x | [$c[] | select(.rank == $x.rank) | .contribution]
			| select(length > 0) | (add - $x.move_cost - $x.gain) | fabs] | length > 0 and max < 0.002)' >/dev/null <<<"$1"
}

# Of each table of terms the column GAIN: its rows, then their sum as printed.
table_adds_up() {
	awk '
		/^TERM / { at = index($0, "MEANING"); tables++; sum = 0; next }
		!at { next }
		{ n = split(substr($0, 1, at - 1), f, " "); v = f[n] }
		/^= gain/ { if (sum - v > 1e-9 || v - sum > 1e-9) bad = 1; at = 0; next }
		{ sum += v; terms++ }
		END { exit !(tables > 0 && terms > tables && !at && !bad) }' <<<"$1"
}

# Refused candidates carry their verdict, in a word and in a sentence; the count is that of the head.
verdicts_there() {
	jq -e '([.refused[] | .n] | add) == .decision.n_refused
		and (.refused | length > 0 and all(.verdict | test("^[a-z][a-z-]*$")))' >/dev/null <<<"$1"
}

test_explain() {
	local id json

	id=$(value "SELECT max(decision_id) FROM v_candidates c WHERE service = 'oven' AND contributions_sum <> 0
		AND EXISTS (SELECT 1 FROM verdict_count v WHERE v.decision_id = c.decision_id)")
	forager json "explain $id" || true
	json=$said
	ok "explain: contributions less the move's cost are the gain" adds_up "$json"
	ok "explain: the verdicts on the refused are there" verdicts_there "$json"
	forager table "explain $id" || true
	note "$said"
	ok "explain: the printed terms add up to the printed gain" table_adds_up "$said"
	ok "explain: the printed verdicts are there" test "$(jq -r '.refused[].verdict' <<<"$json" | grep -cvFf <(printf '%s\n' "$said" | grep -oE '[a-z-]+'))" = 0
	forager table 'explain oven' || true
	ok "explain SERVICE: adds up, too" table_adds_up "$said"
}

# --- the play ---------------------------------------------------------------------------------------

decided() {
	[ "$(value 'SELECT count(*) FROM decision')" -ge "$1" ]
}

# An unprivileged user must be able to run it, wherever the build is.
mkdir -m 755 "$RIG_DIR/bin"
cp "$BUILD/forager" "$BUILD/foragerd" "$RIG_DIR/bin"
make_group
insider=(setpriv --reuid 4242 --regid 4242 --groups "$gid")
outsider=(setpriv --reuid 4243 --regid 4243 --clear-groups)
rig_image_load
rig_swarm_init
rig_swarm_join
deploy
configure
before=$(swarm_state)
daemon_start
if ! rig_until 120 learnt; then
	note "$(tail -n 20 "$log")"
	"$RIG_DIR/bin/forager" -c "$conf" profiles | sed 's/^/# /'
fi
ok 'the profiles tell the bursty, the wasteful and the hot' learnt
note "after $SECONDS s"
first=$(value 'SELECT count(*) FROM decision')
test_queries 'foragerd runs'
test_verbs 'foragerd runs'
ok 'foragerd runs: who is not of the group is refused, and told why' outsider_refused
note "$told"
test_explain
rig_until 60 decided $((first + least_decisions)) || true
ok "observed: $(value 'SELECT count(*) FROM decision') decisions" decided $((first + least_decisions))
n=$(value "SELECT count(*) FROM decision WHERE $would_move")
ok "observed: $n of them name a move that mode = auto would have made" test "$n" -gt 0
ok 'observed: no service, task, node or config has changed' swarm_is "$before"
ok 'foragerd ends with 0' daemon_stop
test_queries 'foragerd is stopped'
test_verbs 'foragerd is stopped'
ok 'foragerd is stopped: who is not of the group is refused, and told why' outsider_refused
ok 'foragerd is stopped: still nothing has changed' swarm_is "$before"
tap_end
