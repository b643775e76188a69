# shellcheck shell=bash
# The load client of a rig: a container on an overlay network, outside of the nodes' quotas, so that
# it measures the services' slowness and not its own.

# rig_load_start NAME NODE NETWORK ARGS…: starts it on this node; ARGS are those of load.c.
rig_load_start() {
	local name=$1 node=$2 network=$3
	shift 3

	rig_cgroup_make "$RIG_CGROUP/no-quota" -
	rig_cgroup_weigh "$RIG_CGROUP/no-quota" 16
	echo "$node" >"$RIG_DIR/load.$name"
	rig_docker "$node" run -d --name "$name" --network "$network" \
		--cgroup-parent "$RIG_CGROUP/no-quota" forager/load:1 /bin/load "$@" >/dev/null
}

rig_load_lines() {
	rig_docker "$(cat "$RIG_DIR/load.$1")" logs "$1" 2>&1
}

rig_load_count() {
	rig_load_lines "$1" | grep -c "\"kind\":\"$2\"" || true
}

rig_load_has() {
	[ "$(rig_load_count "$1" "$2")" -ge "$3" ]
}

# rig_load_phase NAME: ends the phase, begins the next one, prints the JSON line of the ended one.
rig_load_phase() {
	local n

	n=$(rig_load_count "$1" phase)
	rig_docker "$(cat "$RIG_DIR/load.$1")" kill -s USR1 "$1" >/dev/null
	rig_until 15 rig_load_has "$1" phase $((n + 1)) || rig_die "load client '$1' does not end its phase"
	rig_load_lines "$1" | grep '"kind":"phase"' | tail -n 1
}

# rig_load_stop NAME: ends the run early, prints the JSON line of its total, removes the container.
rig_load_stop() {
	local node

	node=$(cat "$RIG_DIR/load.$1")
	rig_docker "$node" kill -s TERM "$1" >/dev/null
	rig_until 15 rig_load_has "$1" total 1 || rig_die "load client '$1' does not end"
	rig_load_lines "$1" | grep '"kind":"total"'
	rig_docker "$node" rm -f "$1" >/dev/null
}
