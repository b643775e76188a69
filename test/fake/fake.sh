# shellcheck shell=bash
# For suites on the scripted engine (sourced; BUILD is the build's folder): starts engines and
# foragerds in a folder of their own and ends them, whatever happens.

FAKE_DIR=$(mktemp -d /tmp/forager-fake.XXXXXX)
fake_pids=()
fake_keep=${KEEP:-}
export ASAN_OPTIONS=${ASAN_OPTIONS:-verify_asan_link_order=0}

fake_end() {
	local pid

	for pid in "${fake_pids[@]}"; do kill "$pid" 2>/dev/null; done
	for pid in "${fake_pids[@]}"; do wait "$pid" 2>/dev/null; done
	fake_pids=()
	[ -z "$fake_keep" ] || echo "kept: $FAKE_DIR" >&2
	[ -n "$fake_keep" ] || rm -rf "$FAKE_DIR"
}

# In a subshell that runs a world of its own: what it started ends with it, the folder stays.
fake_world_begin() {
	fake_pids=()
	trap fake_world_end EXIT
}
fake_world_end() {
	local pid

	for pid in "${fake_pids[@]}"; do kill "$pid" 2>/dev/null; done
	wait
}
trap fake_end EXIT
trap 'exit 130' INT TERM

fake_die() {
	echo "fake: $*" >&2
	exit 1
}

# fake_until SECONDS COMMAND…: until it succeeds; 1 when it does not.
fake_until() {
	local end=$((SECONDS + $1))

	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# fake_engine NAME [OPTION…]: the world's script on stdin. Sockets and the record in $FAKE_DIR/NAME.
fake_engine() {
	local dir=$FAKE_DIR/$1

	shift
	mkdir -p "$dir/state"
	cat >"$dir/world"
	"$BUILD/test/fake/engine" --dir "$dir" --script "$dir/world" --record "$dir/record" "$@" \
		>"$dir/engine.out" 2>"$dir/engine.err" &
	fake_pids+=($!)
	fake_until 20 grep -q ready "$dir/engine.out" || fake_die "engine: $(cat "$dir/engine.err")"
}

# fake_ctl NAME COMMAND…: to its control socket; each argument is a line.
fake_ctl() {
	local dir=$FAKE_DIR/$1

	shift
	printf '%s\n' "$@" | curl -sf --max-time 10 --unix-socket "$dir/control.sock" --data-binary @- http://fake/
}

# fake_config NAME MANAGER [LINE…]: forager.conf with the world's sockets, and these lines more. Where
# no fault waits for it, FAKE_TIMEOUT is long: a busy machine is no fault.
fake_config() {
	local dir=$FAKE_DIR/$1 manager=$2

	shift 2
	{
		printf '[docker]\nhost = unix://%s/%s.sock\ntimeout = %s\n' "$dir" "$manager" "${FAKE_TIMEOUT:-1s}"
		printf '[endpoint]\ntemplate = unix://%s/{hostname}.sock\n' "$dir"
		printf '[agent]\nstate-dir = %s/state\nsample-every = 1s\nrequest-poll = 50ms\n' "$dir"
		printf '%s\n' "$@"
	} >"$dir/forager.conf"
}

# fake_foragerd NAME: under usage, so that memory, descriptors and the watchdog are on record.
fake_foragerd() {
	local dir=$FAKE_DIR/$1

	"$BUILD/test/fake/usage" "$dir/usage" 1 "$BUILD/foragerd" -c "$dir/forager.conf" \
		>>"$dir/foragerd.log" 2>&1 &
	fake_pids+=($!)
	echo $! >"$dir/foragerd.pid"
	fake_until 20 test -e "$dir/state/forager.db" || fake_die "foragerd: $(tail -3 "$dir/foragerd.log")"
}

fake_lives() { kill -0 "$(cat "$FAKE_DIR/$1/foragerd.pid")" 2>/dev/null; }

# fake_stop NAME: ends foragerd as systemd does; its exit status.
fake_stop() {
	local pid

	pid=$(cat "$FAKE_DIR/$1/foragerd.pid")
	kill "$pid"
	wait "$pid"
}

fake_starts() { grep -c 'watches the Swarm' "$FAKE_DIR/$1/foragerd.log"; }

fake_is_up_or_gone() { [ "$(fake_starts "$1")" -gt "$2" ] || ! fake_lives "$1"; }

# fake_restart NAME: as systemd does, which starts it again when it fails at its start.
fake_restart() {
	local try before

	fake_stop "$1" || true
	before=$(fake_starts "$1")
	for try in 1 2 3 4 5 6; do
		fake_foragerd "$1"
		fake_until 40 fake_is_up_or_gone "$1" "$before"
		[ "$(fake_starts "$1")" = "$before" ] || return 0
		echo "start $try failed" >>"$FAKE_DIR/$1/restarts"
	done
	return 1
}

# fake_minute NAME: a minute passes in the world, so that the judge can tell what came of the last
# change. No foragerd any more: its clock would not follow.
fake_minute() { fake_ctl "$1" 'run 61' "leader $FAKE_MANAGER" >/dev/null; }

fake_forager() {
	local dir=$FAKE_DIR/$1

	shift
	"$BUILD/forager" -c "$dir/forager.conf" "$@"
}

# fake_docker NAME METHOD PATH [BODY]: as a person would.
fake_docker() {
	local dir=$FAKE_DIR/$1 method=$2 path=$3 body=()

	[ $# -lt 4 ] || body=(--data-binary "$4")
	curl -s --max-time 10 -H 'X-Fake-Who: ann' --unix-socket "$dir/$FAKE_MANAGER.sock" -X "$method" \
		"${body[@]}" "http://fake$path"
}

# fake_sql NAME QUERY: of its database.
fake_sql() { sqlite3 -readonly -cmd '.timeout 2000' "$FAKE_DIR/$1/state/forager.db" "$2"; }
