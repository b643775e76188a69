# shellcheck shell=bash disable=SC2154,SC2034 # $rc and the like are tap.sh's, the rest the suites'
# What the suites share that have forager change a Swarm in the rig: its configuration, the relay that
# stops it at a point, services to move, and what must be true when a change is over. Sourced after
# $RIG_LIB and tap.sh; nodes are m1, w1 and w2; $forager and $foragerd are the programs.

relay_sock=$RIG_DIR/relay.sock
relay_flag=$RIG_DIR/relay.flag
relay_hook=$RIG_DIR/relay.hook
relay_log=$RIG_DIR/relay.log
conf=$RIG_DIR/forager.conf
state=$RIG_DIR/state
db=$state/forager.db
forager=${BUILD:-}/forager
foragerd=${BUILD:-}/foragerd

# --- forager ----------------------------------------------------------------------------------------

# configure DEADLINE_S [LINE…]: through the relay; LINEs follow in [moves].
configure() {
	local deadline=$1
	shift
	mkdir -p "$state"
	{
		printf '%s\n' '[docker]' "host = unix://$relay_sock" "timeout = ${timeout:-25s}" '[endpoint]' 'template = tcp://{addr}:2375' \
			'[agent]' "mode = ${mode:-observe}" "state-dir = $state" 'sample-every = 1s' \
			'decide-every = 2s' 'request-poll = 100ms' \
			'[moves]' 'node-quiet = 1s' 'node-settle = 1s' "deadline = ${deadline}s"
		[ $# -eq 0 ] || printf '%s\n' "$@"
	} >"$conf"
}

relay_start() {
	cc -O1 -std=gnu17 -D_GNU_SOURCE -o "$RIG_DIR/relay" "$RIG_HERE/relay/relay.c" ||
		rig_die 'the relay does not compile'
	"$RIG_DIR/relay" "$relay_sock" "$(rig_sock m1)" "$relay_flag" "bash $relay_hook" "$relay_log" &
	rig_until 5 test -S "$relay_sock" || rig_die 'the relay does not listen'
}

# at POINT COMMANDS: what happens at this point (see relay.c) of forager's talk with the engine.
at() {
	rm -f "$relay_hook.done"
	printf '. %q\ntrap "touch %q" EXIT\n%s\n' "$RIG_LIB" "$relay_hook.done" "$2" >"$relay_hook"
	printf '%s\n' "$1" >"$relay_flag.new"
	mv "$relay_flag.new" "$relay_flag"
}

# Whether the commands have run.
at_was_reached() {
	[ -e "$relay_hook.done" ]
}

# ask VERB…: a verb of forager; $rc, $said (JSON), $told.
ask() {
	RUN_MOST_S=${RUN_MOST_S:-120} run "$forager" -c "$conf" "$@" --format json
}

# move SERVICE FROM TO: when the nodes are calm; again while they are too fresh for foragerd, which may
# have seen their last change later than we.
move() {
	local i

	for ((i = 0; i < 8; i++)); do
		rig_calm w1 w2
		ask move "$1" --from "$2" --to "$3"
		refused_as node-changed || refused_as target-unsettled || return 0
	done
}

ended_as() {
	jq -e --arg state "$1" '.items[0].state == $state' >/dev/null <<<"$said"
}

refused_as() {
	[ "$rc" = 3 ] && jq -e --arg verdict "$1" '.items[0].verdict == $verdict' >/dev/null <<<"$said"
}

daemon_start() {
	daemon_said=$(watches_said)
	"$foragerd" -c "$conf" 2>>"$tap_dir/foragerd" &
	daemon=$!
	rig_until 60 daemon_watches || rig_die "foragerd does not start: $(tail -n 3 "$tap_dir/foragerd")"
}

watches_said() {
	grep -c 'watches the Swarm' "$tap_dir/foragerd" 2>/dev/null || true
}

daemon_watches() {
	[ "$(watches_said)" != "$daemon_said" ]
}

# Ends foragerd and waits for it; its exit code.
daemon_stop() {
	kill -TERM "$daemon" 2>/dev/null || true
	wait "$daemon"
}

# --- the journal ------------------------------------------------------------------------------------

journal() {
	sqlite3 -readonly "$db" "$1" 2>/dev/null
}

journal_open() {
	journal 'SELECT count(*) FROM move WHERE ended_wall_ms IS NULL'
}

# journal_last SERVICE: the state of its newest change.
journal_last() {
	journal "SELECT state FROM move WHERE service_name = '$1' ORDER BY id DESC LIMIT 1"
}

# --- services ---------------------------------------------------------------------------------------

# service NAME ARGS…: on w1, opted in, then free to move: the constraint that put it there goes, which
# moves nothing.
service() {
	local name=$1
	shift
	rig_docker m1 service create -d --no-resolve-image --name "$name" --stop-grace-period 1s \
		--restart-delay 2s --label forager.mode=auto --update-order start-first --update-monitor 1s \
		--constraint node.role==worker --constraint node.hostname==w1 "$@" >/dev/null
}

free_it() {
	rig_wait_service "$1" "${2:-1}"
	rig_docker m1 service update -d --no-resolve-image --constraint-rm node.hostname==w1 "$1" >/dev/null
	rig_wait_update "$1"
}

# What its owner made of it: everything but Version and the update's state.
spec_of() {
	rig_api m1 "/services/$1" | jq -cS .Spec
}

version_of() {
	rig_api m1 "/services/$1" | jq .Version.Index
}

task_of() {
	rig_tasks "$1" | jq -r '[.[] | select(.Status.State == "running") | .ID] | sort | join(" ")'
}

node_of() {
	rig_service_node "$1" | paste -sd' '
}

# nothing_left SERVICE [spec]: no label and no constraint of forager's, in what stands there and in
# what a rollback would bring; spec: in what stands there.
nothing_left() {
	rig_api m1 "/services/$1" | jq -e --arg where "${2:-both}" '
		[.Spec, (select($where == "both") | .PreviousSpec // empty)] | all(
		((.Labels // {}) | has("forager.plan") or has("forager.before") | not) and
		([.TaskTemplate.Placement.Constraints // [] | .[] | select(startswith("node.id"))] == []))' >/dev/null
}

# A service that takes no part: what happens around it must not change it.
bystander() {
	rig_docker m1 service create -d --no-resolve-image --name bystander --stop-grace-period 1s \
		--constraint node.role==worker forager/hold:1 >/dev/null
	rig_wait_service bystander 1
	bystander_version=$(version_of bystander)
}

bystander_untouched() {
	[ "$(version_of bystander)" = "$bystander_version" ]
}

# back_to_w1 SERVICE: for the next case.
back_to_w1() {
	rm -f "$relay_flag"
	rig_service_is_on "$1" w1 && return
	move "$1" w2 w1
	[ "$rc" = 0 ] || tell
	rig_service_is_on "$1" w1 || rig_die "'$1' does not get back to w1"
}

# Tasks, journal, services: after a failed test.
show_service() {
	note "$1 $(rig_api m1 "/services/$1" | jq -c '[.Version.Index, .UpdateStatus.State, .Spec.Labels, .Spec.TaskTemplate.Placement]')"
	rig_api m1 "/tasks?filters={\"service\":{\"$1\":true}}" |
		jq -r 'sort_by(.CreatedAt) | .[-6:][] | "# \(.ID) slot \(.Slot) node \(.NodeID) wanted \(.DesiredState) is \(.Status.State) \(.Status.Err // "") \(.Spec.Placement.Constraints)"'
	journal 'SELECT move_id, at_ms, state, version_ours FROM move_event ORDER BY at_ms DESC LIMIT 10' | sed 's/^/# journal /'
}

# reliability TEST FAULTS INVARIANT VIOLATIONS: a row of docs/reliability.md.
reliability() {
	printf 'RELIABILITY|%s|%s|%s|%s\n' "$@"
}
