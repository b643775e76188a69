# shellcheck shell=bash
# The nodes of a rig: a network namespace with an address on the rig's bridge, and an engine in its
# own mount, host name and process namespaces, so that a node dies as one. What is known of a node
# stands in files in $RIG_DIR/NAME, so that every process in the rig sees the same.

RIG_NET=10.77.0

rig_nodes() {
	cat "$RIG_DIR/node.list" 2>/dev/null || true
}

rig_node_get() {
	[ -e "$RIG_DIR/$1/$2" ] || rig_die "there is no node '$1'"
	cat "$RIG_DIR/$1/$2"
}

rig_addr() {
	rig_node_get "$1" addr
}

rig_sock() {
	[ -d "$RIG_DIR/$1" ] || rig_die "there is no node '$1'"
	printf '%s\n' "$RIG_DIR/$1/docker.sock"
}

# The first manager.
rig_manager() {
	local name

	for name in $(rig_nodes); do
		if [ "$(rig_node_get "$name" role)" = manager ]; then
			printf '%s\n' "$name"
			return
		fi
	done
	rig_die "no node of this rig is a manager"
}

# rig_env: sets and exports RIG_NODES, RIG_SOCK_*, RIG_ADDR_* in the calling shell.
rig_env() {
	local name

	RIG_NODES=$(rig_nodes | tr '\n' ' ')
	export RIG_NODES=${RIG_NODES% }
	for name in $RIG_NODES; do
		export "RIG_SOCK_$name=$RIG_DIR/$name/docker.sock" "RIG_ADDR_$name=$(rig_addr "$name")"
	done
}

rig_node_log_tail() {
	rig_say "the end of the engine's log, node '$1' ($RIG_DIR/$1/log):"
	tail -n 25 "$RIG_DIR/$1/log" >&2 || true
}

# The processors that this rig may use, one a line.
rig_cpus() {
	taskset -pc $$ | sed 's/.*: //' | tr ',' '\n' | while IFS=- read -r first last; do
		seq "$first" "${last:-$first}"
	done
}

# rig_cpus_pick COUNT SKIP: COUNT of them as a list, beginning elsewhere for each SKIP.
rig_cpus_pick() {
	local all from

	mapfile -t all < <(rig_cpus)
	if ! [ "$1" -ge 1 ] 2>/dev/null || [ "$1" -gt ${#all[@]} ]; then
		rig_die "a node with '$1' CPUs: this machine has ${#all[@]}"
	fi
	from=$(($2 % ${#all[@]}))
	all+=("${all[@]}")
	(IFS=, && printf '%s\n' "${all[*]:from:$1}")
}

rig_node_net_up() {
	local name=$1 addr

	addr=$(rig_addr "$name")
	ip netns add "$name"
	# The hardware address follows from the address, so that a node that boots again is the same
	# to its neighbours.
	ip link add "v-$name" type veth peer name eth0 netns "$name" \
		address "$(printf '02:77:00:00:00:%02x' "${addr##*.}")"
	ip link set "v-$name" master rig0 up
	ip -n "$name" addr add "$addr/24" dev eth0
	ip -n "$name" link set lo up
	ip -n "$name" link set eth0 up
	# No default route: an engine that looks for a registry must fail at once, not after 20 s.
}

rig_node_net_down() {
	ip link del "v-$1" 2>/dev/null || true
	ip netns del "$1" 2>/dev/null || true
}

# rig_node_define NAME [ROLE [QUOTA [CPUS]]]: the files of a node; "-" or nothing for the default.
rig_node_define() {
	local name=$1 role=${2:--} quota=${3:--} cpus=${4:--} n

	[[ $name =~ ^[a-z][a-z0-9]{0,9}$ ]] || rig_die "node name '$name': a letter and up to nine letters or digits"
	[ ! -e "$RIG_DIR/$name" ] || rig_die "there is a node '$name' already"
	[ "$role" != - ] || role=worker
	case $role in
	manager | worker) ;;
	*) rig_die "node '$name': role '$role' is neither manager nor worker" ;;
	esac
	n=$(rig_nodes | wc -l)
	[ "$cpus" != - ] || cpus=$(rig_cpus | wc -l)
	cpus=$(rig_cpus_pick "$cpus" "$n")
	rig_cgroup_make "$RIG_CGROUP/$name" "$quota"
	mkdir "$RIG_DIR/$name"
	echo "$role" >"$RIG_DIR/$name/role"
	echo "$cpus" >"$RIG_DIR/$name/cpus"
	echo "$RIG_NET.$((11 + n))" >"$RIG_DIR/$name/addr"
	echo "$name" >>"$RIG_DIR/node.list"
	rig_node_net_up "$name"
}

# rig_node_launch NAME: starts the engine, does not wait for it.
rig_node_launch() {
	local name=$1

	rm -f "$RIG_DIR/$name/docker.sock"
	# A clean environment: an engine takes proxies and more from it. A session of its own: Ctrl-C
	# is for the command, not for the engines.
	setsid env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		RIG_DIR="$RIG_DIR" RIG_CGROUP="$RIG_CGROUP" RIG_DOCKERD="$RIG_DOCKERD" \
		RIG_STORAGE="$RIG_STORAGE" \
		nsenter --net="/run/netns/$name" \
		unshare --mount --uts --pid --fork --kill-child --mount-proc \
		"$RIG_HERE/engine" "$name" </dev/null >>"$RIG_DIR/$name/log" 2>&1 &
	echo $! >"$RIG_DIR/$name/pid"
}

rig_ping() {
	curl -sf --max-time 2 --unix-socket "$RIG_DIR/$1/docker.sock" http://docker/_ping
}

# The process in the rig's process namespace that is PID 1 of the node; nothing when it is down.
rig_node_init() {
	pgrep -P "$(rig_node_get "$1" pid)" || true
}

rig_node_engine() {
	pgrep -P "$(rig_node_init "$1")" -x dockerd
}

rig_node_up_or_dead() {
	rig_ping "$1" || [ -z "$(rig_node_init "$1")" ]
}

rig_node_wait() {
	local name=$1 engine containerd

	# The node's PID 1 appears a moment after its parent.
	rig_until 5 pgrep -P "$(rig_node_get "$name" pid)" || true
	if ! rig_until 60 rig_node_up_or_dead "$name" || ! rig_ping "$name" >/dev/null; then
		rig_node_log_tail "$name"
		rig_die "the engine of node '$name' did not start"
	fi
	# An engine counts the CPUs that it may run on itself. Its containers descend from containerd
	# and may run on all: what they get is the quota's business.
	engine=$(rig_node_engine "$name")
	containerd=$(pgrep -P "$engine" -x containerd)
	taskset -apc "$(rig_cpus | paste -sd,)" "$containerd" >/dev/null
}

# rig_node_add NAME [ROLE [QUOTA [CPUS]]]: a node more, ready, with images, not yet in the Swarm.
rig_node_add() {
	rig_node_define "$@"
	rig_node_launch "$1"
	rig_node_wait "$1"
	rig_env
	if [ -e "$RIG_DIR/image.tar" ]; then
		rig_image_load "$1"
	fi
}

# The engine hangs; its containers go on.
rig_node_stop() {
	kill -STOP "$(rig_node_engine "$1")"
}

rig_node_cont() {
	kill -CONT "$(rig_node_engine "$1")"
}

# The node loses power: engine, shims and containers end at once, the network with them.
rig_node_kill() {
	local init

	init=$(rig_node_init "$1")
	[ -n "$init" ] || rig_die "node '$1' is down already"
	kill -KILL "$init"
	rig_until 10 test ! -e "/proc/$init" || rig_die "node '$1' does not end"
	rig_node_net_down "$1"
}

# A killed node boots again, with its data.
rig_node_start() {
	[ -z "$(rig_node_init "$1")" ] || rig_die "node '$1' is up already"
	rig_node_net_up "$1"
	rig_node_launch "$1"
	rig_node_wait "$1"
}

rig_link_down() {
	ip link set "v-$1" down
}

rig_link_up() {
	ip link set "v-$1" up
}
