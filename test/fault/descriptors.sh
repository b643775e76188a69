#!/usr/bin/env bash
# Few descriptors, and none at all: the programs start with them or say why not, never spin, and go
# on when they are back. Usage: BUILD=DIR SANITIZED=DIR [LONG=1] descriptors.sh
cd "$(dirname "$0")/../.." || exit 1
. test/fault/lib.sh
. test/fault/world.sh
dir=$fault_work/descriptors

world() {
	printf '%s\n' 'node m1 manager' 'node w1' 'node w2' 'service web order=start-first monitor=0.3 label.forager.mode=auto' \
		'load web cores=0.5' 'times web start=0.1 stop=0.05'
}
spec() { get /services/web | jq -S .Spec; }
cpu_ticks() { awk '{ print $14 + $15 }' "/proc/$daemon/stat" 2>/dev/null || echo 0; }
decided_whole() { [ "$(journal 'SELECT count(*) FROM decision WHERE partial = 0')" -gt "$1" ]; }
is_over() { [ "$(journal 'SELECT count(*) FROM move WHERE ended_wall_ms IS NULL')" = 0 ]; }
other() { [ "$1" = w2 ] && echo w1 || echo w2; }

# with N PROGRAM WORD…: with so many descriptors; $code
with() {
	local n=$1
	shift
	code=0
	fault_injected=$((fault_injected + 1))
	{
		LD_PRELOAD=$shim timeout 120 prlimit --nofile="$n:$n" "$@" >"$dir/out" 2>"$dir/err" </dev/null || code=$?
	} 2>/dev/null
	case $code in
	0) ;;
	1 | 2 | 3 | 127) [ -s "$dir/err" ] || violation "$n descriptors, ${*##*/}" "exit $code without a word" ;;
	*) violation "$n descriptors, ${*##*/}" "exit $code: $(head -c 300 "$dir/err" | tr '\n' '~')" ;;
	esac
}

world_start 20 --stats-latency 0.1 < <(world) || exit 1
world_config 'mode = auto' 'sample-every = 2s' 'decide-every = 10s' 'request-poll = 200ms' '[moves]' \
	'deploy-quiet = 0' 'cooldown = 0' 'warm-up = 0' 'sustain = 0' 'deadline = 60s'
before=$(spec)
most=32
steps='4 7 9 12 16 20 24 26 28 32'
[ "$LONG" = 0 ] || steps=$(seq 3 40)
for n in $steps; do
	with "$n" "$BUILD/foragerd" -c "$dir/forager.conf" --once
	from=$(places web)
	with "$n" "$BUILD/forager" -c "$dir/forager.conf" move web --from "$from" --to "$(other "$from")"
	# What was left open is taken up with enough of them.
	with 1024 "$BUILD/forager" -c "$dir/forager.conf" release web
	is_over || violation "$n descriptors" "open: $(journal 'SELECT id, state FROM move WHERE ended_wall_ms IS NULL')"
	[ "$(spec)" = "$before" ] || violation "$n descriptors" 'the spec is not as before'
done
with "$most" "$BUILD/foragerd" -c "$dir/forager.conf" --once
[ "$code" = 0 ] || violation "$most descriptors" "foragerd cannot work with $most: $(tail -1 "$dir/err")"

# Taken away from a running one.
(
	ulimit -n "$most"
	LD_PRELOAD=$shim exec "$BUILD/foragerd" -c "$dir/forager.conf" >>"$dir/log" 2>&1
) &
daemon=$!
fault_pids+=("$daemon")
until_true 120 grep -q 'watches the Swarm' "$dir/log" || violation running 'it does not start'
n=$(journal 'SELECT count(*) FROM decision WHERE partial = 0')
until_true 120 decided_whole "$n" || violation running 'no decision'
used=$(find "/proc/$daemon/fd" -mindepth 1 | wc -l)
for left in 0 2; do
	fault_injected=$((fault_injected + 1))
	prlimit --pid "$daemon" --nofile="$((used > 12 ? 12 + left : used + left)):$most"
	ticks=$(cpu_ticks)
	from=$(places web)
	timeout 120 env LD_PRELOAD="$shim" "$BUILD/forager" -c "$dir/forager.conf" move web --from "$from" \
		--to "$(other "$from")" >"$dir/out" 2>"$dir/err" || [ -s "$dir/err" ] || violation running 'the request ended without a word'
	# So many seconds of the machine's: a loop without a wait would take all of them.
	sleep 3
	ticks=$(($(cpu_ticks) - ticks))
	[ "$ticks" -lt 200 ] || violation running "$ticks hundredths of a second of CPU without a descriptor"
	kill -0 "$daemon" 2>/dev/null || violation running "it ended: $(tail -2 "$dir/log")"
	prlimit --pid "$daemon" --nofile="$most:$most"
	n=$(journal 'SELECT count(*) FROM decision WHERE partial = 0')
	until_true 120 decided_whole "$n" || violation running "it does not go on: $(tail -2 "$dir/log")"
	until_true 120 is_over || violation running "open: $(journal 'SELECT id, state FROM move WHERE ended_wall_ms IS NULL')"
	[ "$(spec)" = "$before" ] || violation running 'the spec is not as before'
done
world_end
[ -z "$(state_sound "$dir/state")" ] || violation running "$(state_sound "$dir/state")"
reliability 'few descriptors, and none' "$fault_injected runs with 4 to $most, taken away from a running foragerd and given back" \
	'I1, I3 a sentence or it works, never a spin, no journal row lost, it goes on afterwards'
fault_result
