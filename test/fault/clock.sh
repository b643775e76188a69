#!/usr/bin/env bash
# The wall clock jumps: by an hour, by a year, to and fro, while foragerd has a reason to move, while
# its budget is used up, in the middle of a move. On a scripted engine, 20 times as fast.
# Usage: BUILD=DIR SANITIZED=DIR [LONG=1] clock.sh
cd "$(dirname "$0")/../.." || exit 1
. test/fault/lib.sh
. test/fault/world.sh
year=31536000
services='s1 s2 s3 s4 s5 s6 s7 s8 s9'
steps=5
[ "$LONG" = 0 ] || steps=40

world() {
	local s
	printf '%s\n' 'node m1 manager cpus=4' 'node w1 cpus=4' 'node w2 cpus=4'
	for s in $services; do
		printf '%s\n' "service $s order=start-first monitor=0.3 label.forager.mode=auto" \
			"load $s cores=0.1" "times $s start=0.1 stop=0.05"
	done
}

# heat NODE CORES: what each of its services burns.
heat() {
	local s
	for s in $services; do
		[ "$(places "$s")" != "$1" ] || control "load $s cores=$2"
	done
}

begin() {
	dir=$fault_work/$1
	where=$1
	world_start 20 --stats-latency 0.1 < <(world)
	world_config 'mode = auto' 'sample-every = 5s' 'decide-every = 30s' 'request-poll = 200ms' '[moves]' \
		'per-hour = 1' 'cooldown = 0' 'sustain = 0' 'warm-up = 0' 'deploy-quiet = 0' 'node-quiet = 0' \
		'node-settle = 0'
}

moves() { journal 'SELECT count(*) FROM move'; }
decisions() { journal 'SELECT count(*) FROM decision'; }
is_moved() { [ "$(journal "SELECT count(*) FROM move WHERE state = 'done'")" -ge "$1" ]; }
has_decided() { [ "$(decisions)" -ge "$1" ]; }
is_state() { [ "$(journal 'SELECT state FROM move ORDER BY id DESC LIMIT 1')" = "$1" ]; }
is_logged() { [ "$(grep -c 'clock jumped' "$dir/log")" -ge "$1" ]; }
jump() {
	clock jump "$1"
	fault_injected=$((fault_injected + 1))
}

alive() { kill -0 "$daemon" 2>/dev/null || violation "$where" "foragerd is gone: $(tail -2 "$dir/log")"; }

# How far the wall clock has jumped in all, in seconds.
jumped() { clock now | awk '{ printf "%.0f", $1 - $2 }'; }

# jumping SECONDS STEPS: three jumps or four in every step of so many, and nothing is begun.
jumping() {
	local until=$(($(decisions) + $2)) before from
	before=$(moves) from=$(jumped)
	clock jumps "$1" 8
	until_true 120 has_decided "$until" || violation "$where" 'no decision'
	clock jumps 0 0
	fault_injected=$((fault_injected + ($(jumped) - from) / $1))
	[ "$(moves)" = "$before" ] || violation "$where" "moved in a step in which the clock jumped by $1 s"
	alive
}

# No age below zero in what people read.
ages() {
	local verb bad
	for verb in status nodes services 'decisions' profiles; do
		# shellcheck disable=SC2086 # a verb and its words
		bad=$(forager $verb --format json 2>&1 | jq -r 'to_entries[] |
			select((.key | test("ago|age|_s$|_ms$|since")) and (.value | type) == "number" and .value < 0) |
			"\(.key)=\(.value)"' 2>&1 | head -3)
		[ -z "$bad" ] || violation "$where" "$verb: $bad"
		bad=$(forager $verb 2>&1 | grep -oE '(^| )-[0-9.]+ ?(s|min|h|d|ms)?( ago|$)' | head -3)
		[ -z "$bad" ] || violation "$where" "$verb: $bad"
	done
}

# --- a reason to move, and the clock jumps in every step -------------------------------------------
begin jumps
foragerd_start
until_true 120 has_decided 3 || violation "$where" 'no decision'
heat w1 1.25
jumping 3600 "$steps"
jumping -7200 "$steps"
jumping "$year" 2
jumping "-$year" 2
ages
# The reason was there: without jumps it moves.
until_true 120 is_moved 1 || violation "$where" 'it moves no more, although the clock stands still again'
is_logged 4 || violation "$where" 'the log does not tell of the jumps'

# --- the budget of one an hour is used up -----------------------------------------------------------
# Slower: on a machine with no time for it, the hour must not pass while the clock jumps.
clock scale 12
hot=$(journal 'SELECT to_name FROM move ORDER BY id DESC LIMIT 1')
heat "$hot" 1.3
# Nothing but the budget holds it back.
is_held() { journal 'SELECT reason FROM decision ORDER BY id DESC LIMIT 1' | grep -qiE 'budget|hour'; }
until_true 120 is_held || violation "$where" "the budget is not the reason: $(journal 'SELECT reason FROM decision ORDER BY id DESC LIMIT 1')"
for by in 7200 "$year" "-$year" "-$year" "$year"; do
	jump "$by"
	until_true 120 has_decided $(($(decisions) + 3)) || violation "$where" 'no decision'
	[ "$(moves)" = 1 ] || violation "$where" "a jump by $by s gave the budget back"
done
ages
alive
# And an hour that has really passed does.
clock scale 20
clock forward 3700
until_true 120 is_moved 2 || violation "$where" "after an hour: $(journal 'SELECT reason FROM decision ORDER BY id DESC LIMIT 1')"
world_end
reliability 'the wall clock jumps by an hour and by a year, both ways' \
	"$fault_injected jumps, one in every step" \
	'I4, I5 no action in a step with a jump, the budget stays used, no age is negative'

# --- it is set while foragerd is down ----------------------------------------------------------------
is_told() { [ "$(grep -c 'jumped while foragerd was down' "$dir/log")" = "$1" ]; }
stop() {
	kill "$daemon"
	{ wait "$daemon"; } 2>/dev/null || violation "$where" "foragerd ended with $?"
	daemon=''
}
more_decisions() { until_true 120 has_decided $(($(decisions) + $1)) || violation "$where" 'no decision'; }

# set_while_down SECONDS TOLD [DECISIONS]: how often the log has told of it then.
set_while_down() {
	local before
	stop
	before=$(moves)
	jump "$1"
	foragerd_start
	more_decisions "${3:-3}"
	is_told "$2" || violation "$where" "set by $1 s while it was down: the log tells $(grep -c 'jumped while' "$dir/log") times, not $2"
	[ "$(moves)" = "$before" ] || violation "$where" "set by $1 s while it was down: it moved in the quiet time"
}

begin down
fault_injected=0
sed -i 's/^deploy-quiet = .*/deploy-quiet = 5m/' "$dir/forager.conf"
foragerd_start
# So long that the services' own deploys are no reason any more.
until_true 120 has_decided 12 || violation "$where" 'no decision'
set_while_down 0 0
heat w1 1.25
since=$(decisions)
set_while_down -1800 1 1
# A restart does not end the quiet time.
is_quiet() { [[ $(journal 'SELECT reason FROM decision ORDER BY id DESC LIMIT 1') = *'warming up'* ]]; }
goes_on() { [ "$(grep -c 'jumped before this start' "$dir/log")" = "$1" ]; }
set_while_down 0 1 1
goes_on 1 && is_quiet || violation "$where" "started again in the quiet time: $(journal 'SELECT reason FROM decision ORDER BY id DESC LIMIT 1')"
until_true 120 is_moved 1 || violation "$where" "it moves no more: $(journal 'SELECT reason FROM decision ORDER BY id DESC LIMIT 1')"
[ "$(journal "SELECT count(*) FROM decision WHERE id > $since AND reason LIKE '%warming up%'")" -gt 0 ] || violation "$where" 'no decision tells of the quiet time'
# What the rows say of times before a jump means nothing to the next start.
jump 1800
more_decisions 1
set_while_down 0 1 1
goes_on 2 || violation "$where" "started anew after a jump: $(tail -1 "$dir/log")"
set_while_down $((2 * year)) 2
set_while_down $((-2 * year)) 3
world_end
reliability 'the wall clock is set while foragerd is down' "$fault_injected jumps" \
	'I5 no action for deploy-quiet, one sentence, then it goes on'
fault_injected=0

# --- in the middle of a move -------------------------------------------------------------------------
# in_move NAME BY: a slow start keeps the move open while the clock jumps, by person and by foragerd.
in_move() {
	local from to
	begin "$1"
	control 'times s1 start=40'
	from=$(places s1)
	to=w2
	[ "$from" != w2 ] || to=w1
	[ "$3" = alone ] || { foragerd_start; until_true 120 test -e "$dir/state/actor.lock"; sleep 0.5; }
	forager move s1 --from "$from" --to "$to" >"$dir/out" 2>"$dir/err" &
	local asked=$!
	until_true 120 is_state steered || violation "$where" "not steered: $(cat "$dir/err")"
	jump "$2"
	{ wait "$asked"; } 2>/dev/null || violation "$where" "a jump by $2 s in a move: $(tail -2 "$dir/err")"
	is_state "done" || violation "$where" "ended as $(journal 'SELECT state, reason FROM move')"
	[ "$(places s1)" = "$to" ] || violation "$where" "it runs on '$(places s1)'"
	world_end
}
# A task that never starts: the deadline comes by the clock that does not jump.
past_deadline() {
	local from to
	begin deadline
	printf 'deadline = 60s\n' >>"$dir/forager.conf"
	from=$(places s1)
	to=w2
	[ "$from" != w2 ] || to=w1
	control "fate s1 $to stuck"
	forager move s1 --from "$from" --to "$to" >"$dir/out" 2>"$dir/err" &
	local asked=$!
	until_true 120 is_state steered || violation "$where" "not steered: $(cat "$dir/err")"
	jump "$1"
	until_true 120 is_state reverted || violation "$where" "a jump by $1 s held the deadline up: $(journal 'SELECT state FROM move')"
	{ wait "$asked"; } 2>/dev/null
	[ "$(places s1)" = "$from" ] || violation "$where" "it runs on '$(places s1)'"
	world_end
}
in_move ahead "$year" alone
in_move back "-$year" daemon
past_deadline "-$year"
if [ "$LONG" = 1 ]; then
	in_move ahead_daemon "$year" daemon
	in_move back_alone "-$year" alone
	in_move hour 3600 daemon
	past_deadline 3600
	past_deadline "$year"
fi
reliability 'the wall clock jumps in the middle of a move' "$fault_injected jumps" \
	'the move is carried out; deadlines come by the monotonic clock'
fault_result
