#!/usr/bin/env bats
# What goes wrong before anything is read: each a clear sentence, the right exit code.

load common

setup() {
	export DIR="$BATS_TEST_TMPDIR/state"
	mkdir "$DIR"
}

at() {
	run "$FORAGER" -c "$CONF" --state-dir "$DIR" "$@"
	echo "status $status: $output"
}

@test "no database" {
	at nodes
	[ "$status" -eq 1 ]
	has "no database"
	has "start foragerd"
	[ -z "$(ls -A "$DIR")" ]
}

@test "no state directory" {
	rmdir "$DIR"
	at status
	[ "$status" -eq 1 ]
	has "$DIR"
	[ ! -e "$DIR" ]
}

@test "a corrupt database is reported and left as it is" {
	head -c 8192 /dev/urandom >"$DIR/forager.db"
	before=$(sha256sum "$DIR/forager.db")
	at nodes
	[ "$status" -eq 1 ]
	[ -n "$output" ]
	[ "$(sha256sum "$DIR/forager.db")" = "$before" ]
}

@test "somebody else's database" {
	sqlite3 "$DIR/forager.db" 'CREATE TABLE t (x)'
	at nodes
	[ "$status" -eq 1 ]
	[[ "$output" == *"forager"* ]]
}

@test "a newer database" {
	"$FIXTURE" "$DIR"
	sqlite3 "$DIR/forager.db" 'PRAGMA user_version = 999' >/dev/null
	at nodes
	[ "$status" -eq 1 ]
	has newer
}

@test "no permission" {
	[ "$(id -u)" -eq 0 ] || skip "needs root to become another user"
	"$FIXTURE" "$DIR"
	chmod 700 "$DIR"
	chmod 755 "$BATS_TEST_TMPDIR"
	run setpriv --reuid 65534 --regid 65534 --clear-groups "$FORAGER" --state-dir "$DIR" nodes
	echo "status $status: $output"
	[ "$status" -eq 1 ]
	[[ "$output" == *ermission* ]]
}

@test "config: a wrong key names file, line and the nearest key; exit code 2" {
	printf '[agent]\nmode = auto\n[moves]\nper-huor = 3\n' >"$DIR/bad.conf"
	run "$FORAGER" -c "$DIR/bad.conf" config check
	echo "$output"
	[ "$status" -eq 2 ]
	has "bad.conf:4"
	has "per-hour"
	run "$FORAGER" -c "$DIR/bad.conf" nodes
	[ "$status" -eq 2 ]
}

@test "config: a missing file, tabular, a bad value from the command line" {
	run "$FORAGER" -c "$DIR/none.conf" config check
	[ "$status" -eq 2 ]
	has "none.conf"
	printf '[policy]\nalgorithm = tabular\n' >"$DIR/tab.conf"
	run "$FORAGER" -c "$DIR/tab.conf" config check
	echo "$output"
	[ "$status" -eq 2 ]
	has tabular
	run "$FORAGER" -c "$CONF" --state-dir "" config check
	echo "$output"
	[ "$status" -eq 2 ]
}

@test "config show names the source of each value" {
	expect 0 config check
	has "the configuration is good"
	expect 0 config show --format json
	[ "$(jq -s -r '.[] | select(.section == "agent" and .option == "state-dir") | .source' <<<"$output")" = "$CONF:2" ]
	[ "$(jq -s -r '.[] | select(.section == "moves" and .option == "per-hour") | .source' <<<"$output")" = default ]
	[ "$(jq -s 'all(.help | length > 10)' <<<"$output")" = true ]
	expect 2 config frob
	expect 2 config
}

@test "no Docker socket: each acting verb is one sentence, exit code 1, nothing journalled" {
	"$FIXTURE" "$DIR"
	for verb in 'move web --from alpha --to beta' 'undo --all' 'release --all' 'release web'; do
		# shellcheck disable=SC2086 # a verb and its words
		at $verb
		[ "$status" -eq 1 ]
		[ "${#lines[@]}" -eq 1 ]
		has "no Docker socket"
		has "start docker or set [docker] host"
	done
	[ "$(sqlite3 -readonly "$DIR/forager.db" "SELECT count(*) FROM move")" = \
		"$(sqlite3 -readonly "$STATE/forager.db" "SELECT count(*) FROM move")" ]
}
