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

# rig_until SECONDS COMMAND…: polls in small steps until the command succeeds; 1 when time is over.
rig_until() {
	local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		((${EPOCHREALTIME/[.,]/} < end)) || return 1
		sleep 0.05
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
