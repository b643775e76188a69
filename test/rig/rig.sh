# shellcheck shell=bash
# What a program that runs in the rig sources ($RIG_LIB): paths, errors, waiting; then the nouns.

set -eu

: "${RIG_HERE:=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)}"
export RIG_HERE
export RIG_LIB=$RIG_HERE/rig.sh
# Explicit paths: another client or engine in PATH must not answer for the one under test.
export RIG_DOCKER=${RIG_DOCKER:-/usr/bin/docker}
export RIG_DOCKERD=${RIG_DOCKERD:-/usr/sbin/dockerd}

rig_say() {
	printf 'rig: %s\n' "$*" >&2
}

# Ends the calling shell. Callers give the reason and the thing it happened to.
rig_die() {
	rig_say "$*"
	exit 1
}

# rig_until SECONDS COMMAND…: polls until the command succeeds; 1 when time is over. Asks often at
# first and five times a second later, so that waiting does not load the machine.
rig_until() {
	local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000)) step_ms=25
	shift
	until "$@" >/dev/null 2>&1; do
		((${EPOCHREALTIME/[.,]/} < end)) || return 1
		sleep "$(printf '0.%03d' "$step_ms")"
		step_ms=$((step_ms < 200 ? step_ms + 25 : 200))
	done
}

# shellcheck source=cgroup.sh
. "$RIG_HERE/cgroup.sh"
# shellcheck source=node.sh
. "$RIG_HERE/node.sh"
# shellcheck source=image.sh
. "$RIG_HERE/image.sh"
# shellcheck source=swarm.sh
. "$RIG_HERE/swarm.sh"
# shellcheck source=load.sh
. "$RIG_HERE/load.sh"
