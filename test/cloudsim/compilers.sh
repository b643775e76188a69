#!/usr/bin/env bash
# Two builds of forager, by two compilers, must print the same bytes: `forager bench` as text, JSON
# and CSV, every kind of policy, trained and tuned, by both rules. Usage: compilers.sh FORAGER FORAGER
# Synthetic days always; 20110303 too where FORAGER_TRACES (see golden.sh) has it. What is measured by
# the clock (decide_ms_*, wall_s) is left out.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
traces=${FORAGER_TRACES:-$here/../../../shared/traces}
work=$(mktemp -d "${TMPDIR:-/tmp}/forager-compilers.XXXXXX")
trap 'rm -rf "$work"' EXIT
policies=npa,dvfs,thr-mu:0.8,iqr-rs:1.5,mad-mc:2.5,lr-mmt:1.2,lrr-mmt:1.2,linear,pbf,pbf:2,spread
bad=0
done=0

# The clock's columns: the last of text and CSV, keys in JSON.
without_clock() {
	case "$1" in
	table) awk '{ $NF = ""; print }' ;;
	csv) cut -d, -f1-15 ;;
	json) sed -E 's/,"(decide_ms_mean|decide_ms_max|wall_s)":[^,}]*//g' ;;
	esac
}

# same FORMAT BENCH-OPTION…
same() {
	local format=$1 i=0 program
	shift

	for program in "${programs[@]}"; do
		i=$((i + 1))
		"$program" bench --format "$format" --no-trunc "$@" | without_clock "$format" >"$work/$i"
	done
	done=$((done + 1))
	[ "$(wc -l <"$work/1")" -gt 5 ] && cmp "$work/1" "$work/2" && return
	echo "not ok: $format $*"
	diff "$work/1" "$work/2" | head -4 || true
	bad=$((bad + 1))
}

programs=("$1" "$2")
"$1" bench --synthetic "$work/days" --days 2 --seed 5
"$2" bench --synthetic "$work/again" --days 2 --seed 5
diff -rq "$work/days" "$work/again" || bad=$((bad + 1))
find "$work/days" -name 'vm-*' | awk 'substr($0, length($0) - 2) >= 120' | xargs rm
for format in table csv json; do
	same "$format" --traces "$work/days" --days synth-1 --train synth-2 --policy "$policies" --seeds 2
done
same csv --traces "$work/days" --days synth-1 --train synth-2 --policy "$policies" --keep-idle
if [ -e "$traces/planetlab-20110303.tar.xz" ]; then
	tar -xJf "$traces/planetlab-20110303.tar.xz" -C "$work"
	same csv --traces "$work" --days 20110303 --policy lr-mmt:1.2,mad-mc:2.5,linear,pbf:2
else
	echo "cloudsim: no traces in '$traces' (FORAGER_TRACES): synthetic days alone are compared"
fi
echo "cloudsim: $done outputs of two compilers compared, $bad differ"
[ "$bad" = 0 ]
