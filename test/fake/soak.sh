#!/usr/bin/env bash
# foragerd through a day of a Swarm whose loads swing, with people, drains, a node's death, an
# engine that hangs: the invariants hold, memory and descriptors stay flat. Its clock and the
# engine's are the same, turned SPEED times as fast by test/fault/clock_shim.so.
# Usage: BUILD=DIR [LONG=1] soak.sh [HOURS [SPEED]]; short: 20 minutes of the world, long: 24 hours
# In a day the loads' swing is reason enough for moves. In 20 minutes one node has too much to do, and
# the others have room.
set -uo pipefail
. "$(dirname "$0")/fake.sh"
export FAKE_MANAGER=n1
if [ "${LONG:-0}" = 0 ]; then
	hours=${1:-0.34} speed=${2:-30} share=25
else
	hours=${1:-24} speed=${2:-60} share=100
fi
clock=$FAKE_DIR/clock
name=day

world() {
	local i

	echo 'many nodes=5 cpus=2'
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		echo "service s$i replicas=$((i % 3 + 1)) label.forager.mode=auto order=start-first monitor=2"
		echo "load s$i cores=$(printf '0.%03d' $(((i * 3 % 7 + 1) * share))) swing=0.9 period=$((1800 + i * 400)) noise=0.2 mem=$((16 + i * 8))M"
	done
	echo 'service quiet replicas=3'
	[ "${LONG:-0}" = 1 ] || for i in 1 2 3 4 5 6 7 8 9 10; do
		echo "service one$i label.forager.mode=auto order=start-first monitor=2"
		echo "load one$i cores=0.02"
	done
}

done_moves() { fake_sql "$name" "SELECT count(*) FROM move WHERE state = 'done'"; }
has_moved() { [ "$(done_moves)" -gt 0 ]; }

# Of ten services on five nodes two are on one of them: they make it hot, and when one was moved away
# it is the next ones' turn. Not where engines hang and die: Swarm itself moves them from there.
heated=-1
heat() {
	local i node

	[ "${LONG:-0}" = 0 ] && [ "$1" -gt "$heated" ] || return 0
	heated=$1
	for i in 1 2 3 4 5 6 7 8 9 10; do
		fake_ctl "$name" "load one$i cores=0.02"
		echo "$(fake_ctl "$name" "where one$i") one$i"
	done >"$FAKE_DIR/ones"
	node=$(awk '$1 ~ /^n[123]$/ { n[$1]++ } END { for (i in n) print n[i], i }' "$FAKE_DIR/ones" |
		sort -k1,1nr -k2,2 | awk 'NR == 1 { print $2 }')
	awk -v node="$node" '$1 == node && n++ < 2 { print "load", $2, "cores=0.9" }' "$FAKE_DIR/ones" >"$FAKE_DIR/hot"
	while read -r i; do fake_ctl "$name" "$i" >/dev/null; done <"$FAKE_DIR/hot"
	echo "# hot: $node"
}

now_s() { "$BUILD/test/fault/clock_ctl" "$clock" now | awk '{ print int($1) }'; }

# One of what happens in a day, over at once or after a while.
event() {
	local n=$1 doc

	case $((n % 6)) in
	0) fake_ctl "$name" 'node n4 hang'; sleep 1; fake_ctl "$name" 'node n4 resume' ;;
	1) fake_ctl "$name" 'node n5 kill'; sleep 1.5; fake_ctl "$name" 'node n5 start' ;;
	2) fake_ctl "$name" 'fault * status 503 count 20' ;;
	3) doc=$(fake_docker "$name" GET "/services/s$((n % 12 + 1))")
		fake_docker "$name" POST "/services/s$((n % 12 + 1))/update?version=$(jq .Version.Index <<<"$doc")" \
			"$(jq -c ".Spec | .TaskTemplate.ForceUpdate = $n" <<<"$doc")" >/dev/null ;;
	4) fake_ctl "$name" 'fault tasks truncate 500 count 3' 'fault nodes html count 2' 'fault stats hang count 5' ;;
	5) fake_ctl "$name" 'leader none'; sleep 0.5; fake_ctl "$name" 'leader n1' ;;
	esac
}

"$BUILD/test/fault/clock_ctl" "$clock" new
"$BUILD/test/fault/clock_ctl" "$clock" scale "$speed"
export CLOCK_SHIM=$clock
LD_PRELOAD=$BUILD/test/fault/clock_shim.so fake_engine "$name" < <(world)
heat 0
fake_config "$name" n1 'sample-every = 15s' 'decide-every = 1m' 'mode = auto' '[moves]' 'warm-up = 3m' \
	'sustain = 2m' 'cooldown = 10m' 'deploy-quiet = 10m' 'per-hour = 20'
sed -i '/^sample-every = 1s$/d; /^request-poll/d; s/^timeout = 1s/timeout = 25s/' "$FAKE_DIR/$name/forager.conf"
dir=$FAKE_DIR/$name
"$BUILD/test/fake/usage" "$dir/usage" 0.5 env LD_PRELOAD="$BUILD/test/fault/clock_shim.so" \
	"$BUILD/foragerd" -c "$dir/forager.conf" >"$dir/foragerd.log" 2>&1 &
fake_pids+=($!)
echo $! >"$dir/foragerd.pid"
end=$(awk -v s="$(now_s)" -v h="$hours" 'BEGIN { print int(s + h * 3600) }')
n=0
bad=0
while [ "$(now_s)" -lt "$end" ]; do
	sleep 5
	event "$n"
	n=$((n + 1))
	heat "$(done_moves)"
	fake_lives "$name" || { echo 'soak: foragerd died'; tail -3 "$dir/foragerd.log"; bad=1; break; }
done
fake_ctl "$name" clear
sleep 3
# On a busy machine the reason may take longer.
fake_until 60 has_moved
fake_stop "$name" || bad=1
fake_minute "$name"
moves=$(done_moves)
fake_ctl "$name" state
printf 'soak: %s hours at %s times, %d events, %s moves done\n' "$hours" "$speed" "$n" "$moves"
# A quarter of a real second between the engine's clock and the journal's, on a busy machine.
"$BUILD/test/fake/check" --per-hour 20 --watchdog 30 --slack $((speed / 4 + 2)) --database "$dir/state/forager.db" \
	--label "a day of a Swarm ($hours h)" --faults "$n hangs, deaths, deploys, lost leaders, bad answers" \
	"$dir/record" "$dir/usage" || bad=1
[ "$moves" -gt 0 ] || { echo 'soak: nothing was moved: it shows nothing'; bad=1; }
[ "$bad" = 0 ]
