# shellcheck shell=bash
# Whether the sandbox that the unit asks for is in force, as the kernel tells it: a systemd that
# cannot set something up leaves it out without failing. Sourced by boot.sh.

sandboxed= # foragerd, as the rig counts

# status_is FIELD VALUE: of foragerd's /proc/PID/status.
status_is() {
	[ "$(machine sed -n "s/^$1:[[:space:]]*//p" "/proc/$(main_pid)/status")" = "$2" ]
}

no_capability() {
	local set

	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		status_is "$set" 0000000000000000 || return 1
	done
}

# inside COMMAND…: in foragerd's mount namespace, as root, so that only the mounts can refuse.
inside() {
	nsenter --target "$sandboxed" --mount "$@"
}

# mount_of PATH: the topmost mount that PATH is on, with its options.
mount_of() {
	findmnt --task "$sandboxed" --noheadings --raw --output TARGET,VFS-OPTIONS,FS-OPTIONS --target "$1" | tail -n 1
}

read_only() {
	local path

	for path in "$@"; do
		case ",$(mount_of "$path" | cut -d' ' -f2)," in
		*,ro,*) ;;
		*) note "$path: $(mount_of "$path")" && return 1 ;;
		esac
	done
}

writable_is_only_state() {
	local path

	for path in /etc /usr /var /var/lib /root /srv; do
		! inside sh -c "echo x >$path/forager-test" 2>/dev/null || return 1
	done
	inside test -w /var/lib/forager
}

empty_dir() {
	[ -z "$(inside ls -A "$1")" ]
}

own_tmp() {
	machine sh -c 'echo x >/tmp/of-the-machine'
	! inside test -e /tmp/of-the-machine
}

# Devices: only the harmless ones.
own_devices() {
	! inside test -e /dev/console && inside test -c /dev/null
}

# /proc shows it its own processes only, and nothing but processes: no setting of the kernel's.
narrow_proc() {
	local line

	! inside test -e /proc/sys || return 1
	line=$(mount_of /proc)
	case $line in *subset=pid*) ;; *) note "$line" && return 1 ;; esac
	case $line in *hidepid=2* | *hidepid=invisible*) ;; *) note "$line" && return 1 ;; esac
}

# A user namespace of its own, in which nobody but forager and nobody is known.
own_users() {
	[ "$(readlink "/proc/$sandboxed/ns/user")" != "$(machine_user_ns)" ]
}

user_is_forager() {
	local id

	id=$(machine id -u forager)
	status_is Uid "$(printf '%s\t%s\t%s\t%s' "$id" "$id" "$id" "$id")"
}

sandbox() {
	sandboxed=$(machine_pid_of "$(main_pid)")
	ok 'sandbox: foragerd runs as forager' user_is_forager
	ok 'sandbox: it has no capability and can get none' no_capability
	ok 'sandbox: no new privileges' status_is NoNewPrivs 1
	ok 'sandbox: system calls are filtered' status_is Seccomp 2
	ok 'sandbox: its users are its own' own_users
	ok 'sandbox: only the state can be written' writable_is_only_state
	ok 'sandbox: the system, settings of devices and cgroups are read-only' read_only / /etc /usr /sys /sys/fs/cgroup
	ok 'sandbox: homes are empty' empty_dir /home
	ok 'sandbox: /tmp is its own' own_tmp
	ok 'sandbox: /dev is its own' own_devices
	ok 'sandbox: /proc shows its own processes only' narrow_proc
}
