# shellcheck shell=bash disable=SC2034 # some are for the suites
# For the fault suites that run the programs (sourced by them; needs BUILD and SANITIZED).
set -uo pipefail
: "${BUILD:?the folder of a release build}" "${SANITIZED:?the folder of a sanitized build}"
LONG=${LONG:-0}
fault_violations=0
fault_injected=0

fault_work=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)/forager-fault.XXXXXX")
fault_pids=()
fault_end() {
	local pid
	for pid in "${fault_pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	rm -rf "$fault_work"
}
trap fault_end EXIT
trap 'exit 130' INT TERM
# A core of each aborted run would fill the disk.
ulimit -c 0

# violation WHERE WHAT
violation() {
	fault_violations=$((fault_violations + 1))
	printf '# VIOLATION %s: %s\n' "$1" "$2"
}

# reliability TEST INJECTED INVARIANT: a row, and the counts begin anew for the next one.
reliability() {
	printf 'RELIABILITY|%s|%s|%s|%d\n' "$1" "$2" "$3" "$fault_violations"
	fault_total=$((${fault_total:-0} + fault_violations))
	fault_violations=0
	fault_injected=0
}

# The exit code of a suite: rows without a violation, and at least one row.
fault_result() { [ "${fault_total:-1}" = 0 ]; }

# state_new DIR: a database of the command line's tests in it.
state_new() {
	rm -rf "$1" && mkdir -p "$1" && "$BUILD/test/cli/fixture" "$1"
}

# state_sound DIR: '' or what is wrong with its database.
state_sound() {
	local said
	[ -e "$1/forager.db" ] || return 0
	said=$(sqlite3 "$1/forager.db" 'PRAGMA integrity_check' 2>&1) || true
	[ "$said" = ok ] || printf 'integrity_check: %s' "$said"
}

# one_sentence FILE: whether it is one line that begins with who says it, or a log line.
one_sentence() { [ "$(wc -l <"$1")" = 1 ] && [ "$(wc -c <"$1")" -gt 20 ]; }
