#!/usr/bin/env bats
# A Swarm whose services are called by hostile texts, on the scripted engine: foragerd observes,
# decides and moves them; what it logs and what is said of it drives no terminal.

: "${FORAGER:=$BATS_TEST_DIRNAME/../../forager}"
: "${FORAGERD:=$BATS_TEST_DIRNAME/../../foragerd}"
: "${HOSTILE:=$BATS_TEST_DIRNAME/../../test/cli/hostile}"
: "${ENGINE:=$BATS_TEST_DIRNAME/../../test/fake/engine}"

setup_file() {
	export FORAGER FORAGERD HOSTILE ENGINE
	# Short: the path of a socket has 107 bytes.
	DIR=$(mktemp -d /tmp/forager-engine.XXXXXX)
	export DIR CONF="$DIR/forager.conf" LOG="$DIR/log"
	mkdir "$DIR/state"
	cat >"$CONF" <<-END
		[docker]
		host = unix://$DIR/m1.sock
		[endpoint]
		template = unix://$DIR/{hostname}.sock
		[agent]
		mode = auto
		state-dir = $DIR/state
		sample-every = 1s
		decide-every = 2s
		request-poll = 200ms
		log-level = debug
		[policy]
		horizon = 1m
		[moves]
		warm-up = 0
		deploy-quiet = 0
		node-quiet = 0
		node-settle = 0
		deadline = 60s
	END
	printf 'node m1 manager\nnode w1\nnode w2\nnames any\n' >"$DIR/world"
	"$ENGINE" --dir "$DIR" --script "$DIR/world" >"$DIR/engine" 2>&1 3>&- &
	echo $! >"$DIR/engine.pid"
	until_true grep -q ready "$DIR/engine"
	"$HOSTILE" specs | while IFS= read -r spec; do
		curl -sf --unix-socket "$DIR/m1.sock" -H 'Content-Type: application/json' -d "$spec" \
			http://x/services/create >/dev/null
	done
	"$FORAGERD" -c "$CONF" 2>"$LOG" 3>&- &
	echo $! >"$DIR/foragerd.pid"
}

teardown_file() {
	kill "$(cat "$DIR/foragerd.pid")" "$(cat "$DIR/engine.pid")" 2>/dev/null || true
	rm -rf "$DIR"
}

# until_true COMMAND…: within two minutes.
until_true() {
	local i
	for ((i = 0; i < 1200; i++)); do
		"$@" && return 0
		sleep 0.1
	done
	return 1
}

value_is() {
	[ "$("$FORAGER" -c "$CONF" query "$1" --format csv 2>/dev/null | tail -n +2 | tr -d '\r')" = "$2" ]
}

@test "foragerd knows every hostile service, exactly" {
	until_true value_is 'SELECT count(*) FROM service' 37
	until_true value_is 'SELECT count(*) > 1 FROM decision' 1
	for key in service image stack; do
		"$FORAGER" -c "$CONF" services --format json | "$HOSTILE" json "$key"
	done
}

@test "it moves one of them, and says so harmlessly" {
	local id from to form
	id=$("$FORAGER" -c "$CONF" services --format json | jq -r 'select(.service | startswith("\u001b[2J")) | .service_id')
	from=$("$FORAGER" -c "$CONF" services --format json | jq -r --arg id "$id" 'select(.service_id == $id) | .nodes')
	to=w1
	[ "$from" != w1 ] || to=w2
	for form in json table; do
		"$FORAGER" -c "$CONF" move "$id" --from "$from" --to "$to" --dry-run --format "$form" >"$DIR/said" 2>&1
		"$HOSTILE" harmless <"$DIR/said"
		[ -s "$DIR/said" ]
	done
	"$FORAGER" -c "$CONF" move "$id" --from "$from" --to "$to" >"$DIR/said" 2>&1 || {
		cat "$DIR/said"
		return 1
	}
	"$HOSTILE" harmless <"$DIR/said"
	grep -qF '[2J' "$DIR/said"
}

@test "a move that it refuses is explained harmlessly" {
	local name
	while IFS= read -r name; do
		[ -n "$name" ] || continue
		"$FORAGER" -c "$CONF" move --from m1 --to "$name" -- "$name" >"$DIR/said" 2>&1 && return 1
		"$HOSTILE" harmless <"$DIR/said"
	done < <("$HOSTILE" list | head -n 6)
}

@test "its log drives no terminal and has not grown a line" {
	kill "$(cat "$DIR/foragerd.pid")"
	until_true eval '! kill -0 "$(cat "$DIR/foragerd.pid")" 2>/dev/null'
	"$HOSTILE" harmless <"$LOG"
	grep -qF '[2J' "$LOG"
	! grep -vE '^<[0-7]>' "$LOG"
	"$FORAGERD" -c "$CONF" --once >"$DIR/said" 2>&1
	"$HOSTILE" harmless <"$DIR/said"
	echo "RELIABILITY|hostile texts from an engine, through foragerd and its log|37 services, 1 move, $(wc -l <"$LOG") lines|no byte that a terminal obeys, no forged line|0" >&3
}
