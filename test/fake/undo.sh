#!/usr/bin/env bash
# Many random actions of forager's, then undo --all: every service is as it was, exactly in what
# forager owns, untouched elsewhere. Usage: BUILD=DIR [LONG=1] undo.sh [ACTIONS]
set -uo pipefail
. "$(dirname "$0")/fake.sh"
export FAKE_MANAGER=m1 FAKE_TIMEOUT=20s
actions=${1:-60}
[ "${LONG:-0}" = 0 ] || actions=${1:-1000}
worlds=${WORLDS:-6}

# Every form that a spec's owned fields can have: absent, empty, filled, other people's beside.
world() {
	local opted='label.forager.mode=auto monitor=0.2' i

	printf 'node %s\n' 'm1 manager label.zone=a' 'w1 label.zone=a' 'w2 label.zone=b' 'w3 label.zone=b' 'w4'
	echo "service s1 order=start-first $opted"
	echo "service s2 replicas=2 order=start-first constraint=node.role!=none $opted label.team=x"
	echo "service s3 no-update label.forager.start-first=yes label.forager.mode=auto"
	echo "service s4 replicas=3 order=start-first constraint=node.labels.zone!=c constraint=node.hostname!=none $opted"
	echo "service s5 order=stop-first label.forager.brief-errors=yes label.forager.restart=yes $opted"
	echo "service s6 order=start-first parallelism=0 delay=0.1 failure=rollback $opted reserve-cpu=0.1 reserve-memory=16M"
	echo "service quiet replicas=2"
	for i in 1 2 3 4 5 6; do echo "times s$i start=0.05 stop=0.02"; done
}

# Exactly: what is empty, null or absent, too; all but the order of keys.
specs() { fake_docker "$1" GET /services | jq -S -c 'sort_by(.Spec.Name) | .[] | .Spec'; }

one_action() {
	local name=$1 service

	service=s$((RANDOM % 6 + 1))
	case $((RANDOM % 10)) in
	0) fake_forager "$name" undo "$(fake_sql "$name" "SELECT id FROM move WHERE state = 'done' ORDER BY random() LIMIT 1")" ;;
	1) fake_forager "$name" release "$service" ;;
	2) fake_ctl "$name" "fate $service * $( [ $((RANDOM % 2)) = 0 ] && echo reject || echo stuck)"
		move "$name" "$service"
		fake_ctl "$name" "fate $service * run" ;;
	*) move "$name" "$service" ;;
	esac
}

move() {
	local from to

	from=$(fake_ctl "$1" "where $2" | shuf -n 1)
	to=$(printf '%s\n' m1 w1 w2 w3 w4 | grep -vxF -e "$(fake_ctl "$1" "where $2")" | shuf -n 1)
	fake_forager "$1" move "$2" --from "$from" --to "${to:-m1}"
}

# one_world NUMBER: its share of the actions.
one_world() {
	local name=w$1 i

	fake_world_begin
	fake_engine "$name" --stats-latency 0 --seed "$1" < <(world)
	fake_config "$name" m1 'mode = observe' '[moves]' 'per-hour = 3600' 'deadline = 30s' 'cooldown = 0' \
		'deploy-quiet = 0'
	specs "$name" >"$FAKE_DIR/$name/before"
	for ((i = 0; i < (actions + worlds - 1) / worlds; i++)); do
		one_action "$name" >>"$FAKE_DIR/$name/log" 2>&1
		echo $? >>"$FAKE_DIR/$name/exits"
	done
	fake_forager "$name" undo --all >"$FAKE_DIR/$name/undo" 2>&1 || {
		echo "undo --all: exit $?"
		cat "$FAKE_DIR/$name/undo"
	} >>"$FAKE_DIR/$name/bad"
	fake_forager "$name" release --all >>"$FAKE_DIR/$name/undo" 2>&1
	specs "$name" >"$FAKE_DIR/$name/after"
	diff "$FAKE_DIR/$name/before" "$FAKE_DIR/$name/after" >>"$FAKE_DIR/$name/bad" ||
		echo "not as before" >>"$FAKE_DIR/$name/bad"
}

pids=()
for ((n = 0; n < worlds; n++)); do
	(one_world "$n") &
	pids+=($!)
done
wait "${pids[@]}"

bad=0
for ((n = 0; n < worlds; n++)); do
	dir=$FAKE_DIR/w$n
	[ ! -s "$dir/bad" ] || { cat "$dir/bad"; bad=$((bad + 1)); }
	"$BUILD/test/fake/check" --ended --only I1,I3,I4,I6 --database "$dir/state/forager.db" "$dir/record" ||
		bad=$((bad + 1))
	cat "$dir/exits" >>"$FAKE_DIR/exits"
done
total=$(wc -l <"$FAKE_DIR/exits")
printf 'undo: %d actions, %d done, then undo --all in %d Swarms\n' "$total" "$(grep -cx 0 "$FAKE_DIR/exits")" "$worlds"
echo "RELIABILITY|random actions, then undo --all|$total actions, tasks rejected and stuck|I3 every spec exactly as before|$bad"
[ "$bad" = 0 ]
