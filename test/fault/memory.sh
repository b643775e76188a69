#!/usr/bin/env bash
# Out of memory at the k-th allocation of the programs: one sentence and a clean end, or no harm at
# all; never a crash, never a database that is not sound. Usage: BUILD=DIR SANITIZED=DIR memory.sh
cd "$(dirname "$0")/../.." || exit 1
. test/fault/lib.sh
memory_shim=$BUILD/test/fault/memory_shim.so
state=$fault_work/state

# How one run ended: what it may be, given its exit code, stdout and stderr.
judge() {
	local where=$1 code=$2
	case $code in
	0)
		[ "$(wc -l <"$fault_work/out")" = "$(wc -l <"$fault_work/right")" ] ||
			violation "$where" 'exit 0, and its output is cut'
		;;
	1 | 2 | 3 | 134)
		one_sentence "$fault_work/err" ||
			violation "$where" "exit $code and '$(head -c 300 "$fault_work/err" | tr '\n' '~')'"
		;;
	*) violation "$where" "exit $code: $(head -c 300 "$fault_work/err" | tr '\n' '~')" ;;
	esac
	[ "$code" != 134 ] || grep -q 'out of memory' "$fault_work/err" ||
		violation "$where" "aborted and said '$(head -c 300 "$fault_work/err")'"
}

# run AT LAST PROGRAM WORD…
run() {
	local at=$1 last=$2 code=0
	shift 2
	# The shell itself would tell of each abort.
	{
		MEMORY_SHIM_AT=$at MEMORY_SHIM_LAST=$last LD_PRELOAD=$memory_shim "$@" \
			>"$fault_work/out" 2>"$fault_work/err" </dev/null || code=$?
	} 2>/dev/null
	fault_injected=$((fault_injected + 1))
	judge "allocation $at..$last of '${*##*/}'" "$code"
	ended=$code
}

# points N STEPS: 1 … N, every one at first, then further and further apart; about STEPS of them.
points() {
	awk -v n="$1" -v steps="$2" 'BEGIN {
		if (n <= steps) { for (i = 1; i <= n; i++) print i; exit }
		for (i = 0; i < steps; i++) { k = int(i + (n - steps) * (i / (steps - 1)) ^ 2) + 1
			if (k != last) print k; last = k }
	}'
}

# spread STEPS PROGRAM WORD…: each point fails alone, and from it on for good.
spread() {
	local steps=$1 n at
	shift
	MEMORY_SHIM_COUNT=$fault_work/count LD_PRELOAD=$memory_shim "$@" >"$fault_work/right" 2>&1 </dev/null
	n=$(cat "$fault_work/count")
	for at in $(points "$n" "$steps"); do
		run "$at" "$at" "$@"
		"${after:-:}" "$at"
		run "$at" 0 "$@"
		"${after:-:}" "$at"
	done
}

steps=12
[ "$LONG" = 0 ] || steps=400

read_only() {
	local wrong
	wrong=$(state_sound "$state")
	[ -z "$wrong" ] || violation "allocation $1" "$wrong"
}
state_new "$state"
after=''
for verb in status 'nodes --format json' 'decisions --format csv' 'profiles web' 'explain 1' qtable \
	'config show'; do
	# shellcheck disable=SC2086 # a verb and its words
	spread "$steps" "$BUILD/forager" --state-dir "$state" $verb
done
read_only reading
reliability 'out of memory while the command line reads' \
	"$fault_injected failed allocations (one, or all from there on)" \
	'one sentence and a clean end or no harm; the database is sound'

# What was acknowledged is there.
check_pause() {
	local wrong
	wrong=$(state_sound "$state")
	[ -z "$wrong" ] || violation "allocation $1 of pause" "$wrong"
	[ "$ended" != 0 ] || [ "$(sqlite3 "$state/forager.db" 'SELECT count(*) FROM pause')" = 1 ] ||
		violation "allocation $1 of pause" 'acknowledged and not there'
	sqlite3 "$state/forager.db" 'DELETE FROM pause'
}
after=check_pause
spread $((steps * 2)) "$BUILD/forager" --state-dir "$state" pause
reliability 'out of memory while the command line writes' \
	"$fault_injected failed allocations (one, or all from there on)" \
	'I1 what was acknowledged is there; the database is sound'

# --- in a cycle and in a move, on a scripted engine -------------------------------------------------
. test/fault/world.sh
world() {
	printf '%s\n' 'node m1 manager' 'node w1' 'node w2' 'service calm label.forager.mode=auto' \
		'service web order=start-first monitor=0.3 label.forager.mode=auto' \
		'load web cores=0.5' 'times web start=0.1 stop=0.05'
}
spec() { get /services/web | jq -S .Spec; }
is_over() { [ "$(journal 'SELECT count(*) FROM move WHERE ended_wall_ms IS NULL')" = 0 ]; }
dir=$fault_work/memory
world_start 20 --stats-latency 0.1 < <(world) || exit 1
world_config 'sample-every = 1s' 'mode = auto' '[moves]' 'deploy-quiet = 0' 'cooldown = 0' 'warm-up = 0'
state=$dir/state
before=$(spec)

# acting AT LAST PROGRAM WORD…: as run, on the engine; a move's steps are told on stderr, too.
acting() {
	local at=$1 last=$2 code=0 where
	shift 2
	where="allocation $at..$last of '${*##*/}'"
	fault_injected=$((fault_injected + 1))
	{
		MEMORY_SHIM_AT=$at MEMORY_SHIM_LAST=$last LD_PRELOAD="$shim $BUILD/test/fault/memory_shim.so" \
			timeout 120 "$@" >"$dir/out" 2>"$dir/err" </dev/null || code=$?
	} 2>/dev/null
	case $code in
	0) ;;
	1 | 2 | 3) [ -s "$dir/err" ] || violation "$where" "exit $code without a word" ;;
	134) grep -q 'out of memory' "$dir/err" || violation "$where" "aborted: $(tail -2 "$dir/err")" ;;
	*) violation "$where" "exit $code: $(tail -2 "$dir/err")" ;;
	esac
	forager release calm >"$dir/out" 2>&1 || forager release calm >"$dir/out" 2>&1 ||
		violation "$where" "not recovered: $(tail -2 "$dir/out")"
	is_over || violation "$where" "open: $(journal 'SELECT id, state FROM move WHERE ended_wall_ms IS NULL')"
	[ "$(spec)" = "$before" ] || violation "$where" 'the spec is not as before'
	wrong=$(state_sound "$state")
	[ -z "$wrong" ] || violation "$where" "$wrong"
}
count_of() {
	MEMORY_SHIM_COUNT=$dir/count LD_PRELOAD="$shim $BUILD/test/fault/memory_shim.so" "$@" >"$dir/out" 2>&1 </dev/null ||
		violation counting "$(tail -1 "$dir/out")"
	cat "$dir/count"
}
other() { [ "$1" = w2 ] && echo w1 || echo w2; }
steps=8
[ "$LONG" = 0 ] || steps=100
n=$(count_of "$BUILD/foragerd" -c "$dir/forager.conf" --once)
for ((i = 0; i < steps; i++)); do
	acting $((n * i / steps + 7)) 0 "$BUILD/foragerd" -c "$dir/forager.conf" --once
done
from=$(places web)
n=$(count_of "$BUILD/forager" -c "$dir/forager.conf" move web --from "$from" --to "$(other "$from")")
for ((i = 0; i < steps; i++)); do
	from=$(places web)
	acting $((n * i / steps + 11)) $((i % 2 * (n * i / steps + 11))) \
		"$BUILD/forager" -c "$dir/forager.conf" move web --from "$from" --to "$(other "$from")"
done
world_end
reliability 'out of memory in a cycle and in a move' \
	"$fault_injected failed allocations (one, or all from there on)" \
	'I1, I3 one sentence and a clean end; finished or taken back at the next start, the spec as before'
fault_result
