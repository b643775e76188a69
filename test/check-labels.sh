#!/bin/sh
# Fails when forager-labels(7) and the code do not know the same labels. Usage: check-labels.sh
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
find agent swarm policy docker cli -name '*.[ch]' -exec grep -hoE '"forager\.[a-z0-9-]+"' {} + |
	tr -d '"' | sort -u >"$work/code"
# forager.conf is a file.
grep -oE 'forager\.[a-z0-9-]+' docs/man/forager-labels.7 | grep -vx 'forager\.conf' | sort -u >"$work/manual"
[ "$(wc -l <"$work/code")" -gt 10 ] || {
	echo "labels: only $(wc -l <"$work/code") found in the code" >&2
	exit 1
}
if ! diff "$work/code" "$work/manual" >"$work/diff"; then
	echo 'labels: < in the code only, > in forager-labels(7) only' >&2
	grep '^[<>]' "$work/diff" >&2
	exit 1
fi
echo "labels: $(wc -l <"$work/code"), all in the code and in forager-labels(7)"
