#!/usr/bin/env bash
# The suites on the scripted engine (README.md says what each shows), side by side: they mostly wait.
# Usage: BUILD=DIR SANITIZED=DIR [LONG=1] all.sh [SUITE…]; both after `make fake-programs`.
set -euo pipefail
: "${BUILD:?the folder of a release build}" "${SANITIZED:?the folder of a sanitized build}"
# shellcheck disable=SC2034 # named by the table
release=$(realpath "$BUILD") sanitized=$(realpath "$SANITIZED")
export LONG=${LONG:-0}
cd "$(dirname "$0")/../.."
# name, build
suites='faults sanitized
landmines sanitized
undo sanitized
people sanitized
soak release'
chosen=("$@")
[ ${#chosen[@]} -gt 0 ] || mapfile -t chosen < <(printf '%s\n' "$suites" | awk '{ print $1 }')

logs=$(mktemp -d)
pids=()
trap 'rm -rf "$logs"' EXIT
trap 'kill "${pids[@]}" 2>/dev/null; wait; exit 130' INT TERM
for suite in "${chosen[@]}"; do
	which=$(printf '%s\n' "$suites" | awk -v s="$suite" '$1 == s { print $2 }')
	[ -n "$which" ] || { echo "fake: no suite '$suite'" >&2; exit 2; }
	(
		status=0
		BUILD=${!which} "test/fake/$suite.sh" >"$logs/$suite" 2>&1 || status=$?
		echo "# $suite: $SECONDS s" >>"$logs/$suite"
		exit "$status"
	) &
	pids+=($!)
done

failed=''
for i in "${!chosen[@]}"; do
	wait "${pids[i]}" || failed="$failed ${chosen[i]}"
	cat "$logs/${chosen[i]}"
done
[ -z "$failed" ] || echo "fake: failed:$failed" >&2
[ -z "$failed" ]
