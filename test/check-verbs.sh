#!/bin/sh
# Fails when the help of the verbs, the manual page forager(1) and the bash completion do not say the
# same of verbs and options: each stands in all of them, and nothing else does.
# Usage: check-verbs.sh [FORAGER [COMPLETION]] (default: as make builds them)
set -eu
forager=${1:-${FORAGER:-./forager}}
completion=${2:-${COMPLETION:-./completions/forager}}
page=$(dirname "$0")/../docs/man/forager.1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

# same WHAT A B: two sorted lists that must be one.
same() {
	if ! diff "$work/$2" "$work/$3" >"$work/diff"; then
		echo "$1: < in $2 only, > in $3 only" >&2
		grep '^[<>]' "$work/diff" >&2
		status=1
	fi
}

"$forager" --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p' | sort >"$work/help"
# The lists of verbs in the page; "pause , resume" is two.
sed -n '/^\.Ss Verbs that/,/^\.Ss Options/s/^\.It Cm \([a-z].*\)/\1/p' "$page" |
	sed 's/^\([a-z]*\) , \([a-z]*\)$/\1\n\2/; s/ .*//' | sort >"$work/manual"
sed -n '/^declare -gA _forager_arguments/,/^)/s/^\t\[\([a-z]*\)\]=.*/\1/p' "$completion" | sort >"$work/completion"
[ "$(wc -l <"$work/help")" -gt 10 ] || {
	echo "verbs: '$forager --help' lists only $(wc -l <"$work/help")" >&2
	exit 1
}
same verbs help manual
same verbs help completion
n=$(wc -l <"$work/help")

: >"$work/options-of-help"
while read -r verb; do
	"$forager" "$verb" --help >"$work/said"
	grep -q "^Usage: forager $verb" "$work/said" || {
		echo "$verb: its --help does not begin with its usage" >&2
		status=1
	}
	sed -n 's/^  \(-[a-zA-Z], \)\{0,1\}  *\(--[a-z-]*\).*/\1\2/p; s/^  \(-[a-zA-Z], \)\(--[a-z-]*\).*/\1\2/p' "$work/said" |
		tr -d ' ' | tr ',' '\n' | sort -u >"$work/of-help"
	sed -n "/^declare -gA _forager_options/,/^)/s/^\t\[$verb\]='\(.*\)'/\1/p" "$completion" |
		tr ' ' '\n' | sed '/^$/d' | sort -u >"$work/of-completion"
	same "options of $verb" of-help of-completion
	cat "$work/of-help" >>"$work/options-of-help"
done <"$work/help"
sort -u "$work/options-of-help" -o "$work/options-of-help"
# Flags of the page: the words of a line with Fl that begin with a dash, or are one letter after it.
grep -E '^\.(It|Op|Fl|Nm)? ?.*Fl ' "$page" | sed 's/[|,]/ /g' | awk '{
	on = 0
	for (i = 1; i <= NF; i++) {
		if ($i == "Fl") { on = 1; continue }
		if ($i == "Ar" || $i == "Cm" || $i == "Oc" || $i == "Op" || $i == "Oo" || $i == "Ns") { on = 0; continue }
		if (on && $i ~ /^-?[a-zA-Z][a-z-]*$/ && (length($i) == 1 || $i ~ /^-/)) print "-" $i
	}
}' | sort -u >"$work/options-of-manual"
same options options-of-help options-of-manual
[ "$status" = 0 ] && echo "verbs: $n with $(wc -l <"$work/options-of-help") options, the same in help, manual and completion"
exit "$status"
