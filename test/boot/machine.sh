# shellcheck shell=bash
# A machine that boots: systemd-nspawn on a tree, in the network of a node of the rig, with that
# node's engine behind /run/docker.sock. Sourced by boot.sh, inside the rig; when the rig ends, so
# does the machine.

machine_pid=  # of its PID 1, as the rig counts
in_machine=() # in front of a command: as root in it

# machine_cgroup: a folder of the rig's own in systemd's hierarchy, so that the rig's sweep finds all
# that the machine makes below it.
machine_cgroup() {
	local root=/sys/fs/cgroup

	[ ! -d "$root/systemd" ] || root=$root/systemd
	mkdir -p "$root$RIG_CGROUP/machine"
	echo "$BASHPID" >"$root$RIG_CGROUP/machine/cgroup.procs"
}

# machine_boot TREE NODE: returns when systemd says that it runs, or why it does not.
machine_boot() {
	local nspawn

	(
		machine_cgroup
		exec systemd-nspawn --quiet --boot --directory="$1" --register=no --keep-unit \
			--machine=manager --network-namespace-path="/run/netns/$2" --bind="$RIG_DIR/$2:/srv/engine" \
			</dev/null >>"$RIG_DIR/console.log" 2>&1
	) &
	nspawn=$!
	# Before it is systemd, it is a short-lived child of nspawn's.
	rig_until 60 pgrep -P "$nspawn" -x systemd || {
		cat "$RIG_DIR/console.log" >&2
		rig_die 'the machine does not start'
	}
	machine_nspawn=$nspawn
	machine_pid=$(pgrep -P "$nspawn" -x systemd)
	in_machine=(nsenter --target "$machine_pid" --mount --uts --ipc --pid --net --cgroup
		env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TERM=dumb)
	rig_until 120 machine_booted || {
		machine systemctl --no-pager list-jobs >&2 || true
		tail -n 40 "$RIG_DIR/console.log" >&2
		rig_die 'the machine does not come up'
	}
}

# Failed units (the bad ones that a test made) do not matter: it has booted when no job is left.
machine_booted() {
	case $(machine systemctl is-system-running 2>/dev/null) in
	running | degraded) ;;
	*) false ;;
	esac
}

# machine COMMAND…: as root in it.
machine() {
	"${in_machine[@]}" "$@"
}

# machine_as USER COMMAND…: as that user, with the groups that the machine's database gives it.
machine_as() {
	local user=$1
	shift
	machine setpriv --reuid "$user" --regid "$user" --init-groups "$@"
}

# machine_off: an orderly power-off.
machine_off() {
	machine systemctl poweroff --no-block
	rig_until 60 test ! -e "/proc/$machine_pid" || rig_die 'the machine does not power off'
	wait "$machine_nspawn" 2>/dev/null || true
}

# The rig's number of a process that the machine calls $1.
machine_pid_of() {
	local status

	for status in /proc/[0-9]*/status; do
		awk -v p="$1" '/^NSpid:/ { exit !($NF == p && NF > 2) }' "$status" 2>/dev/null || continue
		[ "$(readlink "${status%/status}/ns/pid")" = "$(readlink "/proc/$machine_pid/ns/pid")" ] || continue
		basename "${status%/status}"
		return
	done
	return 1
}

machine_user_ns() {
	readlink "/proc/$machine_pid/ns/user"
}
