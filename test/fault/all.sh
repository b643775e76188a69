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
		"$BUILD/test/fault/power" --quick --again 120
	fi
}

failed=''
for suite in "${chosen[@]}"; do
	start=$SECONDS
	if [ -e "test/fault/$suite.sh" ]; then
		"test/fault/$suite.sh" || failed="$failed $suite"
	else
		"suite_$suite" || failed="$failed $suite"
	fi
	echo "# $suite: $((SECONDS - start)) s"
done
[ -z "$failed" ] || echo "fault: failed:$failed" >&2
[ -z "$failed" ]
