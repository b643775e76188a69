#!/usr/bin/env bats
# The command line itself: help, wrong use, exit codes, the docker plugin.

load common

@test "help lists every verb, and each verb has its own" {
	expect 0 --help
	for verb in status nodes services profiles qtable decisions moves explain recommend apply move \
		undo release pause resume config bench query; do
		[[ "$output" =~ (^|$'\n')"  $verb " ]]
		run forager "$verb" --help
		[ "$status" -eq 0 ]
		[[ "$output" == "Usage: forager $verb"* ]]
		run forager help "$verb"
		[ "$status" -eq 0 ]
		[[ "$output" == "Usage: forager $verb"* ]]
		run forager --help
	done
}

@test "version" {
	expect 0 --version
	[[ "$output" =~ ^forager\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "without a verb: help on stderr, exit code 2" {
	run bash -c '"$FORAGER" 2>/dev/null'
	[ "$status" -eq 2 ]
	[ -z "$output" ]
}

@test "wrong use is exit code 2 and says what is right" {
	expect 2 mvoe
	has "did you mean 'move'?"
	expect 2 xyzzy
	has "'forager --help' lists them"
	expect 2 help xyzzy
	expect 2 nodes extra
	has "usage: forager nodes"
	expect 2 explain
	has "usage: forager explain SERVICE|DECISION"
	expect 2 nodes --from alpha
	has "takes no option '--from'"
	expect 2 nodes --nope
	has "no option '--nope'"
	expect 2 nodes -x
	has "no option '-x'"
	expect 2 nodes --format xml
	has "is not table, json or csv"
	expect 2 nodes --format
	has "needs a value"
	expect 2 nodes --quiet=yes
	has "takes no value"
	expect 2 nodes --filter alpha
	has "is not KEY=VALUE"
	expect 2 decisions -n 0
	expect 2 decisions -n 5x
	expect 2 decisions -n
	expect 2 profiles --kind galaxy
	has "container, service or node"
}

@test "options may stand before and after the verb, long, short, joined" {
	run "$FORAGER" --state-dir "$STATE" -c "$CONF" nodes -q
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 3 ]
	run "$FORAGER" nodes -q --state-dir="$STATE" -c"$CONF"
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 3 ]
}

@test "acting verbs check their arguments before anything else" {
	expect 2 move web
	has "--from A --to B"
	expect 2 move web --from alpha
	expect 2 move --from alpha --to beta
	expect 2 undo
	has "ID or --all"
	expect 2 undo 1 --all
	expect 2 undo x
	has "'forager moves' lists them"
	expect 2 undo 0
	expect 2 undo -- -1
	expect 2 release
	expect 2 release web --all
	expect 2 apply burst
	expect 2 apply 1
	has "is to stay"
	expect 1 apply 99
	has "no decision 99"
	expect 2 move web --from alpha --to beta --format csv
}

@test "without Docker a move fails with what to do, exit code 1" {
	expect 1 move web --from alpha --to beta
	has "no.sock"
}

@test "pause and resume without a daemon" {
	expect 0 pause
	expect 0 status
	has "Paused since"
	expect 0 resume
	expect 0 status
	lacks "Paused since"
}

@test "hostile words in arguments come back harmless" {
	expect 2 $'m\033[31mv\u202e'
	harmless
	expect 1 profiles $'x\ny\033]0;t\a'
	harmless
	[ "${#lines[@]}" -eq 1 ]
}

@test "a full disk is a failure, not silence" {
	[ -c /dev/full ] || skip "no /dev/full here"
	run bash -c '"$FORAGER" -c "$CONF" nodes 2>&1 >/dev/full'
	[ "$status" -eq 1 ]
	has "could not be written"
	run bash -c '"$FORAGER" -c "$CONF" explain 2 --format json 2>&1 >/dev/full'
	[ "$status" -eq 1 ]
}

@test "docker plugin: metadata, the name, docker's own options" {
	ln -sf "$(readlink -f "$FORAGER")" "$BATS_TEST_TMPDIR/docker-forager"
	plugin="$BATS_TEST_TMPDIR/docker-forager"
	run "$plugin" docker-cli-plugin-metadata
	[ "$status" -eq 0 ]
	[ "$(jq -r .SchemaVersion <<<"$output")" = 0.1.0 ]
	[ -n "$(jq -r .Vendor <<<"$output")" ]
	[ -n "$(jq -r .ShortDescription <<<"$output")" ]
	run "$plugin" forager -c "$CONF" nodes -q
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 3 ]
	run "$plugin" -D --log-level debug --host tcp://10.1.2.3:2375 forager -c "$CONF" config show \
		--filter option=host --format json
	[ "$status" -eq 0 ]
	[ "$(jq -r .value <<<"$output")" = tcp://10.1.2.3:2375 ]
	run "$plugin" --host=tcp://10.1.2.3:2375 forager -c "$CONF" config show \
		--filter option=host --format json
	[ "$(jq -r .value <<<"$output")" = tcp://10.1.2.3:2375 ]
	# Not docker's metadata question when it is called by its own name.
	run "$FORAGER" docker-cli-plugin-metadata
	[ "$status" -eq 2 ]
}

@test "the manual page knows every verb and option" {
	page="$BATS_TEST_DIRNAME/../../docs/man/forager.1"
	[ -f "$page" ] || skip "no manual page beside the tests"
	for verb in $("$FORAGER" --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
		grep -qE "^\.It Cm ($verb|pause , $verb)( |\$)" "$page" || {
			echo "verb $verb is not in forager.1"
			return 1
		}
		for option in $("$FORAGER" "$verb" --help | grep -oE -- '^ +(-., )?--[a-z-]+' | grep -oE '[a-z-]{4,}$'); do
			grep -qE -- "(Fl|,|[|]) ${option#-}( |\$)" "$page" || {
				echo "option $option is not in forager.1"
				return 1
			}
		done
	done
}
