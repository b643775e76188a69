#!/usr/bin/env bash
# Runs the suites that break things and writes what they showed into docs/reliability.md: a row for
# each line "RELIABILITY|test|faults injected|invariant|violations" that they print. Rows of suites
# that did not run keep their old figures, with their date. Rows of long runs are kept for
# themselves in docs/reliability-long.txt, so that a short run does not take them away.
# Usage, as root: test/reliability.sh [--long] [SUITE…]    runs ./check with these suites, or all
#                 test/reliability.sh --from FILE [--long] takes the output of such a ./check, or of
#                                                          one suite below a line "== SUITE"
#                 test/reliability.sh --table              only makes the table anew
set -euo pipefail
cd "$(dirname "$0")/.."
page=docs/reliability.md
long_rows=docs/reliability-long.txt
suites='coverage mutation fuzz fault fake boot rig'

log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
status=0
form=short
from=''
chosen=()
while [ $# -gt 0 ]; do
	case "$1" in
	-h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
	--long) form=long ;;
	--table) form=none ;;
	--from) from=${2:?a file}; shift ;;
	*) chosen+=("$1") ;;
	esac
	shift
done
if [ "$form" = none ]; then
	: >"$log/check"
elif [ -n "$from" ]; then
	cp "$from" "$log/check"
	day=$(date -u -r "$from" +%Y-%m-%d)
else
	# shellcheck disable=SC2086 # a list of names
	[ ${#chosen[@]} -gt 0 ] || set -- $suites
	[ "$form" = short ] || set -- --long "$@"
	./check "$@" "${chosen[@]}" 2>&1 | tee "$log/check" || status=1
fi

day=${day:-$(date -u +%Y-%m-%d)}
commit=$(git rev-parse --short=10 HEAD 2>/dev/null || echo unknown)
machine="$(nproc) cores, $(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo), Linux $(uname -r | cut -d- -f1), $(awk -F'"' '/^PRETTY_NAME/ { print $2 }' /etc/os-release)"

# ./check writes "suite: " in front of lines, or the suite's name above them.
rows_new() {
	awk -v rest="| $day | $commit | $form |" '
		/^== [a-z]+/ { suite = $2; sub(/:$/, "", suite) }
		/^([a-z]+: )?RELIABILITY[|]/ {
			name = suite
			if ($1 ~ /^[a-z]+:$/) { name = $1; sub(/:$/, "", name) }
			sub(/^.*RELIABILITY[|]/, "")
			gsub(/[|]/, " | ")
			print "| " name " | " $0 " " rest
		}' "$log/check"
}

# Short rows of suites that did not run now.
rows_old() {
	local ran

	ran=$(cut -d'|' -f2 "$log/new" | sort -u | tr -d ' ' | paste -sd'|')
	[ "$form" = short ] || ran=none
	[ -e "$page" ] || return 0
	sed -n '/^<!-- rows -->$/,/^<!-- end of rows -->$/p' "$page" | grep '^| ' |
		grep -vE "^\| (suite|---|$ran) " | grep -v '| long |$' || true
}

# Puts the new long rows into their file: a line there goes when its suite, test and invariant ran.
long_keep() {
	sed 's/^| //; s/ | long |$//; s/ | /|/g' "$log/new" |
		awk -F'|' '
			NR == FNR { line[FNR] = $0; ran[$1, $2, $4] = 1; n = FNR; next }
			/^#/ || !(($1, $2, $4) in ran) { print }
			END { for (i = 1; i <= n; i++) print line[i] }' - "$long_rows" >"$log/long"
	cat "$log/long" >"$long_rows"
}

rows_new >"$log/new"
[ -s "$log/new" ] || [ "$form" = none ] || { echo 'reliability: no suite printed a row' >&2; exit 1; }
rows_old >"$log/old"
if [ "$form" = long ]; then
	long_keep
	echo "reliability: $(wc -l <"$log/new") rows written to $long_rows"
	: >"$log/new"
fi
grep -v '^#' "$long_rows" | sed 's/^/| /; s/|/ | /2g; s/$/ | long |/' >"$log/long-rows" || true
{
	echo '<!-- rows -->'
	echo '| suite | test | faults injected | invariant | violations | date | commit | form |'
	echo '| --- | --- | --- | --- | ---: | --- | --- | --- |'
	for suite in $suites; do
		cat "$log/new" "$log/old" "$log/long-rows" | grep "^| $suite |" || true
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
`./check` runs, "long" what `./check --long` does; the last results of those stand in
[reliability-long.txt](reliability-long.txt).

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
