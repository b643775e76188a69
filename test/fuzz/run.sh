#!/usr/bin/env bash
# Runs the fuzzers, two at a time, each for FUZZ_SECONDS (600), from the corpus in the tree.
#
#   run.sh BUILD [TARGET…]   BUILD: a build with --enable-fuzzing and `make fuzz-programs`
#
# What a fuzzer finds is written to FUZZ_FOUND (BUILD/found), named and printed, and fails the run.
# FUZZ_KEEP=DIR keeps the inputs that reach new code, a folder a target. FUZZ_SEED (0: another one
# each time) makes a run begin like the one before. TAP on standard output.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -ge 1 ] || {
	sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" | sed '$d' >&2
	exit 2
}
build=$(realpath "$1")
shift
seconds=${FUZZ_SECONDS:-600}
seed=${FUZZ_SEED:-0}
found=${FUZZ_FOUND:-$build/found}
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || :; wait; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$found"
touch "$work/start"

if [ $# -gt 0 ]; then
	targets=("$@")
else
	targets=()
	for program in "$build"/test/fuzz/fuzz-*; do
		[ -x "$program" ] && targets+=("${program##*/fuzz-}")
	done
fi
[ ${#targets[@]} -gt 0 ] || {
	echo "run.sh: no fuzzer in '$build': make -C '$build' fuzz-programs" >&2
	exit 1
}

# fuzz TARGET: one fuzzer to its end; its exit status in a file, because bash forgets it.
fuzz() {
	local name=$1 keep=${FUZZ_KEEP:-$work/new}/$1 status=0

	mkdir -p "$keep"
	# Longest inputs of 20 KiB: a weights file. Two minutes are for a hang, not for a busy machine.
	ASAN_OPTIONS=abort_on_error=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
		"$build/test/fuzz/fuzz-$name" -max_total_time="$seconds" -seed="$seed" -timeout=120 -rss_limit_mb=2048 \
		-max_len=20480 -dict="$here/words.dict" -artifact_prefix="$found/$name-" \
		-print_final_stats=1 -verbosity=1 "$keep" "$here/corpus/$name" >"$work/$name.log" 2>&1 ||
		status=$?
	echo "$status" >"$work/$name.status"
}

for name in "${targets[@]}"; do
	while [ "$(jobs -rp | wc -l)" -ge 2 ]; do
		wait -n || :
	done
	fuzz "$name" &
	pids+=($!)
done
wait

n=0
failed=0
runs_all=0
for name in "${targets[@]}"; do
	n=$((n + 1))
	log=$work/$name.log
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	cover=$(sed -n 's/.*cov: \([0-9]*\).*/\1/p' "$log" | tail -n 1)
	runs_all=$((runs_all + ${runs:-0}))
	if [ "$(cat "$work/$name.status")" = 0 ] && [ -n "$runs" ]; then
		echo "ok $n - $name: $runs inputs, $cover edges"
		continue
	fi
	failed=$((failed + 1))
	echo "not ok $n - $name"
	find "$found" -name "$name-*" -newer "$work/start" -printf '# found: %p, %s bytes\n'
	grep -vE '^#[0-9]+[[:space:]]' "$log" | tail -n 60 | sed 's/^/# /'
done
echo "1..$n"
echo "RELIABILITY|fuzzing, $n targets|$runs_all inputs, $seconds s a target|no crash, round trips exact|$failed"
[ "$failed" = 0 ]
