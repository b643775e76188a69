#!/usr/bin/env bash
# CloudSim's own results against ours, to the last printed digit: results.csv (every row), initial
# placement, every tick and every migration of two policies. Usage: golden.sh GOLDEN-PROGRAM
# FORAGER_TRACES: the folder with planetlab-DAY.tar.xz and, in ../golden/cloudsim, CloudSim's
# results; default ../shared/traces beside the tree. Without it only what needs no traces is tested:
# that a synthetic day gives the figures that it always gave.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
golden=$1
traces=${FORAGER_TRACES:-$here/../../../shared/traces}
work=$(mktemp -d "${TMPDIR:-/tmp}/forager-cloudsim.XXXXXX")
trap 'rm -rf "$work"' EXIT
bad=0
rows=0

fail() {
	echo "not ok: $*"
	bad=$((bad + 1))
}

# thr_mmt_0.8 → thr-mmt:0.8; npa stays.
name_of() {
	sed -E 's/^([a-z]+)_([a-z]+)_([0-9.]+)$/\1-\2:\3/' <<<"$1"
}

# compare WHAT WANTED GOT
compare() {
	rows=$((rows + 1))
	if cmp -s "$2" "$3"; then
		echo "ok: $1"
	else
		fail "$1; the first difference (wanted, got):"
		diff "$2" "$3" | head -4 || true
	fi
}

synthetic() {
	local day

	"$2" bench --synthetic "$work/syn" --days 1 --seed 1
	for day in lr-mmt:1.2 thr-mu:0.8 mad-mc:2.5 iqr-rs:1.5 dvfs; do
		"$1" "$work/syn" synth-1 "$day" result
	done >"$work/synthetic.csv"
	compare "synthetic day" "$here/synthetic.csv" "$work/synthetic.csv"
}

results() {
	local day policy

	while IFS=, read -r day policy _; do
		[ "$day" = day ] && continue
		printf '%s,%s,' "$day" "$policy"
		"$golden" "$work" "$day" "$(name_of "$policy")" result | cut -d, -f2-
	done <"$1" >"$work/results.csv"
	grep -v '^day' "$1" | cut -d, -f1-11 >"$work/wanted.csv"
	compare "all $(wc -l <"$work/wanted.csv") rows of results.csv" "$work/wanted.csv" "$work/results.csv"
}

files() {
	local policy what

	"$golden" "$work" 20110303 dvfs files >"$work/files"
	compare "VM to trace" "$1/20110303_sorted_vm_to_trace.csv" "$work/files"
	for policy in lr_mmt_1.2 thr_mmt_0.8; do
		for what in init ticks migr; do
			"$golden" "$work" 20110303 "$(name_of "$policy")" "$what" >"$work/got"
			compare "20110303 $policy: $what, $(wc -l <"$work/got") lines" \
				"$1/20110303_${policy}_$what.csv" "$work/got"
		done
	done
}

synthetic "$golden" "${FORAGER:-$(dirname "$golden")/../../forager}"
if [ -e "$traces/planetlab-20110303.tar.xz" ]; then
	for archive in "$traces"/planetlab-*.tar.xz; do
		tar -xJf "$archive" -C "$work"
	done
	results "$traces/../golden/cloudsim/results.csv"
	files "$traces/../golden/cloudsim"
else
	echo "cloudsim: no traces in '$traces' (FORAGER_TRACES): CloudSim's own results are not compared"
fi
echo "cloudsim: $rows comparisons, $bad failed"
[ "$bad" = 0 ]
