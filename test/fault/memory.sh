#!/usr/bin/env bash
# Out of memory at the k-th allocation of the programs: one sentence and a clean end, or no harm at
# all; never a crash, never a database that is not sound. Usage: BUILD=DIR SANITIZED=DIR memory.sh
cd "$(dirname "$0")/../.." || exit 1
. test/fault/lib.sh
shim=$BUILD/test/fault/memory_shim.so
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
		MEMORY_SHIM_AT=$at MEMORY_SHIM_LAST=$last LD_PRELOAD=$shim "$@" \
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
	MEMORY_SHIM_COUNT=$fault_work/count LD_PRELOAD=$shim "$@" >"$fault_work/right" 2>&1 </dev/null
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
fault_result
