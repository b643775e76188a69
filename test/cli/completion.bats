#!/usr/bin/env bats
# The bash completion, driven as bash drives it: verbs, options, values, and names from a database.

load common

setup() {
	: "${COMPLETION:=$BATS_TEST_DIRNAME/../../completions/forager}"
	[ -e "$COMPLETION" ] || skip "no completion at '$COMPLETION': set COMPLETION"
	# shellcheck disable=SC1090
	. "$COMPLETION"
}

# comp WORD…: the last one is the one to complete; what is offered in $offered, sorted.
comp() {
	COMP_WORDS=("$FORAGER" -c "$CONF" "$@")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMPREPLY=()
	_forager || true
	offered=$(printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort | tr '\n' ' ')
	echo "$*: $offered"
}

offers() {
	[ "$offered" = "$1 " ]
}

@test "bash knows what completes forager" {
	[[ $(complete -p forager) == *"-F _forager forager" ]]
}

@test "verbs" {
	comp d
	offers decisions
	comp re
	offers 'recommend release resume'
	comp help mo
	offers 'move moves'
	comp ''
	[ "$(wc -w <<<"$offered")" -eq "$("$FORAGER" --help | sed -n '/^Verbs:/,/^$/p' | grep -c '^  ')" ]
}

@test "options of the verb, and no others" {
	comp nodes --f
	offers '--filter --format'
	comp pause --f
	offers --format
	comp move web --f
	offers '--force --format --from'
	comp --st
	offers --state-dir
}

@test "values of options, in both spellings" {
	comp nodes --format ''
	offers 'csv json table'
	comp nodes --format = j
	offers json
	comp profiles --kind no
	offers node
	comp move web --from ''
	offers 'alpha beta gamma'
	comp move web --to b
	offers beta
	comp decisions -n ''
	offers ''
}

@test "services, decisions, moves, words" {
	comp profiles ''
	offers 'burst hold pinned web'
	comp move w
	offers web
	comp recommend b
	offers burst
	comp apply ''
	offers '1 2 3'
	comp explain ''
	offers '1 2 3 burst hold pinned web'
	comp undo ''
	offers '--all 1 2'
	comp release --
	[[ "$offered" == *'--all '* ]]
	comp config ''
	offers 'check show'
	comp query ''
	offers ''
	comp move web x
	offers ''
}

@test "files and folders" {
	touch "$BATS_TEST_TMPDIR/a.conf"
	comp -c "$BATS_TEST_TMPDIR/a"
	offers "$BATS_TEST_TMPDIR/a.conf"
	mkdir "$BATS_TEST_TMPDIR/dir"
	comp --state-dir "$BATS_TEST_TMPDIR/"
	offers "$BATS_TEST_TMPDIR/dir"
}

@test "no name from the cluster runs in the shell, and none that would is offered" {
	local state="$BATS_TEST_TMPDIR/hostile"
	mkdir "$state"
	"${HOSTILE:-$BATS_TEST_DIRNAME/../../test/cli/hostile}" make "$state"
	cd "$BATS_TEST_TMPDIR"
	comp --state-dir "$state" profiles ''
	[[ "$offered" != *[\$\`\;\|\<\&\"\'\\]* ]]
	comp --state-dir "$state" move web --from ''
	[[ "$offered" != *[\$\`\;\|\<\&\"\'\\]* ]]
}

@test "without a database nothing is offered and nothing is said" {
	comp --state-dir /nonexistent move ''
	offers ''
}
