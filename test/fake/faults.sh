#!/usr/bin/env bash
# Every fault of an answer × every endpoint that forager uses, met by foragerd in a cycle and in a
# move, or in a start where an endpoint is asked only there; afterwards the record is judged.
# Usage: BUILD=DIR [LONG=1] [WORLDS=N] faults.sh; short: 18 of the kinds
set -uo pipefail
. "$(dirname "$0")/fake.sh"
export FAKE_MANAGER=m1

# How many worlds side by side: the cases mostly wait.
worlds=${WORLDS:-16}
endpoints='ping info nodes services tasks service service_update containers stats image events
configs config_update'
kinds='delay:1.5 hang reset drop truncate:0 truncate:7 truncate:200 flip:-1 status:500 status:503
status:429 status:404 length:10 length:-10 chunks endless slow:200 html empty garbage huge duplicate
deep missing:ID missing:Version missing:Spec missing:Status nulls:ID nulls:Spec stale sequence'
[ "${LONG:-0}" = 1 ] || kinds='delay:1.5 hang reset drop truncate:7 truncate:200 flip:-1 status:500 status:503 status:429
length:10 chunks endless html huge duplicate deep missing:ID'

world() {
	cat <<-'WORLD'
		node m1 manager
		node w1
		node w2
		node w3
		service web replicas=2 order=start-first monitor=0.3 label.forager.mode=auto
		service db order=start-first monitor=0.3 label.forager.mode=auto
		service quiet replicas=3
		load web cores=0.4
		times web start=0.1 stop=0.05
		times db start=0.1 stop=0.05
	WORLD
}

is_settled() {
	[ "$(fake_sql "$1" 'SELECT count(*) FROM move WHERE ended_wall_ms IS NULL')" = 0 ]
}

# one_case WORLD ENDPOINT KIND: the fault lies on the endpoint while a person's move is carried out.
one_case() {
	local name=$1 endpoint=$2 kind=${3%%:*} arg='' from to count=3

	[ "$3" = "$kind" ] || arg=${3#*:}
	case "$kind" in hang | endless | slow) count=1 ;; esac
	from=$(fake_ctl "$name" 'where web' | head -1)
	to=$(printf '%s\n' m1 w1 w2 w3 | grep -vxF "$(fake_ctl "$name" 'where web')" | head -1)
	case "$endpoint" in
	ping | events)
		fake_ctl "$name" "fault $endpoint $kind $arg count $count"
		fake_restart "$name"
		;;
	*) fake_ctl "$name" "fault $endpoint $kind $arg after $((RANDOM % 3)) count $count" ;;
	esac
	timeout 40 "$BUILD/forager" -c "$FAKE_DIR/$name/forager.conf" move web --from "$from" --to "$to" \
		>>"$FAKE_DIR/$name/moves" 2>&1
	printf '%s %s: %s\n' "$endpoint" "$3" $? >>"$FAKE_DIR/$name/exits"
	fake_ctl "$name" clear
	fake_until 60 is_settled "$name" || printf 'not settled: %s %s\n' "$endpoint" "$3" >>"$FAKE_DIR/$name/bad"
	fake_lives "$name" ||
		printf 'foragerd died: %s %s\n' "$endpoint" "$3" >>"$FAKE_DIR/$name/bad"
}

# one_world NUMBER: every so-manieth case.
one_world() {
	local name=w$1 i=0 endpoint kind

	fake_world_begin
	fake_engine "$name" --stats-latency 0.1 --seed "$1" < <(world)
	fake_config "$name" m1 'decide-every = 2s' 'mode = auto' '[moves]' 'warm-up = 1s' 'per-hour = 3600' \
		'deadline = 8s' 'cooldown = 0' 'deploy-quiet = 0' 'sustain = 0'
	fake_foragerd "$name"
	sleep 1.5
	for kind in $kinds; do
		for endpoint in $endpoints; do
			i=$((i + 1))
			[ $((i % worlds)) = "$1" ] || continue
			one_case "$name" "$endpoint" "$kind"
		done
	done
	sleep 1
	fake_ctl "$name" state >"$FAKE_DIR/$name/end" || echo '{}' >"$FAKE_DIR/$name/end"
	fake_stop "$name" || echo "foragerd ended with $?" >>"$FAKE_DIR/$name/bad"
	fake_minute "$name"
	cat "$FAKE_DIR/$name/engine.err" >>"$FAKE_DIR/$name/bad"
	grep -hE 'AddressSanitizer|runtime error|LeakSanitizer' "$FAKE_DIR/$name/foragerd.log" "$FAKE_DIR/$name/moves" \
		>>"$FAKE_DIR/$name/bad"
}

pids=()
for n in $(seq 0 $((worlds - 1))); do
	(one_world "$n") &
	pids+=($!)
done
wait "${pids[@]}"

bad=0
injected=0
n_kinds=$(printf '%s\n' $kinds | wc -w)
n_endpoints=$(printf '%s\n' $endpoints | wc -w)
for n in $(seq 0 $((worlds - 1))); do
	dir=$FAKE_DIR/w$n
	[ ! -s "$dir/bad" ] || { cat "$dir/bad"; bad=$((bad + 1)); }
	"$BUILD/test/fake/check" --ended --only I1,I2,I3,I4,I5,I6 --database "$dir/state/forager.db" "$dir/record" "$dir/usage" \
		>"$dir/judged" || { cat "$dir/judged"; bad=$((bad + 1)); }
	injected=$((injected + $(jq ".faults | add // 0" "$dir/end")))
	cat "$dir/judged" >>"$FAKE_DIR/judged"
	cat "$dir/exits" >>"$FAKE_DIR/exits"
done
cases=$(wc -l <"$FAKE_DIR/exits")
done_moves=$(grep -c ': 0$' "$FAKE_DIR/exits")
printf 'faults: %d cases (%d kinds x %d endpoints), %d faults met, %d moves done, %d refused or given back\n' \
	"$cases" "$n_kinds" "$n_endpoints" "$injected" "$done_moves" $((cases - done_moves))
for endpoint in $endpoints; do
	n=$(cat "$FAKE_DIR"/w*/record | grep '"kind":"request"' | grep -v '"fault":"none"' |
		grep -c "\"endpoint\":\"$endpoint\"")
	printf 'faults: /%s met %d\n' "$endpoint" "$n"
	[ "$n" -ge 5 ] || { echo "faults: /$endpoint met too few to say anything"; bad=$((bad + 1)); }
done
for i in 1 2 3 4 5 6; do
	violations=$(awk -v i="I$i" '$1 == i { n += $(NF - 1) } END { print n + 0 }' "$FAKE_DIR/judged")
	text=$(grep -m1 "^I$i " "$FAKE_DIR/judged" | sed 's/: .*//')
	echo "RELIABILITY|HTTP and JSON faults in a cycle and in a move|$injected answers, $n_kinds kinds x $n_endpoints endpoints|$text|$violations"
done
[ "$bad" = 0 ]
