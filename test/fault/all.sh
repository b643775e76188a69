#!/usr/bin/env bash
# The fault suites (README.md says what each does).
# Usage, as root: BUILD=DIR SANITIZED=DIR [LONG=1] all.sh [SUITE…]
#   BUILD      a release build, after `make fault-programs`
#   SANITIZED  one under sanitizers
set -euo pipefail
: "${BUILD:?the folder of a release build}" "${SANITIZED:?the folder of a sanitized build}"
BUILD=$(realpath "$BUILD") SANITIZED=$(realpath "$SANITIZED")
LONG=${LONG:-0}
export BUILD SANITIZED LONG
cd "$(dirname "$0")/../.."
chosen=("$@")
[ ${#chosen[@]} -gt 0 ] || chosen=(power memory kills clock flips descriptors actors)

suite_power() {
	if [ "$LONG" = 1 ]; then
		"$BUILD/test/fault/power" --seeds 8 --again 8
	else
		"$BUILD/test/fault/power" --quick --again 200
	fi
}

# one SUITE: what it says in one piece, its seconds.
one() {
	local suite=$1 start=$SECONDS status=0 said
	if [ -e "test/fault/$suite.sh" ]; then
		said=$("test/fault/$suite.sh" 2>&1) || status=1
	else
		said=$("suite_$suite" 2>&1) || status=1
	fi
	printf '%s\n# %s: %d s\n' "$said" "$suite" $((SECONDS - start))
	return $status
}

# Two rows: those that compute, and beside them those that mostly wait.
row() {
	local suite failed=''
	for suite in "$@"; do one "$suite" || failed="$failed $suite"; done
	[ -z "$failed" ] || echo "fault: failed:$failed" >&2
	[ -z "$failed" ]
}
computing=() waiting=()
for suite in "${chosen[@]}"; do
	case $suite in
	clock | descriptors | actors) waiting+=("$suite") ;;
	*) computing+=("$suite") ;;
	esac
done
row "${waiting[@]}" &
beside=$!
trap 'kill "$beside" 2>/dev/null; wait; exit 130' INT TERM
status=0
row "${computing[@]}" || status=1
wait "$beside" || status=1
exit $status
