# shellcheck shell=bash disable=SC2034,SC2154 # some are for the suites; lib.sh comes first
# A scripted engine (test/fake) under a clock that tests turn, for the fault suites (sourced after
# lib.sh). All in $dir.
shim=$BUILD/test/fault/clock_shim.so

# world_start SPEED [OPTION…]: the script on stdin; engine in $engine.
world_start() {
	local speed=$1
	shift
	rm -rf "$dir" && mkdir -p "$dir/state"
	cat >"$dir/world"
	"$BUILD/test/fault/clock_ctl" "$dir/clock" new
	"$BUILD/test/fault/clock_ctl" "$dir/clock" scale "$speed"
	export CLOCK_SHIM=$dir/clock
	mkfifo "$dir/ready"
	LD_PRELOAD=$shim "$BUILD/test/fake/engine" --dir "$dir" --script "$dir/world" \
		--record "$dir/record" "$@" >"$dir/ready" 2>"$dir/engine.err" &
	engine=$!
	fault_pids+=("$engine")
	read -r -t 60 _ <"$dir/ready" || {
		echo "# the engine: $(cat "$dir/engine.err")"
		return 1
	}
}

# world_config LINE…: these lines after [docker], [endpoint] and the beginning of [agent].
world_config() {
	printf '%s\n' '[docker]' "host = unix://$dir/m1.sock" '[endpoint]' \
		"template = unix://$dir/{hostname}.sock" '[agent]' "state-dir = $dir/state" "$@" >"$dir/forager.conf"
}

# foragerd_start: under the world's clock; $daemon is its pid, $dir/log what it says.
foragerd_start() {
	LD_PRELOAD=$shim "$BUILD/foragerd" -c "$dir/forager.conf" >>"$dir/log" 2>&1 &
	daemon=$!
	fault_pids+=("$daemon")
}

world_end() {
	local pid
	for pid in ${daemon:-} "$engine"; do
		kill -KILL "$pid" 2>/dev/null
		{ wait "$pid"; } 2>/dev/null
	done
	daemon=''
}

clock() { "$BUILD/test/fault/clock_ctl" "$dir/clock" "$@"; }
get() { curl -sf --max-time 20 --unix-socket "$dir/m1.sock" "http://x$1"; }
control() { printf '%s\n' "$@" | curl -sf --max-time 20 --unix-socket "$dir/control.sock" --data-binary @- http://x/; }
journal() { sqlite3 -cmd '.timeout 5000' "$dir/state/forager.db" "$1" 2>&1; }
forager() { LD_PRELOAD=$shim "$BUILD/forager" -c "$dir/forager.conf" "$@"; }

# until_true SECONDS COMMAND…: until it succeeds, 1 when it does not (real seconds, a bound only).
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# places SERVICE: the host names of its running tasks, a line each.
places() {
	local nodes services
	nodes=$(get /nodes) services=$(get /services)
	get /tasks | jq -r --arg name "$1" --argjson n "$nodes" --argjson s "$services" '
		($s[] | select(.Spec.Name == $name).ID) as $id |
		.[] | select(.ServiceID == $id and .DesiredState == "running" and .Status.State == "running")
			| .NodeID as $i | $n[] | select(.ID == $i).Description.Hostname'
}
