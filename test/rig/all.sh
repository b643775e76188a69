#!/bin/bash
# The suites on real engines, one after the other, each with its seconds; what ./check rig runs.
#
#   BUILD=DIR [LONG=1] all.sh [SUITE…]   DIR holds forager and foragerd, built with sanitizers;
#                                        LONG: 20 moves and 20 reverts of each kind, every kill
#                                        point, every change of people in every phase, longer loads
#
# TAP: a test a suite, their own lines indented (but those for docs/reliability.md). Whatever cannot
# run has failed, and so has a suite in which a sanitizer complained, whatever its own tests say.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
all=(selftest differential moves landmines people kills nodes managers failures readers hang canary)

# suite NAME: runs it.
suite() {
	case $1 in
	selftest)
		if [ "$long" = 1 ]; then
			"$here/selftest.sh"
		else
			RIG_MEASURE_S=4 RIG_MOVES=1 "$here/selftest.sh"
		fi
		;;
	moves) "$here/moves.sh" "$BUILD/forager" "$([ "$long" = 1 ] && echo 20 || echo 2)" ;;
	*) LONG=$long "$here/$1.sh" ;;
	esac
}

usage() {
	sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2
}

long=${LONG:-0}
[ $# -gt 0 ] || set -- "${all[@]}"
for name; do
	[[ " ${all[*]} " == *" $name "* ]] || usage
done
for program in forager foragerd; do
	[ -x "${BUILD:-}/$program" ] || {
		echo "all.sh: BUILD='${BUILD:-}' holds no '$program'" >&2
		usage
	}
done
BUILD=$(realpath "$BUILD")
export BUILD
# Reports of the address sanitizer go here, whoever started the program and wherever its stderr went
# (not to BUILD: some run as an unprivileged user). That of undefined behaviour knows only stderr:
# its exit code is one that no test expects.
reports=$(mktemp -d /var/tmp/forager-reports.XXXXXX)
chmod 1777 "$reports"
trap 'rm -rf "$reports"' EXIT
trap 'exit 130' INT TERM
export ASAN_OPTIONS=log_path=$reports/report:exitcode=99 LSAN_OPTIONS=exitcode=99
export UBSAN_OPTIONS=print_stacktrace=1:exitcode=99

failed=0
n=0
for name; do
	n=$((n + 1))
	start=$SECONDS
	status=0
	echo "# $name"
	suite "$name" 2>&1 | tee "$reports/output" | sed -u '/^RELIABILITY|/!s/^/    /' || status=$?
	if grep -q 'runtime error:' "$reports/output"; then
		status='undefined behaviour'
	fi
	for report in "$reports"/report.*; do
		[ -e "$report" ] || continue
		status=sanitizer
		sed 's/^/    # /' "$report"
		rm "$report"
	done
	if [ "$status" = 0 ]; then
		echo "ok $n - $name, $((SECONDS - start)) s"
	else
		echo "not ok $n - $name, $((SECONDS - start)) s ($status)"
		failed=$((failed + 1))
	fi
done
echo "1..$n"
echo "# $((n - failed)) passed, $failed failed, $SECONDS s"
[ "$failed" = 0 ]
