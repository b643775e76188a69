#!/usr/bin/env bash
# Runs the suites that break things and writes what they showed into docs/reliability.md: a row for
# each line "RELIABILITY|test|faults injected|invariant|violations" that they print. Rows of suites
# that did not run keep their old figures, with their date.
# Usage, as root: test/reliability.sh [--long] [SUITE…]    runs ./check with these suites, or all
#                 test/reliability.sh --from FILE [--long] takes the output of such a ./check
set -euo pipefail
cd "$(dirname "$0")/.."
page=docs/reliability.md
suites='coverage mutation fuzz fault fake boot rig'

log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
status=0
form=short
from=''
chosen=()
while [ $# -gt 0 ]; do
	case "$1" in
	-h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
	--long) form=long ;;
	--from) from=${2:?a file}; shift ;;
	*) chosen+=("$1") ;;
	esac
	shift
done
if [ -n "$from" ]; then
	cp "$from" "$log/check"
else
	# shellcheck disable=SC2086 # a list of names
	[ ${#chosen[@]} -gt 0 ] || set -- $suites
	[ "$form" = short ] || set -- --long "$@"
	./check "$@" "${chosen[@]}" 2>&1 | tee "$log/check" || status=1
fi

today=$(date -u +%Y-%m-%d)
commit=$(git rev-parse --short=10 HEAD 2>/dev/null || echo unknown)
machine="$(nproc) cores, $(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo), Linux $(uname -r | cut -d- -f1), $(awk -F'"' '/^PRETTY_NAME/ { print $2 }' /etc/os-release)"

# ./check writes "suite: " in front of lines, or the suite's name above them.
rows_new() {
	awk -v rest="| $today | $commit | $form |" '
		/^== [a-z]+/ { suite = $2; sub(/:$/, "", suite) }
		/^([a-z]+: )?RELIABILITY[|]/ {
			name = suite
			if ($1 ~ /^[a-z]+:$/) { name = $1; sub(/:$/, "", name) }
			sub(/^.*RELIABILITY[|]/, "")
			gsub(/[|]/, " | ")
			print "| " name " | " $0 " " rest
		}' "$log/check"
}

# The rows of suites that did not run now.
rows_old() {
	local ran

	ran=$(cut -d'|' -f2 "$log/new" | sort -u | tr -d ' ' | paste -sd'|')
	[ -e "$page" ] || return 0
	sed -n '/^<!-- rows -->$/,/^<!-- end of rows -->$/p' "$page" | grep '^| ' |
		grep -vE "^\| (suite|---|$ran) " || true
}

rows_new >"$log/new"
[ -s "$log/new" ] || { echo 'reliability: no suite printed a row' >&2; exit 1; }
rows_old >"$log/old"
{
	echo '<!-- rows -->'
	echo '| suite | test | faults injected | invariant | violations | date | commit | form |'
	echo '| --- | --- | --- | --- | ---: | --- | --- | --- |'
	for suite in $suites; do
		cat "$log/new" "$log/old" | grep "^| $suite |" || true
	done
	echo
	echo "Last run on: $machine."
	echo '<!-- end of rows -->'
} >"$log/table"

if [ ! -e "$page" ]; then
	cat >"$page" <<'PAGE'
# Reliability

Every row comes from a run; `test/reliability.sh` makes them, `./check` runs the same suites. What
each test does stands in the README of its folder: [fuzz](../test/fuzz/README.md),
[fault](../test/fault/README.md), [fake](../test/fake/README.md), [boot](../test/boot/README.md),
[rig](../test/rig/README.md). The invariants are those of `test/fake/invariant.h`. "short" is what
`./check` runs, "long" what `./check --long` does.

<!-- rows -->
<!-- end of rows -->
PAGE
fi
awk -v table="$log/table" '
	/^<!-- rows -->$/ { while ((getline line < table) > 0) print line; inside = 1 }
	!inside { print }
	/^<!-- end of rows -->$/ { inside = 0 }' "$page" >"$log/page"
cat "$log/page" >"$page"
echo "reliability: $(wc -l <"$log/new") rows written to $page, $(wc -l <"$log/old") kept"
exit "$status"
