#!/bin/bash
# forager's unit under a real systemd: a machine that boots, on a real Swarm. TAP on standard output.
# all.sh makes the tree and calls it in a rig of m1 and w1:
#
#   rig run --nodes m1:manager w1 -- boot.sh TREE README-COMMANDS

set -eu

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=$1
commands=$2 # README's, those that a booted machine is to run
unit=forager.service
# shellcheck source-path=SCRIPTDIR source=../rig/rig.sh
. "$RIG_LIB"
# shellcheck source-path=SCRIPTDIR source=../rig/tap.sh
. "$RIG_HERE/tap.sh"
# shellcheck source-path=SCRIPTDIR source=machine.sh
. "$here/machine.sh"
# shellcheck source-path=SCRIPTDIR source=sandbox.sh
. "$here/sandbox.sh"

# --- what systemd and the journal say -----------------------------------------------------------------

show() {
	machine systemctl show "$unit" --property "$1" --value
}

shows() {
	[ "$(show "$1")" = "$2" ]
}

# From its first reading of the Swarm on, and then what each decision saw.
watching() {
	case $(show StatusText) in
	watching | *' nodes ('*' services, mode '*) ;;
	*) note "status: $(show StatusText)" && false ;;
	esac
}

# Never 0, which kill would take for everybody here.
main_pid() {
	local pid

	pid=$(show MainPID)
	[ "$pid" != 0 ] || rig_die "foragerd does not run: $(machine systemctl status "$unit" --no-pager --lines 20)"
	echo "$pid"
}

# log_from: the journal's cursor now; said_since CURSOR PRIORITY PATTERN: the unit's journal has a
# line of this priority (of several: "[0-6]") since. The unit is not picked by journalctl: it would
# skip the first of the unit's lines when the cursor's own line is another unit's.
log_from() {
	machine journalctl --lines 1 --show-cursor --output cat | sed -n 's/^-- cursor: //p'
}

said_since() {
	machine journalctl --after-cursor "$1" --output json \
		--output-fields PRIORITY,MESSAGE,_SYSTEMD_UNIT,UNIT |
		jq -e -s --arg u "$unit" --arg p "^$2\$" --arg m "$3" \
			'any((._SYSTEMD_UNIT == $u or .UNIT == $u) and (.PRIORITY // "" | tostring | test($p)) and
				(.MESSAGE | tostring | test($m)))' >/dev/null
}

drop_in() {
	machine mkdir -p "/run/systemd/system/$unit.d"
	machine sh -c "cat >/run/systemd/system/$unit.d/$1.conf" || return 1
	machine systemctl daemon-reload
}

drop_out() {
	machine rm -f "/run/systemd/system/$unit.d/$1.conf"
	machine systemctl daemon-reload
}

# config LINE…: the administrator's file beside the one that came with forager.
config() {
	machine mkdir -p /etc/forager/conf.d
	printf '%s\n' "$@" | machine sh -c 'cat >/etc/forager/conf.d/test.conf'
}

good_config() {
	config '[endpoint]' 'template = tcp://{addr}:2375' '[agent]' "mode = ${1:-observe}" 'sample-every = 1s' \
		'decide-every = 3s' '[moves]' 'warm-up = 0' 'node-quiet = 1s' 'node-settle = 1s' "${@:2}"
}

# --- as README says -----------------------------------------------------------------------------------

as_readme_says() {
	run "${in_machine[@]}" sh -ec "$(cat "$commands")"
	[ "$rc" = 0 ] && rig_until 90 shows ActiveState active
}

readme() {
	ok "README's commands install, enable and start it" as_readme_says
	[ "$rc" = 0 ] || tell
	ok 'it is enabled' [ "$(show UnitFileState)" = enabled ]
	ok 'it says in systemctl status that it watches' watching
	ok 'it says in the journal, as a notice, what it watches' \
		said_since "$start" 5 'watches the Swarm: nodes=2 .*leader=yes'
	ok 'it has no capability more than the offline check has seen: exposure at most 1.5' exposure_is_low
}

exposure_is_low() {
	machine systemd-analyze security --no-pager --threshold=15 "$unit" >/dev/null
}

# --- socket and state ----------------------------------------------------------------------------------

modes() {
	machine stat -c '%a %U:%G %n' "$@"
}

state_is_private() {
	[ "$(modes /var/lib/forager /var/lib/forager/forager.db /var/lib/forager/forager.db-wal)" = \
		"$(printf '%s\n' '750 forager:forager /var/lib/forager' \
			'640 forager:forager /var/lib/forager/forager.db' \
			'640 forager:forager /var/lib/forager/forager.db-wal')" ] ||
		{ modes /var/lib/forager /var/lib/forager/* | sed 's/^/# /'; false; }
}

in_no_group() {
	machine setpriv --reuid forager --regid forager --clear-groups "$@"
}

only_docker_group() {
	machine_as forager true && [ "$(modes /run/docker.sock)" = '660 root:docker /run/docker.sock' ] &&
		! in_no_group test -w /run/docker.sock &&
		machine grep -qw "$(machine getent group docker | cut -d: -f3)" "/proc/$(main_pid)/status"
}

reads_as() {
	run "${in_machine[@]}" setpriv --reuid "$1" --regid "$1" --init-groups forager status
	[ "$rc" = "$2" ]
}

state() {
	machine useradd --no-create-home --groups forager member
	machine useradd --no-create-home stranger
	ok 'the state belongs to forager and its group may read it' state_is_private
	ok "the socket is root's and group docker's; foragerd has it by that group alone" only_docker_group
	ok 'a member of group forager reads' reads_as member 0
	ok 'a stranger does not and is told why' reads_as stranger 1
	note "$told"
}

# --- reload ----------------------------------------------------------------------------------------------

database() {
	sqlite3 -readonly "$tree/var/lib/forager/forager.db" "$1"
}

newest_decision() {
	database "SELECT coalesce(max(id), 0), coalesce(act, '') FROM decision"
}

decided_after() {
	local now

	now=$(newest_decision)
	[ "${now%|*}" -gt "${1%|*}" ] && [ "${now#*|}" = "$2" ]
}

# decides_as MODE: the next decision says so. (forager status reads the file, not the process.)
decides_as() {
	rig_until 60 decided_after "$(newest_decision)" "$1" || {
		note "the newest decision: $(newest_decision)"
		return 1
	}
}

reloads() {
	run "${in_machine[@]}" systemctl reload forager
	[ "$rc" = "$1" ]
}

reload() {
	local pid from

	pid=$(main_pid)
	from=$(log_from)
	good_config recommend
	ok 'reload takes a new configuration' reloads 0
	ok 'and says so' rig_until 40 said_since "$from" 5 'was reloaded: mode=recommend'
	ok 'its decisions follow it' decides_as recommend
	config '[agent]' 'mode = auto' 'sample-evry = 1s'
	from=$(log_from)
	ok 'reload of a bad configuration fails' reloads 1
	ok 'the journal names file, line and the nearest key' rig_until 40 \
		said_since "$from" '[0-6]' 'test.conf:3.*sample-evry.*sample-every'
	from=$(log_from)
	machine kill -HUP "$pid"
	ok 'so does a bare SIGHUP, as an error' rig_until 40 \
		said_since "$from" 3 'not reloaded, the old one stays.*test.conf:3.*sample-every'
	ok 'it goes on with the old one' decides_as recommend
	good_config observe '[docker]' 'timeout = 3s'
	from=$(log_from)
	machine systemctl reload forager
	ok 'what only a restart can change is refused' rig_until 40 \
		said_since "$from" 3 'only change with a restart'
	good_config observe
	machine systemctl reload forager
	ok 'and the next good one is taken' decides_as observe
	ok 'by the same process' [ "$(main_pid)" = "$pid" ]
}

# --- watched and killed -----------------------------------------------------------------------------------

restarted() {
	[ "$(main_pid)" != "$1" ] && shows ActiveState active && [ "$(show NRestarts)" -gt "$2" ]
}

count_of() {
	database "SELECT count(*) FROM $1"
}

state_intact() {
	[ "$(count_of decision)" -ge "$1" ] &&
		[ "$(database 'PRAGMA integrity_check')" = ok ]
}

unchanged() {
	swarm_is "$before"
}

# interrupted NAME COMMAND…: what COMMAND does to the process is repaired by systemd.
interrupted() {
	local pid had restarts name=$1
	shift

	pid=$(main_pid)
	restarts=$(show NRestarts)
	had=$(count_of decision)
	"$@" "$pid"
	ok "$name: systemd starts it anew" rig_until 60 restarted "$pid" "$restarts"
	ok "$name: the state is whole and holds what it held" state_intact "$had"
}

watched() {
	local from

	before=$(swarm_state)
	drop_in quick <<-END
		[Service]
		RestartSec=1s
		WatchdogSec=5s
	END
	machine systemctl restart forager
	from=$(log_from)
	interrupted 'hanging' machine kill -STOP
	ok 'the journal says that the watchdog did it' said_since "$from" '[0-6]' 'Watchdog timeout|watchdog'
	interrupted 'killed' machine kill -KILL
	interrupted 'aborted' machine kill -ABRT
	ok 'the Swarm is as it was' unchanged
	from=$(main_pid)
	ok 'it decides again' decides_as observe
	ok 'and the watchdog lets it' [ "$(main_pid)" = "$from" ]
}

# --- stopped while a move is open -----------------------------------------------------------------------------

moves_state() {
	machine forager moves --format json | jq -r -s '.[0].state'
}

move_open() {
	case $(moves_state) in
	steered | verified | reverting | blocked | settled) ;;
	*) false ;;
	esac
}

ended_well() {
	case $(moves_state) in
	done | reverted) ;;
	*) note "the move is '$(moves_state)'" && false ;;
	esac
}

spec_of() {
	rig_api m1 "/services/$1" | jq -cS .Spec
}

begin_move() {
	local from to

	from=$(rig_service_node shop)
	to=$([ "$from" = m1 ] && echo w1 || echo m1)
	# Nodes that changed within node-quiet are refused, and a network's coming changes them.
	rig_until 60 machine sh -c "forager move shop --from $from --to $to --dry-run" || true
	machine forager move shop --from "$from" --to "$to" >"$RIG_DIR/move.log" 2>&1 &
	mover=$!
	rig_until 90 move_open || note "no move has begun: $(cat "$RIG_DIR/move.log")"
}

stopped_in_time() {
	shows ActiveState inactive && shows Result success && ended_well
}

stopping() {
	local from

	spec=$(spec_of shop)
	begin_move
	from=$(log_from)
	machine systemctl stop forager
	wait "$mover" || true
	note "the move that was open when it was stopped: $(moves_state)"
	ok 'stop finishes an open move or takes it back' stopped_in_time
	ok 'the spec is exactly as it was' [ "$(spec_of shop)" = "$spec" ]
	ok 'one task runs' rig_service_runs shop 1
	ok 'the journal has no error of it' not_said "$from" 3 .
	ok 'a member of group forager reads while it is stopped' reads_as member 0
	machine systemctl start forager
	begin_move
	machine kill -KILL "$(main_pid)"
	wait "$mover" || true
	ok 'killed while a move is open: the next start ends it' rig_until 120 ended_well
	rig_wait_update shop
	ok 'and the spec is exactly as it was' rig_until 40 spec_is "$spec"
	rig_wait_service shop 1
}

spec_is() {
	[ "$(spec_of shop)" = "$1" ]
}

not_said() {
	! said_since "$@"
}

# --- what it does not try again, and what it does ------------------------------------------------------------

refused_for_good() {
	shows ActiveState failed && shows ExecMainStatus 2 && shows NRestarts 0 && shows SubState failed
}

# How fast it may come back, by the unit alone: never so fast that systemd gives it up.
paced() {
	machine systemctl show "$unit" --timestamp=unix -p RestartUSec -p StartLimitBurst -p StartLimitIntervalUSec |
		awk -F= '/^RestartUSec/ { r = $2 + 0 } /Burst/ { b = $2 } /Interval/ { i = $2 + 0 } END { exit !(r * b > i) }'
}

bad_config() {
	local from

	config '[agent]' 'mode = automatic'
	from=$(log_from)
	machine systemctl restart forager || true
	ok 'a bad configuration: it fails with 2 and is not tried again' rig_until 60 refused_for_good
	ok 'the journal says what is wrong' said_since "$from" 3 "test.conf:2.*mode.*automatic"
	good_config observe
	machine systemctl reset-failed forager
	machine systemctl start forager
	drop_out quick
	ok 'the unit comes back slowly enough never to be given up' paced
}

waits_for_engine() {
	[ "$(show NRestarts)" -ge 2 ] && shows SubState auto-restart
}

boot_without_engine() {
	local from

	machine systemctl mask --quiet docker.socket docker.service
	from=$(log_from)
	machine_off
	machine_boot "$tree" m1
	# The journal of the earlier boot is there a moment after the new one's.
	ok 'power-off ended it in order' rig_until 60 said_since "$from" 5 'Stopping: signal=15'
	drop_in quick <<-END
		[Unit]
		StartLimitIntervalSec=0
		[Service]
		RestartSec=1s
	END
	ok 'booted without an engine: it waits and tries again' rig_until 40 waits_for_engine
	ok 'and says what is missing' said_since "$from" 3 "no Docker socket at '/var/run/docker.sock': start docker"
	# The socket is there and nobody answers behind it. First that, then unmask: foragerd's next try
	# wants docker.service.
	machine sh -c 'mkdir -p /run/systemd/system/docker.service.d && printf "[Service]\nExecStart=\nExecStart=/bin/false\n" >/run/systemd/system/docker.service.d/dead.conf'
	from=$(log_from)
	machine systemctl unmask --quiet docker.socket docker.service
	machine systemctl daemon-reload
	machine systemctl start docker.socket
	ok 'a socket without an engine behind it: the same' rig_until 40 said_since "$from" 3 'cannot start'
	machine rm -r /run/systemd/system/docker.service.d
	machine systemctl daemon-reload
	machine systemctl reset-failed docker.socket docker.service
	machine systemctl start docker.socket docker.service
	ok 'the engine comes: it watches, without anybody doing anything' rig_until 90 shows ActiveState active
	ok 'and says so' watching
}

# reliability TEST FAULTS INVARIANT: a row of docs/reliability.md, for the tests since the last one.
reliability() {
	echo "RELIABILITY|boot: $1|$2|$3|$((tap_failed - counted))"
	counted=$tap_failed
}

# --- the case ----------------------------------------------------------------------------------------------------

rig_image_load
rig_swarm_init
rig_swarm_join
rig_docker m1 service create -d --no-resolve-image --name shop --stop-grace-period 1s \
	--label forager.mode=auto --update-order start-first --update-monitor 2s --label owner=me \
	--constraint node.role!=nowhere forager/hold:1 /bin/hold --mb 1 >/dev/null
rig_wait_service shop 1
machine_boot "$tree" m1
mkdir -p "$tree/etc/forager/conf.d"
good_config observe
start=$(log_from)
counted=0
RUN_MOST_S=120 # of a busy machine
readme
sandbox
state
reliability "the unit as README installs it, booted under a real systemd" '0' \
	'runs with its whole sandbox in force: 11 properties read from the kernel'
reload
reliability 'SIGHUP, systemctl reload' '3 (two bad configurations, one that needs a restart)' \
	'I5: reported with file, line and nearest key; the old one stays in force'
watched
reliability 'foragerd under its watchdog' '3 (SIGSTOP, SIGKILL, SIGABRT)' \
	'I1, I7: started anew by systemd, database whole, Swarm unchanged'
stopping
reliability 'a move is open' '2 (systemctl stop, SIGKILL)' \
	'I2, I3: finished or taken back, spec exact, one task runs'
bad_config
boot_without_engine
reliability 'starts that cannot succeed' '3 (bad configuration, no socket, no engine behind it)' \
	'exit 2 is not tried again; the rest is, until the engine is there'
machine systemctl disable --quiet --now forager
ok 'disabled, it is not wanted any more' [ "$(show UnitFileState)" = disabled ]
machine_off
tap_end
