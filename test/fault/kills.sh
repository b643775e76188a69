#!/usr/bin/env bash
# The programs are killed, or a system call of theirs fails, at its k-th call: in an observing cycle,
# in a move, in one that has to be taken back, in an undo, in a move that foragerd is asked for, and
# again in the recovery from the first time. Then they are started without a fault: the change is
# finished or taken back, the service's spec is what it was, the journal tells one story. Each on a
# scripted engine of its own (test/fake), with a clock that runs 20 times as fast.
# Usage: BUILD=DIR SANITIZED=DIR [LONG=1] [WORKERS=4] kills.sh [SCENARIO…]
cd "$(dirname "$0")/../.." || exit 1
. test/fault/lib.sh
. test/fault/world.sh
WORKERS=${WORKERS:-4}

# --- a world of its own ----------------------------------------------------------------------------

world() {
	printf '%s\n' 'node m1 manager' 'node w1' 'node w2' 'service calm label.forager.mode=auto' \
		'service web order=start-first monitor=0.3 label.forager.mode=auto' 'service other' \
		'load web cores=0.5' 'times web start=0.1 stop=0.05'
}

# world_new: `before` is web's spec and place.
world_new() {
	world_start 20 --stats-latency 0.1 < <(world) || {
		violation "$where" 'no engine'
		return 1
	}
	world_config 'sample-every = 1s' 'request-poll = 200ms' 'mode = auto' '[moves]' 'deploy-quiet = 0' \
		'cooldown = 0' 'warm-up = 0'
	look before
	from=$(jq -r '.[0]' "$dir/before.places")
	to=w2
	[ "$from" != w2 ] || to=w1
}

# look NAME: what is there of web: its spec, where tasks run, how many are not what they should be.
look() {
	local nodes services tasks
	nodes=$(get /nodes) services=$(get /services) tasks=$(get /tasks)
	jq -S '.[] | select(.Spec.Name == "web").Spec' <<<"$services" >"$dir/$1.spec"
	jq '.[] | select(.Spec.Name == "other").Version.Index' <<<"$services" >"$dir/$1.other"
	jq -c --argjson n "$nodes" --argjson s "$services" '
		($s[] | select(.Spec.Name == "web").ID) as $web |
		[.[] | select(.ServiceID == $web and .DesiredState == "running" and .Status.State == "running")
			| .NodeID as $i | $n[] | select(.ID == $i).Description.Hostname]' <<<"$tasks" >"$dir/$1.places"
	jq --argjson s "$services" '
		($s[] | select(.Spec.Name == "web").ID) as $web |
		[.[] | select(.ServiceID == $web and .DesiredState == "running" and .Status.State != "running")]
			| length' <<<"$tasks" >"$dir/$1.waiting"
}

# --- what is done, with a fault in it --------------------------------------------------------------

# with_fault INJECT PROGRAM WORD…: INJECT is strace's, '' for none; exit code in $code.
with_fault() {
	local inject=$1 words=()
	shift
	[ -z "$inject" ] || words=(-e "trace=${inject%%:*}" -e "inject=$inject")
	# strace 6.1 with a filter in the kernel loses the signals that it is to inject.
	[[ $inject != *:error=* ]] || words+=(--seccomp-bpf)
	code=0
	{
		timeout 120 strace -f -y -qqq -o "$dir/traced" "${words[@]}" -e signal=none -E LD_PRELOAD="$shim" \
			"$@" >"$dir/out" 2>"$dir/err" </dev/null || code=$?
	} 2>/dev/null
	[ -z "$inject" ] || echo "$code" >>"$dir.codes"
}

act_cycle() { with_fault "$1" "$BUILD/foragerd" -c "$dir/forager.conf" --once; }
act_move() { with_fault "$1" "$BUILD/forager" -c "$dir/forager.conf" move web --from "$from" --to "$to"; }
act_revert() { act_move "$1"; }
act_undo() { with_fault "$1" "$BUILD/forager" -c "$dir/forager.conf" undo --all --move-back; }
# foragerd is asked for it; what is counted are its calls from then on.
act_daemon() {
	{ foragerd_up && daemon_move inject "${1%%:*}" "$1"; } 2>/dev/null # "Killed", says the shell
	echo "$code" >>"$dir.codes"
}
# What recovers: any change of the command line does that first. calm has nothing to release.
act_recovery() { with_fault "$1" "$BUILD/forager" -c "$dir/forager.conf" release calm; }

prepare_cycle() { :; }
prepare_recovery() { :; }
prepare_move() { :; }
prepare_daemon() {
	# Nothing of its own accord, and few questions whether somebody asks: they are counted, too.
	sed -i -e 's/^sample-every = .*/sample-every = 5m/' -e 's/^request-poll = .*/request-poll = 2s/' \
		-e '/^mode = /a decide-every = 1h' "$dir/forager.conf"
}
prepare_revert() { control "fate web $to crash 0.2" >/dev/null; }
prepare_undo() { forager move web --from "$from" --to "$to" >/dev/null 2>&1; }

has_started() { grep -q 'watches the Swarm' "$dir/log"; }
foragerd_up() {
	: >"$dir/log"
	foragerd_start
	until_true 60 has_started || { violation "$where" "foragerd does not start: $(tail -1 "$dir/log")"; return 1; }
}

# foragerd_down: it is asked to end, where it has not; its exit code in $code.
foragerd_down() {
	kill -TERM "$daemon" 2>/dev/null
	code=0
	{ wait "$daemon"; } 2>/dev/null || code=$?
	daemon=''
	cp "$dir/log" "$dir/err"
}

# daemon_move inject|trace SYSCALLS [INJECT]: foragerd, which runs, is asked to move web, under strace.
daemon_move() {
	local words=(-f -o "$dir/traced" -e signal=none -p "$daemon") tracer
	[ "$1" = trace ] || words+=(-e "trace=$2" -e "inject=$3")
	strace "${words[@]}" >/dev/null 2>"$dir/tracer" &
	tracer=$!
	fault_pids+=("$tracer")
	until_true 60 grep -q attached "$dir/tracer" || violation "$where" "strace: $(tail -1 "$dir/tracer")"
	timeout 60 env LD_PRELOAD="$shim" "$BUILD/forager" -c "$dir/forager.conf" move web --from "$from" \
		--to "$to" >"$dir/out" 2>"$dir/asked" </dev/null
	[ $? != 124 ] || violation "$where" 'whoever asked is left waiting'
	kill -INT "$tracer" 2>/dev/null
	{ wait "$tracer"; } 2>/dev/null
	foragerd_down
}

# --- afterwards ------------------------------------------------------------------------------------

# The first fault's own end: a sentence, whatever it was.
judge_end() {
	case $code in
	0 | 137) ;;
	1 | 2 | 3 | 127 | 134)
		[ -s "$dir/err" ] || violation "$where" "exit $code without a word"
		;;
	124) violation "$where" 'it hung' ;;
	*) violation "$where" "exit $code: $(head -c 300 "$dir/err" | tr '\n' '~')" ;;
	esac
}

is_over() { [ "$(journal 'SELECT count(*) FROM move WHERE ended_wall_ms IS NULL')" = 0 ]; }

# recover: what the next start does, as often as it says that something is still open.
recover() {
	local i
	for ((i = 0; i < 6; i++)); do
		act_recovery ''
		[ "$code" = 0 ] && is_over && return 0
		sleep 0.3
	done
	violation "$where" "not recovered (exit $code): $(tr '\n' '~' <"$dir/err" | head -c 400); open: $(journal 'SELECT id, state FROM move WHERE ended_wall_ms IS NULL')"
}

# foragerd takes up by itself what the killed one left.
recover_daemon() {
	foragerd_up || return
	until_true 60 is_over || violation "$where" "foragerd did not take it up: $(tail -1 "$dir/log")"
	foragerd_down
	[ "$code" = 0 ] || violation "$where" "foragerd, started anew, ended with $code: $(tail -1 "$dir/log")"
}

# The journal tells one story, and the Swarm agrees with its end.
judge_after() {
	local wrong i
	for ((i = 0; i < 40; i++)); do
		look after
		[ "$(cat "$dir/after.waiting")" != 0 ] || [ "$(jq length "$dir/after.places")" != 1 ] || break
		sleep 0.1
	done
	cmp -s "$dir/before.spec" "$dir/after.spec" ||
		violation "$where" "web's spec: $(diff "$dir/before.spec" "$dir/after.spec" | tr '\n' '~' | head -c 400)"
	cmp -s "$dir/before.other" "$dir/after.other" || violation "$where" 'a service that did not opt in was written'
	[ "$(jq length "$dir/after.places")" = 1 ] && [ "$(cat "$dir/after.waiting")" = 0 ] ||
		violation "$where" "web's tasks: $(cat "$dir/after.places"), $(cat "$dir/after.waiting") waiting"
	[ -e "$dir/state/forager.db" ] || return 0
	wrong=$(state_sound "$dir/state")
	[ -z "$wrong" ] || violation "$where" "$wrong"
	wrong=$(journal 'SELECT m.id, m.state, e.state FROM move m JOIN move_event e ON e.move_id = m.id
		AND e.seq = (SELECT max(seq) FROM move_event WHERE move_id = m.id) WHERE e.state <> m.state')
	[ -z "$wrong" ] || violation "$where" "the journal and its trail: $wrong"
	wrong=$(journal 'SELECT move_id FROM move_event GROUP BY move_id HAVING count(*) <> max(seq)')
	[ -z "$wrong" ] || violation "$where" "the trail has gaps: $wrong"
}

# The end that the journal names is where the task is.
judge_place() {
	local state place
	state=$(journal "SELECT state FROM move WHERE kind = 'move' ORDER BY id DESC LIMIT 1")
	place=$(jq -r '.[0]' "$dir/after.places")
	case $state in
	done) [ "$place" = "$to" ] || violation "$where" "done, and it runs on $place" ;;
	reverted | refused) [ "$place" = "$from" ] || violation "$where" "$state, and it runs on $place" ;;
	'' | foreign | gave-up | *) [ -z "$state" ] || violation "$where" "ended as $state" ;;
	esac
}

# one SCENARIO INJECT [INJECT-IN-RECOVERY]
one() {
	local scenario=$1 state
	where="$scenario, $2${3:+, then $3 in the recovery}"
	world_new || return
	"prepare_$scenario"
	look before
	"act_$scenario" "$2"
	judge_end
	[ ! -e "$dir/state/forager.db" ] || journal 'SELECT state FROM move WHERE ended_wall_ms IS NULL' >>"$dir.states"
	if [ -n "${3:-}" ]; then
		act_recovery "$3"
		judge_end
	fi
	case $scenario in
	cycle)
		act_cycle ''
		[ "$code" = 0 ] || violation "$where" "the next cycle: $(tail -1 "$dir/err")"
		[ "$(jq -s '[.[] | select(.method == "POST")] | length' "$dir/record")" = 0 ] ||
			violation "$where" 'a cycle wrote to the Swarm'
		;;
	daemon)
		recover_daemon
		recover
		;;
	*) recover ;;
	esac
	judge_after
	case $scenario in move | revert | daemon) judge_place ;; esac
	world_end
}

# --- where ------------------------------------------------------------------------------------------

# calls SCENARIO: "SYSCALL FIRST LAST" a line: what its own calls are, those of the loader left out.
calls() {
	dir=$fault_work/count
	where="counting $1"
	world_new || return
	"prepare_$1"
	count_calls "$BUILD/forager" --version >"$dir/floor"
	case $1 in
	daemon)
		: >"$dir/floor"
		foragerd_up && daemon_move trace
		most_calls <"$dir/traced"
		;;
	cycle) count_calls "$BUILD/foragerd" -c "$dir/forager.conf" --once ;;
	undo) count_calls "$BUILD/forager" -c "$dir/forager.conf" undo --all --move-back ;;
	recovery) count_calls "$BUILD/forager" -c "$dir/forager.conf" release calm ;;
	*) count_calls "$BUILD/forager" -c "$dir/forager.conf" move web --from "$from" --to "$to" ;;
	esac >"$dir/all"
	awk 'FILENAME ~ /floor$/ { floor[$1] = $2; next } $2 > floor[$1] { print $1, floor[$1] + 1, $2 }' \
		"$dir/floor" "$dir/all"
	world_end
}

# Calls of the thread that makes most of them, a system call a line: that is what strace counts by.
count_calls() {
	strace -f -qqq -o "$dir/trace" -E LD_PRELOAD="$shim" "$@" >/dev/null 2>&1 </dev/null
	most_calls <"$dir/trace"
}
most_calls() {
	sed -nE 's/^([0-9]+) +([a-z0-9_]+)\(.*/\1 \2/p' | sort | uniq -c |
		awk '$1 > n[$3] { n[$3] = $1 } END { for (s in n) print s, n[s] }'
}

# Clock, memory map and such: nothing is on its way at them that is not at their neighbours.
dull='^(clock_gettime|mmap|munmap|mprotect|brk|getsockname|getpeername|getpid|uname|geteuid|sysinfo|rseq|set_.*|arch_prctl|prlimit64|getrandom|exit_group|execve|access|madvise|clone3|exit|rt_.*|lseek|getsockopt|setsockopt|sched_yield|restart_syscall) '

# points SCENARIO: an inject word a line.
points() {
	local name first last
	grep -vE "$dull" "$fault_work/calls.$1" | while read -r name first last; do
		each "$name" "$first" "$last" signal=KILL
		case $name in
		read | pread64 | recvfrom | sendto | connect) each "$name" "$first" "$last" error=EIO ;;
		# Not write: it is libuv's own eventfd, where no kernel fails and libuv aborts, and stderr.
		pwrite64 | fdatasync | ftruncate | fsync)
			each "$name" "$first" "$last" error=EIO
			each "$name" "$first" "$last" error=ENOSPC
			;;
		openat | socket | pipe2 | eventfd2 | epoll_create1 | socketpair | accept4 | dup)
			each "$name" "$first" "$last" error=EMFILE
			;;
		esac
	done
}
each() { seq "$2" "$3" | sed "s/.*/$1:$4:when=&/"; }

# thin N: about N of the lines of stdin, in the order of a seeded shuffle; half of them where
# something is on its way to the disk or to the Swarm.
thin() {
	shuf --random-source=<(yes) >"$fault_work/all"
	grep -E "$weighty" "$fault_work/all" | head -n $(($1 / 2))
	grep -vE "$weighty" "$fault_work/all" | head -n $(($1 - $1 / 2))
}
weighty='^(sendto|fdatasync|pwrite64|ftruncate):'

declare -A most=([cycle]=8 [move]=26 [revert]=14 [undo]=6 [daemon]=8)
[ "$LONG" = 0 ] || most=([cycle]=300 [move]=500 [revert]=500 [undo]=150 [daemon]=500)
scenarios=("$@")
[ ${#scenarios[@]} -gt 0 ] || scenarios=(cycle move revert undo daemon)
calls recovery >"$fault_work/calls.recovery"
# A second fault: where the recovery writes, the disk or the network.
grep -E '^(sendto|fdatasync|pwrite64) ' "$fault_work/calls.recovery" |
	while read -r name first last; do each "$name" "$first" "$last" signal=KILL; done >"$fault_work/second"

: >"$fault_work/todo"
for scenario in "${scenarios[@]}"; do
	calls "$scenario" >"$fault_work/calls.$scenario"
	points "$scenario" | thin "${most[$scenario]}" | sed "s/^/$scenario /" >>"$fault_work/todo"
	# The answer to who asked is written last.
	[ "$scenario" != daemon ] || awk '$1 == "fdatasync" { print "daemon", $1 ":error=EIO:when=" $3 }' \
		"$fault_work/calls.daemon" >>"$fault_work/todo"
	case $scenario in
	move | revert | daemon)
		# Two in a row: the first where the scenario writes, the second anywhere in the recovery.
		points "$scenario" | grep -E '^(sendto|fdatasync):signal=KILL' |
			awk -v n="$(wc -l <"$fault_work/second")" -v seed=7 'BEGIN { srand(seed) }
				{ print $0, int(rand() * n) + 1 }' |
			while read -r first n; do printf '%s %s\n' "$first" "$(sed -n "${n}p" "$fault_work/second")"; done |
			shuf --random-source=<(yes) | head -n "$((most[$scenario] / 5))" | sed "s/^/$scenario /" >>"$fault_work/todo"
		;;
	esac
done

# --- workers ----------------------------------------------------------------------------------------

worker() {
	local n=$1 line words
	trap - EXIT
	dir=$fault_work/w$n
	fault_pids=()
	while read -r line; do
		read -ra words <<<"$line"
		one "${words[@]}"
	done < <(awk -v n="$n" -v all="$WORKERS" 'NR % all == n - 1' "$fault_work/todo")
	echo "$fault_violations" >"$fault_work/bad.$n"
}
for n in $(seq 1 "$WORKERS"); do
	worker "$n" >"$fault_work/said.$n" &
	fault_pids+=($!)
done
wait "${fault_pids[@]}"
fault_pids=()
cat "$fault_work"/said.*
[ "$(cat "$fault_work"/bad.* | wc -l)" = "$WORKERS" ] || violation workers 'one did not come to its end'
for scenario in "${scenarios[@]}"; do
	fault_violations=$(grep -c "^# VIOLATION $scenario," <(cat "$fault_work"/said.*))
	kills=$(grep -c "^$scenario .*signal=KILL[^ ]*$" "$fault_work/todo")
	errors=$(grep -c "^$scenario .*error=" "$fault_work/todo")
	twice=$(grep -cE "^$scenario [^ ]+ [^ ]+$" "$fault_work/todo")
	all=$(points "$scenario" | wc -l)
	injected="$((kills - twice)) kills, $errors of EIO, ENOSPC, EMFILE, $twice kills in the recovery, too (of $all points)"
	case $scenario in
	cycle) reliability "kill -9 and failing system calls in an observing cycle" "$injected" 'I5 nothing is written to the Swarm; the next cycle goes on' ;;
	move) reliability "kill -9 and failing system calls in a move" "$injected" 'I2, I3 finished or taken back, the spec as before, the journal in step' ;;
	revert) reliability "kill -9 and failing system calls in a move that is taken back" "$injected" 'I2, I3 taken back, the spec as before, the journal in step' ;;
	daemon) reliability "kill -9 and failing system calls of foragerd in a move" "$injected" 'I2, I3 foragerd, started anew, finishes it or takes it back, the spec as before, the journal in step' ;;
	undo) reliability "kill -9 and failing system calls in an undo" "$injected" 'I2, I3 the spec as before, the journal in step' ;;
	esac
done
printf '# how the runs with a fault ended: %s\n' "$(cat "$fault_work"/*.codes | sort | uniq -c | tr -s ' \n' ' ')"
# Faults that meet nobody would find nothing.
killed=$(cat "$fault_work"/*.codes | grep -c 137)
[ "$killed" -gt "$(($(grep -c KILL "$fault_work/todo") * 3 / 4))" ] ||
	{ violation kills "only $killed runs were killed" && reliability kills '' ''; }
printf '# states in which it was killed: %s\n' "$(cat "$fault_work"/*.states 2>/dev/null | sort | uniq -c | tr -s ' \n' ' ')"
fault_result
