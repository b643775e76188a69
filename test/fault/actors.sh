#!/usr/bin/env bash
# Several foragers at once on one state directory, a lock that a killed one left, a directory that
# cannot be written, a disk that is full: one acts, the others say why not.
# Usage, as root: BUILD=DIR SANITIZED=DIR [LONG=1] actors.sh
if [ -z "${FAULT_OWN_MOUNTS:-}" ]; then
	FAULT_OWN_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"
fi
cd "$(dirname "$0")/../.." || exit 1
. test/fault/lib.sh
. test/fault/world.sh
dir=$fault_work/actors
where=actors
services='s1 s2 s3 s4 s5 s6'

world() {
	local s
	printf '%s\n' 'node m1 manager' 'node w1' 'node w2'
	for s in $services; do
		printf '%s\n' "service $s order=start-first monitor=0.3 label.forager.mode=auto" \
			"load $s cores=0.1" "times $s start=0.1 stop=0.05"
	done
}
specs() { get /services | jq -S '[.[].Spec]'; }
is_over() { [ "$(journal 'SELECT count(*) FROM move WHERE ended_wall_ms IS NULL')" = 0 ]; }
has_decided() { [ "$(journal 'SELECT count(*) FROM decision')" -gt "$1" ]; }
posts() { jq -s '[.[] | select(.method == "POST" and (.path // .url // "" | test("services")))] | length' "$dir/record"; }
other() { [ "$1" = w2 ] && echo w1 || echo w2; }

begin() {
	dir=$fault_work/$1
	where=$1
	world_start 20 --stats-latency 0.1 < <(world) || exit 1
	world_config 'mode = auto' 'sample-every = 2s' 'decide-every = 10s' 'request-poll = 200ms' '[moves]' \
		'deploy-quiet = 0' 'cooldown = 0' 'warm-up = 0' 'deadline = 60s'
	before=$(specs)
}

# At most one change was open at any time.
one_at_a_time() {
	local pairs
	pairs=$(journal 'SELECT count(*) FROM move a JOIN move b ON a.id < b.id AND
		b.created_wall_ms < a.ended_wall_ms - 20')
	[ "$pairs" = 0 ] || violation "$where" "$pairs pairs of changes were open at once"
}

# all_move ROUND: everybody at once; each ends with a sentence or is done.
all_move() {
	local s pids=() i=0
	for s in $services; do
		(
			from=$(places "$s")
			code=0
			timeout 120 env LD_PRELOAD="$shim" "$BUILD/forager" -c "$dir/forager.conf" move "$s" --from "$from" \
				--to "$(other "$from")" >"$dir/out.$s" 2>"$dir/err.$s" || code=$?
			echo "$code" >"$dir/code.$s"
		) &
		pids+=($!)
	done
	wait "${pids[@]}"
	for s in $services; do
		fault_injected=$((fault_injected + 1))
		case $(cat "$dir/code.$s") in
		0) i=$((i + 1)) ;;
		1 | 3) [ -s "$dir/err.$s" ] || violation "$where" 'ended without a word' ;;
		*) violation "$where" "exit $(cat "$dir/code.$s"): $(tail -1 "$dir/err.$s")" ;;
		esac
	done
	[ "$i" -gt 0 ] || violation "$where" "none moved: $(cat "$dir"/err.*)"
	n_done=$((${n_done:-0} + i))
}

rounds=1
[ "$LONG" = 0 ] || rounds=10
# --- the command line alone, all at once ------------------------------------------------------------
begin alone
for ((i = 0; i < rounds; i++)); do all_move; done
forager release s1 >"$dir/out" 2>&1 || violation "$where" "afterwards: $(tail -1 "$dir/out")"
is_over || violation "$where" 'a change is open'
one_at_a_time
[ "$(specs)" = "$before" ] || violation "$where" 'the specs are not as before'
world_end

# --- with foragerd, which carries them out one after the other ----------------------------------------
begin daemon
foragerd_start
until_true 120 has_decided 0 || violation "$where" 'no decision'
code=0
LD_PRELOAD=$shim timeout 120 "$BUILD/foragerd" -c "$dir/forager.conf" >"$dir/out" 2>"$dir/err" || code=$?
[ "$code" = 1 ] && one_sentence "$dir/err" || violation "$where" "a second foragerd: exit $code, $(cat "$dir/err")"
fault_injected=$((fault_injected + 1))
for ((i = 0; i < rounds; i++)); do all_move; done
until_true 120 is_over || violation "$where" 'a change is open'
one_at_a_time
[ "$(specs)" = "$before" ] || violation "$where" 'the specs are not as before'
# The lock of one that was killed holds nobody up.
kill -KILL "$daemon"
{ wait "$daemon"; } 2>/dev/null
fault_injected=$((fault_injected + 1))
from=$(places s1)
forager move s1 --from "$from" --to "$(other "$from")" >"$dir/out" 2>&1 || violation "$where" "after a kill: $(tail -1 "$dir/out")"
n=$(journal 'SELECT count(*) FROM decision')
foragerd_start
until_true 120 has_decided "$n" || violation "$where" "foragerd after a kill: $(tail -1 "$dir/log")"
world_end
reliability 'several foragers at once on one state directory' \
	"$fault_injected at once or after a kill -9, $n_done of the moves done, the others told why not" \
	'I4 one change open at a time; the lock of a killed one holds nobody up'

# --- a directory that cannot be written --------------------------------------------------------------
begin mount
mount -t tmpfs -o size=4m none "$dir/state"
LD_PRELOAD=$shim "$BUILD/foragerd" -c "$dir/forager.conf" --once >"$dir/out" 2>&1 || violation "$where" "$(tail -1 "$dir/out")"
mount -o remount,ro "$dir/state"
n=$(posts)
for words in 'foragerd --once' 'forager move s1 --from w1 --to w2' 'forager pause' 'forager release --all'; do
	code=0
	fault_injected=$((fault_injected + 1))
	# shellcheck disable=SC2086 # a verb and its words
	LD_PRELOAD=$shim "$BUILD/${words%% *}" -c "$dir/forager.conf" ${words#* } >"$dir/out" 2>"$dir/err" || code=$?
	[ "$code" = 1 ] && one_sentence "$dir/err" || violation "read-only" "$words: exit $code, $(cat "$dir/err")"
done
mount -o remount,rw "$dir/state"
# A full disk: nothing is sent before it is written down.
head -c 8000000 /dev/zero >"$dir/state/ballast" 2>/dev/null
for words in 'forager move s1 --from w1 --to w2' 'forager pause'; do
	code=0
	fault_injected=$((fault_injected + 1))
	words=${words/--from w1 --to w2/--from $(places s1) --to $(other "$(places s1)")}
	# shellcheck disable=SC2086 # a verb and its words
	LD_PRELOAD=$shim "$BUILD/${words%% *}" -c "$dir/forager.conf" ${words#* } >"$dir/out" 2>"$dir/err" || code=$?
	[ "$code" = 1 ] && [ -s "$dir/err" ] || violation 'full disk' "$words: exit $code, $(cat "$dir/err")"
done
# A foragerd goes on watching, and acts again when there is room.
foragerd_start
sleep 1
kill -0 "$daemon" 2>/dev/null && alive=1 || alive=0
fault_injected=$((fault_injected + 1))
[ "$alive" = 1 ] || [ -s "$dir/log" ] || violation 'full disk' 'foragerd ended without a word'
[ "$(posts)" = "$n" ] || violation 'read-only or full' 'a service was written'
rm "$dir/state/ballast"
[ "$alive" = 1 ] || foragerd_start
n=$(journal 'SELECT count(*) FROM decision')
until_true 120 has_decided "$n" || violation 'full disk' "it does not go on when there is room: $(tail -1 "$dir/log")"
kill -TERM "$daemon"
{ wait "$daemon"; } 2>/dev/null || violation 'full disk' "foragerd ended badly: $(tail -1 "$dir/log")"
[ -z "$(state_sound "$dir/state")" ] || violation 'full disk' "$(state_sound "$dir/state")"
world_end
umount "$dir/state"
reliability 'a state directory that is read-only or full' "$fault_injected runs" \
	'I1, I5 one sentence, nothing is sent that could not be written down; it goes on when there is room'
fault_result
