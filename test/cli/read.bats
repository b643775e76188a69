#!/usr/bin/env bats
# Reading verbs: tables, JSON, CSV, filters; with the daemon stopped.

load common

@test "status" {
	expect 0 status
	has "Daemon                  not running"
	has "Nodes                   3"
	has "Nodes without stats     1"
	expect 0 status --format json
	[ "${#lines[@]}" -eq 1 ]
	[ "$(jq -r .services_opted_in <<<"$output")" = 4 ]
	[ "$(jq -r .moves_done <<<"$output")" = 1 ]
	[ "$(jq -r .paused_since_ms <<<"$output")" = null ]
	[ "$(jq -r .daemon <<<"$output")" = "not running" ]
}

@test "status sees who holds the daemon's lock, and does not take it" {
	command -v flock >/dev/null || skip "no flock(1)"
	: >"$STATE/actor.lock"
	exec 9>"$STATE/actor.lock"
	flock -x 9
	expect 0 status --format json
	[ "$(jq -r .daemon <<<"$output")" = running ]
	flock -u 9
	expect 0 status --format json
	[ "$(jq -r .daemon <<<"$output")" = "not running" ]
	exec 9>&-
}

@test "a move's constraint that somebody wrote back: which, where, and how to take it away" {
	command -v sqlite3 >/dev/null || skip "no sqlite3"
	local term='node.id!=node1aaaaaaaaaaaaaaaaaaaa' dir=$BATS_TEST_TMPDIR/state
	local db=$dir/forager.db
	cp -r "$STATE" "$dir"
	stands() { sqlite3 "$db" "UPDATE service SET node_terms = '$1' WHERE name = 'web'"; }
	expect 0 --state-dir "$dir" status
	lacks "Terms written back"
	# Their own, and one that stood there before the move, are nobody's business.
	stands '["node.id!=other"]'
	expect 0 --state-dir "$dir" status --format json
	[ "$(jq -r .terms_back_on <<<"$output")" = null ]
	stands "[\"$term\",\"node.id!=other\"]"
	expect 0 --state-dir "$dir" status --format json
	[ "$(jq -r .terms_back_on <<<"$output")" = "$term on web" ]
	expect 0 --state-dir "$dir" status
	has "Terms written back      $term on web"
	has "docker service update --constraint-rm 'TERM' SERVICE"
	expect 0 --state-dir "$dir" explain web
	has "$term: a move of forager's once added it, and somebody wrote it back"
	has "docker service update --constraint-rm '$term' web"
	expect 0 --state-dir "$dir" explain 1
	lacks "--constraint-rm"
	sqlite3 "$db" "UPDATE move SET before = '{\"Constraints\":[\"$term\"]}' WHERE state = 'done'"
	expect 0 --state-dir "$dir" status --format json
	[ "$(jq -r .terms_back_on <<<"$output")" = null ]
	# A damaged row is no reason to say nothing at all.
	sqlite3 "$db" "UPDATE move SET before = 'x', added = '[' WHERE state = 'done'"
	expect 0 --state-dir "$dir" status
	sqlite3 "$db" "UPDATE move SET before = NULL, added = '[\"$term\"]', ended_wall_ms = NULL WHERE state = 'done'"
	expect 0 --state-dir "$dir" status --format json
	[ "$(jq -r .terms_back_on <<<"$output")" = null ] # a move is open: it stands there rightly
}

@test "nodes: the hot, the cool and the blind" {
	expect 0 nodes
	[[ "${lines[0]}" =~ ^ID\ +NODE\ +STATE ]]
	[[ "${lines[1]}" =~ ^node1aaaaaaa\ +alpha\ .*87\.5% ]]
	[[ "${lines[3]}" =~ ^node3ccccccc\ +gamma\ .*yes ]]
	expect 0 nodes --no-trunc --filter node=alpha
	has node1aaaaaaaaaaaaaaaaaaaa
	expect 0 nodes --format json
	[ "${#lines[@]}" -eq 3 ]
	[ "$(jq -s -r '.[0].cpu_load_ratio' <<<"$output")" = 0.875 ]
	[ "$(jq -s -c '[.[2].cpu_cores, .[2].blind]' <<<"$output")" = "[null,true]" ]
}

@test "quiet prints ids, short or whole" {
	expect 0 nodes -q
	[ "${lines[0]}" = node1aaaaaaa ]
	expect 0 nodes -q --no-trunc
	[ "${lines[0]}" = node1aaaaaaaaaaaaaaaaaaaa ]
	expect 0 decisions -q
	[ "$(tr '\n' ' ' <<<"$output")" = "3 2 1 " ]
}

@test "filters: same key or, other key and; patterns, id beginnings, truth values" {
	expect 0 services -q -f service=web -f service=burst
	[ "${#lines[@]}" -eq 2 ]
	expect 0 services -q -f service=web -f act=none
	[ -z "$output" ]
	expect 0 services -q -f 'service=*l*'
	[ "${#lines[@]}" -eq 2 ]
	expect 0 services -q -f service_id=svcweb
	[ "$output" = svcwebaaaaaa ]
	expect 0 nodes -q -f blind=true
	[ "$output" = node3ccccccc ]
	expect 0 nodes -q -f blind=t
	[ -z "$output" ]
	expect 2 services -f nope=1
	has "there are: service_id service"
}

@test "an empty table still has its head, empty JSON is empty, empty CSV is its head" {
	expect 0 services -f service=none
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" =~ ^ID\ +SERVICE ]]
	expect 0 services -f service=none --format json
	[ -z "$output" ]
	expect 0 services -f service=none --format csv
	[ "${#lines[@]}" -eq 1 ]
}

@test "hostile names are harmless in every form, and exact in JSON" {
	for verb in services profiles moves "explain 2" "query 'SELECT name FROM service'"; do
		for format in table json; do
			run bash -c "\"\$FORAGER\" -c \"\$CONF\" $verb --format $format"
			echo "$verb $format: $output"
			[ "$status" -eq 0 ]
			harmless
		done
	done
	expect 0 services --format json -f service_id=svcevil
	[ "${#lines[@]}" -eq 1 ]
	[ "$(jq -r .service <<<"$output")" = $'ev\033[31mil\n,"x"\u202e' ]
	expect 0 services --format csv -f service_id=svcevil
	harmless
	[ "${#lines[@]}" -eq 2 ]
}

@test "a NUL in a text does not end it, in no form" {
	expect 0 query "SELECT 'a' || char(0) || 'b' AS x" --format json
	[ "$output" = '{"x":"a\u0000b"}' ]
	expect 0 query "SELECT 'a' || char(0) || 'b' AS x" --format csv
	[ "${lines[1]}" = $'a\ufffdb\r' ]
}

@test "CSV is RFC 4180: quoted where needed, quotes doubled, CRLF" {
	forager services --format csv -f service_id=svcevil >"$BATS_TEST_TMPDIR/out.csv"
	[ "$(tail -c 2 "$BATS_TEST_TMPDIR/out.csv" | od -An -tx1 | tr -d ' ')" = 0d0a ]
	[ "$(grep -c $'\r$' "$BATS_TEST_TMPDIR/out.csv")" -eq 2 ]
	grep -qF $',"ev\ufffd[31mil\ufffd,""x""\ufffd",' "$BATS_TEST_TMPDIR/out.csv"
	[ "$(head -n 1 "$BATS_TEST_TMPDIR/out.csv" | tr ',' '\n' | wc -l)" -eq 23 ]
}

@test "profiles of containers, one service, services, nodes" {
	expect 0 profiles -q
	[ "${#lines[@]}" -eq 5 ]
	expect 0 profiles web
	[ "${#lines[@]}" -eq 2 ]
	has 25.0%
	expect 0 profiles svcweb --format json
	[ "$(jq -c '[.service, .cpu_mean_cores, .mem_growth_bytes_per_h]' <<<"$output")" = '["web",0.1,null]' ]
	expect 0 profiles --kind service burst --format json
	[ "$(jq -r .behaviour <<<"$output")" = bursty ]
	expect 0 profiles --kind node -q
	[ "${#lines[@]}" -eq 2 ]
	expect 1 profiles nosuch
	has "no service 'nosuch' is known"
	expect 1 profiles svc
	has "beginning of 5 service ids"
	expect 1 profiles ""
}

@test "qtable: weights and values" {
	expect 0 qtable
	has "FEATURE"
	has "SERVICE"
	has "target-blind"
	expect 0 qtable --weights --format json
	[ "$(jq -s 'all(.learnt == .theta - .prior or (.learnt - .theta + .prior | fabs < 1e-6))' <<<"$output")" = true ]
	expect 0 qtable --values --format csv
	[ "${#lines[@]}" -eq 3 ]
	expect 2 qtable --format csv
	has "--weights or --values"
	expect 0 qtable --format json
	jq -e . <<<"$output" >/dev/null
}

@test "decisions and moves, newest first, bounded" {
	expect 0 decisions
	[[ "${lines[1]}" =~ ^\ *3\ .*burst ]]
	expect 0 decisions -n 1 --format json
	[ "$(jq -r .command <<<"$output")" = "docker service update --constraint-add 'node.id!=node1aaaaaaaaaaaaaaaaaaaa' burst" ]
	expect 0 decisions --filter action=move -q
	[ "${#lines[@]}" -eq 2 ]
	expect 0 moves --format json -f state=done
	[ "$(jq -c '[.move_id, .service, .decision_id]' <<<"$output")" = '[1,"web",2]' ]
}

@test "explain: contributions as printed add up to the gain as printed" {
	for id in 1 2 3; do
		forager explain "$id" >"$BATS_TEST_TMPDIR/explain"
		# The number that ends where the heading GAIN ends.
		awk -v id="$id" '
			function gain(line) {
				line = substr(line, 1, end)
				return match(line, /-?[0-9]+\.[0-9]+$/) ? substr(line, RSTART) + 0 : 0
			}
			/^TERM/ { end = index($0, "GAIN") + 3; sum = 0; next }
			/^= gain/ {
				n++
				d = sum - gain($0)
				if (d < -1e-9 || d > 1e-9) {
					print "decision", id, "sum", sum, "gain", gain($0)
					bad = 1
				}
				if (gain($0) == 0) bad = 1
				end = 0
				next
			}
			end && NF { sum += gain($0) }
			END { exit bad || n == 0 }
		' "$BATS_TEST_TMPDIR/explain"
	done
}

@test "explain a decision: goal, candidates, verdicts in words, what happened after" {
	expect 0 explain 2
	has "Goal          relief of alpha"
	has "Chosen        move web from alpha to beta"
	has "83.0% of 256 draws"
	has "its owner pinned it with forager.pin"
	has "The runner-up, against staying"
	has "move 1 of web: done, every task runs on beta"
	has "steered: posted"
	has "80.000 ms before, 30.000 after"
	has "10.0000 predicted, 11.0000 seen"
	expect 0 explain 1
	has "Chosen        stay"
	expect 1 explain 99
	has "no decision 99 is stored"
	expect 2 explain 2 --format csv
}

@test "explain a service: the newest decision for it, else the newest that considered it" {
	expect 0 explain web
	has "Decision      2,"
	expect 0 explain pinned
	has "Decision      3,"
	expect 1 explain hold
	has "no stored decision considered"
	expect 1 explain nosuch
}

@test "explain as JSON is one object, its contributions sum to the gain" {
	expect 0 explain 2 --format json
	[ "${#lines[@]}" -eq 1 ]
	[ "$(jq '.candidates[1] as $c | ([.contributions[] | select(.rank == 1) | .contribution] | add)
		- $c.move_cost - $c.gain | fabs < 1e-5' <<<"$output")" = true ]
	[ "$(jq -r '.decision.decision_id, .outcome.gain_seen, .moves[0].state' <<<"$output" | tr '\n' ' ')" = "2 11 done " ]
	[ "$(jq -c '.candidates | map(.chosen)' <<<"$output")" = "[false,true,false,false]" ]
}

@test "recommend: the command alone on its line; nothing is an answer too" {
	expect 0 recommend
	has $'\n'"docker service update --constraint-add 'node.id!=node1aaaaaaaaaaaaaaaaaaaa' burst"
	expect 0 recommend burst --format json
	[ "$(jq -r .newest <<<"$output")" = true ]
	expect 0 recommend web
	has "Nothing is recommended for web"
	expect 1 recommend nosuch
}

@test "query: reads, refuses to write" {
	expect 0 query 'SELECT count(*) AS n FROM node' --format json
	[ "$output" = '{"n":3}' ]
	expect 0 query 'SELECT 1 AS a, 2 AS a' --format csv
	[ "${lines[1]}" = $'1,2\r' ]
	expect 0 query 'SELECT * FROM v_hot'
	[[ "${lines[1]}" == *alpha* ]]
	for sql in 'DELETE FROM node' 'DROP TABLE node' "ATTACH 'x' AS y" 'PRAGMA user_version = 9' \
		'INSERT INTO meta VALUES (1, 2)' 'SELECT 1; SELECT 2' nonsense '' ; do
		run forager query "$sql"
		echo "$sql: $output"
		[ "$status" -eq 2 ]
		[ -n "$output" ]
	done
	expect 0 query 'SELECT count(*) AS n FROM node' --format json
	[ "$output" = '{"n":3}' ]
}

@test "reading changes nothing on the disk" {
	before=$(sha256sum "$STATE/forager.db")
	for verb in status nodes services profiles qtable decisions moves recommend; do
		forager "$verb" >/dev/null
	done
	[ "$(sha256sum "$STATE/forager.db")" = "$before" ]
}
