#!/bin/bash
# kill -9 of forager and foragerd at every state of agent/mover_table.h, on a real Swarm: the next run
# finishes the change or takes it back, exactly; nothing of forager's is left, no task was lost.
# TAP on standard output.
#
#   BUILD=DIR [LONG=1] kills.sh [CASE…]   DIR holds forager and foragerd; CASE: names from the table
#                                         below; default: six of them, all with LONG=1
#
# Needs what test/rig/rig needs, sqlite3 and strace.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ "${1:-}" != _inside ]; then
	if ! [ -x "${BUILD:-}/forager" ] || ! [ -x "$BUILD/foragerd" ]; then
		sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
		exit 2
	fi
	BUILD=$(realpath "$BUILD")
	export BUILD LONG=${LONG:-0}
	exec "$here/rig" run --nodes m1:manager w1 w2 -- "${BASH_SOURCE[0]}" _inside "$@"
fi
shift

# shellcheck source-path=SCRIPTDIR source=rig.sh
. "$RIG_LIB"
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"
# shellcheck source-path=SCRIPTDIR source=mover.sh
. "$here/mover.sh"

# Name: what is going on, then the number of the case. Point: see relay.c; "cN" is the Nth commit of
# the journal (its fdatasync, by strace; the first one comes after two that begin the log). State: of the mover at that point; "+" after the name of
# one that posts: the engine has done it, the answer is lost. Ends: as what the change may end.
# Journal: whether it is there afterwards, or another manager's disk. Names with a star: short form.
#
# name      point     state        journal ends
table='
move-1      0.1       CHECK        kept    none
move-2      c1        PLAN         kept    none
move-3      0/configs CONFIRM      kept    reverted,refused
move-4      c2        ARM          kept    reverted,refused
move-5*     1-        STEER        kept    reverted,refused
move-6*     1+        STEER+       kept    done
move-7      1.2       VERIFY       kept    done
move-8      c3        LANDED       kept    done
move-9      2-        SETTLE       kept    done
move-10     2+        SETTLE+      kept    done
move-11     c4        SETTLED      kept    done
move-12     3-        CLEAN        kept    done
move-13     3+        CLEAN+       kept    done
move-14     3.2       PROVE        kept    done
move-15     c5        END_DONE     kept    done
lost-1      1+        STEER+       lost    done
lost-2      2-        SETTLE       lost    done
lost-3*     2+        SETTLE+      lost    any
lost-4      3-        CLEAN        lost    any
calm-1      -         CALM         kept    done
revert-1    c3        TAKE_BACK    kept    reverted
revert-2*   2-        BLOCK        kept    reverted
revert-3    2+        BLOCK+       kept    reverted
revert-4    c4        BLOCKED      kept    reverted
revert-5    2.3       UNWIND       kept    reverted
revert-6    3-        RESTORE      kept    reverted
revert-7*   3+        RESTORE+     kept    reverted
revert-14   3.2       RESTORED     kept    reverted
revert-8    4-        UNLABEL      kept    reverted
revert-9    4+        UNLABEL+     kept    reverted
revert-10   4.2       PROVE_BACK   kept    reverted
revert-11   c5        END_REVERTED kept    reverted
revert-12   2-        BLOCK        lost    reverted
revert-13   3-        RESTORE      lost    reverted
undo-1      c1        PLAN_MERGE   kept    reverted
undo-2      0/configs LEAD         kept    reverted
undo-8      c2        ARM_MERGE    kept    done
undo-3*     1-        MERGE        kept    done
undo-4      1+        MERGE+       kept    done
undo-5      c3        MERGED       kept    done
undo-6      2-        PUSH         kept    done
undo-7      2+        PUSH+        kept    done
yield-1     0.3       YIELD_WAIT   kept    foreign
yield-2     1-        YIELD        kept    foreign
yield-3     1+        YIELD+       kept    foreign
yield-4     2-        YIELD_CLEAN  kept    foreign
yield-5     2+        YIELD_CLEAN+ kept    foreign
yield-6     1.2       YIELD_CALM   kept    foreign
over-1      0/%22service RECOVER      kept    done
over-2      1-        SETTLE       kept    done
over-3      1+        SETTLE+      kept    done
over-4      1-        SETTLE       lost    done
over-5      2+        CLEAN+       lost    any
daemon-1    1-        STEER        kept    reverted,refused
daemon-2    1+        STEER+       kept    done
daemon-3    2+        SETTLE+      kept    done
daemon-4    3-        CLEAN        kept    done
daemon-5    1+        STEER+       lost    done
'
# States without a case, and why.
without='
END_NOTHING  nothing was sent: as CHECK
END_REFUSED  nothing was sent: as CHECK
END_FOREIGN  the commit after YIELD_CLEAN+
END_GAVE_UP  needs an engine that refuses: the scripted engine
GIVE_BACK    a revert by another door into BLOCKED; BLOCKED has a case
LEFT_OPEN    the Swarm does not answer: nodes.sh
OVER         nothing is written any more
'

# --- the parts of a case ----------------------------------------------------------------------------

# doomed COMMAND…: runs forager until it is killed at the case's point.
doomed() {
	local status=0

	case $point in
	c*)
		ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 strace -f -qq -o /dev/null -e trace=fdatasync \
			-e "inject=fdatasync:signal=KILL:when=$((${point#c} + 2))" "$@" >"$tap_dir/doomed" 2>&1 || status=$?
		;;
	*)
		at "$point" 'kill -KILL "$RELAY_CLIENT"; exit 76'
		"$@" >"$tap_dir/doomed" 2>&1 || status=$?
		;;
	esac
	[ "$status" = 137 ] && in_state
}

# What the table says that the journal holds in the case's state; nothing before the first commit.
in_state() {
	local want

	want=$(sed -n "s/^\tX(${at_state%+}, [A-Z_]*, \([A-Z_]*\),.*/\1/p" "$here/../../agent/mover_table.h" |
		tr 'A-Z_' 'a-z-')
	[ "$want" = keep ] || [ "$at_state" = CHECK ] || [ "$(journal_last "$moved")" = "$want" ] && return
	note "in $at_state the journal should say '$want' and says '$(journal_last "$moved")'"
	return 1
}

remember() {
	local s

	moved=$1

	for s in "$@"; do
		before[$s]=$(spec_of "$s")
		task[$s]=$(task_of "$s")
	done
}

# At most so many seconds: until the run that takes it up has ended.
take_up() {
	[ "$journal" = kept ] || rm -f "$state"/forager.db*
	# Of a service with nothing of forager's: what was left open comes first.
	ask release bystander
}

# One task runs: one on the target or, unless the move is done, the old one.
placed() {
	if rig_service_is_on "$1" w1; then
		[ "$(task_of "$1")" = "${task[$1]}" ] && [ "$2" != 'done' ]
	else
		rig_service_is_on "$1" w2
	fi
}

# Ended as the case allows: with the spec as it was, the old task alive or the new one on the target.
exact() {
	local s=$1 how

	nothing_left "$s" && [ "$(spec_of "$s")" = "${2:-${before[$s]}}" ] && [ "$(journal_open)" = 0 ] || return 1
	how=$(journal_last "$s")
	case ,$ends, in
	*,any,*) ;;
	*,none,*) [ -z "$how" ] || [ "$how" = reverted ] || [ "$how" = refused ] || return 1 ;;
	*,"$how",*) ;;
	*) return 1 ;;
	esac
	# Swarm may be at it still, with both tasks there for a moment: a foreign end waits for nothing.
	rig_until 20 placed "$s" "$how"
}

# judged SERVICE [SPEC]
judged() {
	if exact "$@" && bystander_untouched; then
		return 0
	fi
	violations=$((violations + 1))
	note "ended as '$(journal_last "$1")', open $(journal_open), on $(node_of "$1"), was ${task[$1]}"
	diff <(jq . <<<"${2:-${before[$1]}}") <(spec_of "$1" | jq .) | sed 's/^/# /'
	tell
	note "$(tail -n 3 "$tap_dir/doomed")"
	show_service "$1"
	return 1
}

# --- the cases --------------------------------------------------------------------------------------

begin() {
	journal_reset
	rig_calm w1 w2
}

journal_reset() {
	rm -f "$state"/forager.db*
	"$forager" -c "$conf" pause >/dev/null
	"$forager" -c "$conf" resume >/dev/null
}

case_move() {
	configure 60
	begin
	remember shop
	ok "$title: it was killed" doomed "$forager" -c "$conf" move shop --from w1 --to w2
	take_up
	ok "$title: $ends" judged shop
	back_to_w1 shop
}

case_lost() {
	case_move
}

# Swarm watches the new task for as long as the owner's monitor says: until then CALM waits.
case_calm() {
	configure 60
	begin
	remember shop
	"$forager" -c "$conf" move shop --from w1 --to w2 >"$tap_dir/doomed" 2>&1 &
	victim=$!
	ok "$title: it waits for Swarm's update to end" rig_until 60 journal_says verified
	kill -KILL "$victim"
	wait "$victim" || true
	take_up
	ok "$title: $ends" judged shop
	back_to_w1 shop
}

journal_says() {
	[ "$(journal_last shop)" = "$1" ]
}

case_revert() {
	configure 30
	begin
	remember crash
	ok "$title: it was killed" doomed "$forager" -c "$conf" move crash --from w1 --to w2
	take_up
	ok "$title: $ends" judged crash
}

# A term like ours that its owner has put there since: undo takes it away, moves nothing.
case_undo() {
	local id was

	configure 60
	begin
	was=$(spec_of shop)
	move shop w1 w2
	[ "$rc" = 0 ] || tell
	id=$(jq -r '.items[0].id' <<<"$said")
	rig_docker m1 service update -d --no-resolve-image --constraint-add "node.id==$(rig_node_id w2)" shop >/dev/null
	rig_wait_update shop
	remember shop
	ok "$title: it was killed" doomed "$forager" -c "$conf" undo "$id"
	take_up
	[ "$ends" = 'done' ] || {
		ok "$title: $ends, nothing was sent" journal_says "$ends"
		ask undo "$id"
		ends='done'
	}
	ok "$title: $ends" judged shop "$was"
	back_to_w1 shop
}

# Its owner changes it while it is steered; forager is killed while it makes way.
case_yield() {
	configure 60
	begin
	remember shop
	# The next hook by a file of its own: a shell reads on in the one that it runs.
	echo 'kill -KILL "$RELAY_CLIENT"; exit 76' >"$relay_hook.next"
	echo "$point" >"$relay_flag.next"
	at 1.1 "rig_docker m1 service update -d --no-resolve-image --label-add note=$title shop >/dev/null
		mv $relay_hook.next $relay_hook; mv $relay_flag.next $relay_flag"
	"$forager" -c "$conf" move shop --from w1 --to w2 >"$tap_dir/doomed" 2>&1 || status=$?
	ok "$title: it was killed" test "${status:-0}" = 137
	take_up
	ok "$title: $ends" judged shop "$(jq -cS --arg note "$title" '.Labels.note = $note' <<<"${before[shop]}")"
	back_to_w1 shop
}

# Killed while steering; killed again by the next run's work on it; the third one ends it.
case_over() {
	configure 60
	begin
	remember shop
	at 1+ 'kill -KILL "$RELAY_CLIENT"; exit 76'
	"$forager" -c "$conf" move shop --from w1 --to w2 >"$tap_dir/doomed" 2>&1 || true
	[ "$journal" = kept ] || rm -f "$state"/forager.db*
	ok "$title: it was killed again" doomed "$forager" -c "$conf" release bystander
	take_up
	ok "$title: $ends" judged shop
	back_to_w1 shop
}

# The same by foragerd, on a request of the command; the next foragerd takes it up by itself. In mode
# auto (the warm-up keeps it from moves of its own): one that observes leaves alone what only a label
# tells of.
case_daemon() {
	mode=auto configure 60
	begin
	remember shop
	daemon_start
	at "$point" 'kill -KILL "$RELAY_CLIENT"; exit 76'
	"$forager" -c "$conf" move shop --from w1 --to w2 >"$tap_dir/doomed" 2>&1 || true
	ok "$title: it was killed" test ! -e "/proc/$daemon/fd"
	wait "$daemon" || true
	[ "$journal" = kept ] || rm -f "$state"/forager.db*
	daemon_start
	rig_until 60 daemon_took_up || true
	ok "$title: foragerd ends with 0" daemon_stop
	ok "$title: $ends" judged shop
	back_to_w1 shop
}

daemon_took_up() {
	[ "$(journal_open)" = 0 ] && nothing_left shop
}

# --- the play ---------------------------------------------------------------------------------------

states_of_table() {
	sed -n '/^#define MOVER_STATES/,/^$/p' "$here/../../agent/mover_table.h" | sed -n 's/^\tX(\([A-Z_]*\),.*/\1/p'
}

every_state_has_a_case() {
	local s missing=0

	for s in $(states_of_table); do
		grep -qE "^$s " <<<"$without" || grep -qE " $s\+? " <<<"$table" || {
			note "no case kills in state $s"
			missing=1
		}
	done
	return "$missing"
}

declare -A before task
violations=0
kills=0
daemon=0
rig_image_load
rig_swarm_init
rig_swarm_join
bystander
service shop forager/hold:1
rig_docker m1 network create -d overlay --attachable front >/dev/null
service crash --network front --endpoint-mode dnsrr --env 'NODE={{.Node.Hostname}}' \
	--health-cmd 'wget -q -O /dev/null http://127.0.0.1/health' --health-interval 1s forager/web:1 /bin/web --crash-on w2
free_it shop
free_it crash
relay_start
ok 'every state of the mover has a case' every_state_has_a_case
while read -r title point at_state journal ends; do
	[ -n "$title" ] || continue
	case " $* " in
	'  ')
		[ "$LONG" = 1 ] || [[ $title == *\* ]] || continue
		;;
	*" ${title%\*} "*) ;;
	*) continue ;;
	esac
	title=${title%\*}
	kills=$((kills + 1))
	note "$title: kill -9 in $at_state, journal $journal"
	"case_${title%-*}" </dev/null
done <<<"$table"
reliability 'kill -9 of forager and foragerd on real engines' "$kills kills in move, revert, undo, yield, take-over" \
	'the next run finishes it or takes it back, exactly; the old task or the new one runs' "$violations"
tap_end
