# shellcheck shell=bash
# The Swarm of a rig: forming it, and waiting for what its tasks do.

# rig_docker NODE ARGS…: the client, against this node's engine.
rig_docker() {
	local name=$1
	shift
	DOCKER_CONFIG=$RIG_DIR/client.dir "$RIG_DOCKER" -H "unix://$(rig_sock "$name")" "$@"
}

# rig_api NODE PATH [CURL ARGS…]: a raw request, for what the client does not show.
rig_api() {
	local name=$1 path=$2
	shift 2
	curl -sSf --max-time 30 --unix-socket "$(rig_sock "$name")" -g "http://docker$path" "$@"
}

# rig_swarm_init: on the first manager.
rig_swarm_init() {
	local name addr

	name=$(rig_manager)
	addr=$(rig_addr "$name")
	# Overlay networks outside the nodes' own range.
	rig_docker "$name" swarm init --advertise-addr "$addr" --listen-addr "$addr:2377" \
		--default-addr-pool 10.78.0.0/16 >/dev/null
}

rig_node_ready() {
	[ "$(rig_docker "$(rig_manager)" node inspect -f '{{.Status.State}}' "$1")" = ready ]
}

rig_node_versions() {
	rig_api "$(rig_manager)" /nodes | jq -c 'map([.ID, .Version.Index]) | sort'
}

# rig_calm NODE…: until they are ready and no node has changed for two seconds: an overlay network that
# comes or goes changes its node some time later, and forager's check would rightly refuse.
rig_calm() {
	local node seen now quiet=0

	for node in "$@"; do
		rig_until 60 rig_node_ready "$node" || rig_die "node '$node' does not come back"
	done
	seen=$(rig_node_versions)
	while [ "$quiet" -lt 8 ]; do
		sleep 0.25
		now=$(rig_node_versions)
		[ "$now" = "$seen" ] && quiet=$((quiet + 1)) || quiet=0
		seen=$now
	done
}

# rig_swarm_join [NODE…]: these nodes, or all but the first manager; returns when all are ready.
rig_swarm_join() {
	local manager name addr pids=() pid
	local -A token

	manager=$(rig_manager)
	if [ $# -eq 0 ]; then
		# shellcheck disable=SC2046
		set -- $(rig_nodes | grep -vx "$manager")
	fi
	for name in manager worker; do
		token[$name]=$(rig_docker "$manager" swarm join-token -q "$name")
	done
	for name; do
		addr=$(rig_addr "$name")
		rig_docker "$name" swarm join --token "${token[$(rig_node_get "$name" role)]}" \
			--advertise-addr "$addr" --listen-addr "$addr:2377" \
			"$(rig_addr "$manager"):2377" >/dev/null &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || rig_die "a node did not join"
	done
	for name; do
		if ! rig_until 30 rig_node_ready "$name"; then
			rig_node_log_tail "$name"
			rig_die "node '$name' joined and is not ready"
		fi
	done
}

# The service's tasks that Swarm wants running, as JSON.
rig_tasks() {
	rig_api "$(rig_manager)" "/tasks?filters={\"service\":{\"$1\":true},\"desired-state\":{\"running\":true}}"
}

rig_service_runs() {
	rig_tasks "$1" | jq -e --argjson n "$2" \
		'[.[].Status.State] | length == $n and all(. == "running")' >/dev/null
}

# rig_wait_service SERVICE N [SECONDS]: until exactly N tasks are wanted and all of them run.
rig_wait_service() {
	if ! rig_until "${3:-60}" rig_service_runs "$1" "$2"; then
		rig_docker "$(rig_manager)" service ps --no-trunc "$1" >&2 || true
		rig_die "service '$1' has not got $2 running tasks after ${3:-60} s"
	fi
}

rig_service_settled() {
	rig_api "$(rig_manager)" "/services/$1" | jq -e '(.UpdateStatus.State // "completed") == "completed"' >/dev/null
}

# rig_wait_update SERVICE [SECONDS]: until Swarm has ended the service's rolling update.
rig_wait_update() {
	rig_until "${2:-60}" rig_service_settled "$1" ||
		rig_die "service '$1' is still updating after ${2:-60} s: $(rig_api "$(rig_manager)" "/services/$1" | jq -c .UpdateStatus)"
}

# rig_service_node SERVICE: the host names of the nodes where its tasks run, one a line for each task.
rig_service_node() {
	local id

	for id in $(rig_tasks "$1" | jq -r '.[] | select(.Status.State == "running") | .NodeID'); do
		rig_docker "$(rig_manager)" node inspect -f '{{.Description.Hostname}}' "$id"
	done | sort
}

rig_service_is_on() {
	local name=$1
	shift
	rig_service_runs "$name" $# && [ "$(rig_service_node "$name")" = "$(printf '%s\n' "$@" | sort)" ]
}

# rig_wait_place SERVICE NODE…: until its tasks run on exactly these nodes (a node twice for two
# tasks) and Swarm has ended the update. The state of an update alone would not do: right after a
# POST it is still that of the update before.
rig_wait_place() {
	if ! rig_until 60 rig_service_is_on "$@"; then
		rig_docker "$(rig_manager)" service ps --no-trunc "$1" >&2 || true
		rig_die "service '$1' does not run on '${*:2}' after 60 s"
	fi
	rig_wait_update "$1"
}

# rig_node_id NODE: its ID in the Swarm.
rig_node_id() {
	rig_docker "$1" info -f '{{.Swarm.NodeID}}'
}
