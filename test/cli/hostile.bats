#!/usr/bin/env bats
# Names, images, labels and errors that try to drive the terminal, forge lines, become formulas or
# end a quotation: in every verb that reads, in every form, and in what is said of words of our own.

: "${FORAGER:=$BATS_TEST_DIRNAME/../../forager}"
: "${HOSTILE:=$BATS_TEST_DIRNAME/../../test/cli/hostile}"

setup_file() {
	export FORAGER HOSTILE
	export STATE="$BATS_FILE_TMPDIR/state"
	export CONF="$BATS_FILE_TMPDIR/forager.conf"
	mkdir "$STATE"
	printf '[agent]\nstate-dir = %s\n[docker]\nhost = unix://%s/no\033[31m\302\233.sock\n' \
		"$STATE" "$BATS_FILE_TMPDIR" >"$CONF"
	"$HOSTILE" make "$STATE"
}

# said ARGUMENTS…: its output and its errors together, whatever the exit code, drive no terminal.
said() {
	"$FORAGER" -c "$CONF" "$@" >"$BATS_TEST_TMPDIR/said" 2>&1 || true
	[ -s "$BATS_TEST_TMPDIR/said" ] || {
		echo "nothing was said: $*"
		return 1
	}
	"$HOSTILE" harmless <"$BATS_TEST_TMPDIR/said" || {
		echo "$* said:"
		head -c 2000 "$BATS_TEST_TMPDIR/said" | od -c | head -n 40
		return 1
	}
}

verbs() {
	printf '%s\n' status nodes services profiles 'profiles --kind service' 'profiles --kind node' \
		'qtable --weights' 'qtable --values' 'decisions -n 100' 'moves -n 100' recommend 'config show' \
		'query SELECT+*+FROM+request' 'query SELECT+*+FROM+event' 'query SELECT+*+FROM+v_move_events' \
		'query SELECT+*+FROM+v_candidates'
}

@test "every verb in every form drives no terminal" {
	local n=0 verb form words
	while read -r verb; do
		for form in '--format table' '--format table --no-trunc' '--format json' '--format csv' -q; do
			[ "$verb $form" != 'status -q' ] && [ "$verb $form" != 'recommend -q' ] || continue
			# shellcheck disable=SC2206 # words
			words=($verb $form)
			said "${words[@]//+/ }"
			n=$((n + 1))
		done
	done < <(verbs)
	for id in $(seq 37); do
		said explain "$id"
		said explain "$id" --no-trunc
		said explain "$id" --format json
		n=$((n + 3))
	done
	echo "RELIABILITY|hostile texts in every reading verb and form|37 texts, $n outputs|no byte that a terminal obeys|0" >&3
}

# exact VERB… KEY
exact() {
	local key=${*: -1}
	set -- "${@:1:$#-1}"
	"$FORAGER" -c "$CONF" "$@" --format json | "$HOSTILE" json "$key"
	"$FORAGER" -c "$CONF" "$@" --format csv | "$HOSTILE" csv "$key"
}

@test "JSON gives each text back exactly, CSV cleaned" {
	exact nodes node
	exact nodes addr
	exact nodes engine
	exact nodes source
	exact services service
	exact services image
	exact services stack
	exact services refused
	exact profiles service
	exact profiles node
	exact profiles container
	exact profiles --kind service service
	exact profiles --kind node node
	exact qtable --weights feature
	exact qtable --weights meaning
	exact qtable --values service
	exact qtable --values node
	exact decisions -n 100 service
	exact decisions -n 100 reason
	exact decisions -n 100 command
	exact decisions -n 100 outcome
	exact moves -n 100 service
	exact moves -n 100 reason
	exact moves -n 100 from_node
	exact query 'SELECT who AS x FROM request' x
	exact query 'SELECT text AS x FROM event' x
	echo 'RELIABILITY|hostile texts through JSON and CSV|37 texts in 26 columns|read back they are what was stored|0' >&3
}

@test "explain as JSON holds the exact texts" {
	for id in $(seq 37); do
		"$FORAGER" -c "$CONF" explain "$id" --format json
	done | jq -c '.decision' | "$HOSTILE" json reason
}

@test "words on the command line: what is said of them drives no terminal" {
	local n=0 word
	while IFS= read -r word; do
		said -- "$word"
		said "--$word"
		said services --filter "$word=1"
		said services --filter "service=$word" --format csv
		said services --format "$word"
		said profiles -- "x$word"
		said explain -- "x$word"
		said config -- "$word"
		said query -- "$word"
		said query "SELECT 1 AS \"${word//\"/\"\"}\"" --format csv
		said move "x$word" --from "$word" --to "$word"
		said release --format json -- "x$word"
		said -c "$BATS_TEST_TMPDIR/$word" nodes
		n=$((n + 13))
	done < <("$HOSTILE" list)
	echo "RELIABILITY|hostile words on the command line|$n calls|no byte that a terminal obeys|0" >&3
}

@test "a hostile configuration: what is said of it drives no terminal" {
	local word
	while IFS= read -r word; do
		printf '[agent]\nmode = %s\n' "$word" >"$BATS_TEST_TMPDIR/a.conf"
		said -c "$BATS_TEST_TMPDIR/a.conf" config check
		printf '[%s]\n' "$word" >"$BATS_TEST_TMPDIR/a.conf"
		said -c "$BATS_TEST_TMPDIR/a.conf" config check
		printf '[agent]\n%s = 1\n' "$word" >"$BATS_TEST_TMPDIR/a.conf"
		said -c "$BATS_TEST_TMPDIR/a.conf" config check
		printf '[docker]\nhost = unix:///%s\n' "$word" >"$BATS_TEST_TMPDIR/a.conf"
		said -c "$BATS_TEST_TMPDIR/a.conf" config show
	done < <("$HOSTILE" list)
}
