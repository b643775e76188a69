# shellcheck shell=bash
# What the suites that run forager in a rig share: test lines, running a program and keeping what it
# said, and what must not have changed in the Swarm. Sourced after $RIG_LIB.

tap_n=0
tap_failed=0
tap_dir=$RIG_DIR/said.dir # every program's stderr, for the look for sanitizers at the end
rc=0 said='' told=''      # of the program run last: exit code, stdout, stderr

mkdir -p "$tap_dir"
chmod 1777 "$tap_dir"

# ok TEXT COMMAND…
ok() {
	local text=$1
	shift
	tap_n=$((tap_n + 1))
	if "$@"; then
		echo "ok $tap_n - $text"
	else
		echo "not ok $tap_n - $text"
		tap_failed=$((tap_failed + 1))
	fi
}

# note TEXT: each of its lines as a comment.
note() {
	sed 's/^/# /' <<<"$*"
}

# run COMMAND…: ends by itself, within the time that systemd would give it.
run() {
	local err

	err=$(mktemp "$tap_dir/XXXXXX")
	rc=0
	said=$(timeout --kill-after=5 "${RUN_MOST_S:-30}" "$@" 2>"$err" </dev/null) || rc=$?
	told=$(cat "$err")
}

# tell: what the program run last said, after a failed test.
tell() {
	note "exit $rc"
	[ -z "$said" ] || note "$said"
	[ -z "$told" ] || note "$told"
}

# What a sanitizer wrote to a program's stderr (or to where all.sh sends it).
no_sanitizer_report() {
	! grep -rEl 'ERROR: (Address|Leak)Sanitizer|runtime error:' "$tap_dir" >&2
}

# All of the Swarm that forager could change: specs and versions, what runs where, nodes' labels and
# roles, configs. A node's own version is left out: its engine's heartbeat may raise it.
swarm_state() {
	rig_api m1 /services | jq -cS 'sort_by(.ID)[] | [.ID, .Version.Index, .Spec, .PreviousSpec, .UpdateStatus]'
	rig_api m1 '/tasks?filters={"desired-state":{"running":true}}' | jq -cS '[.[] | [.ID, .NodeID]] | sort'
	rig_api m1 /nodes | jq -cS 'sort_by(.ID)[] | [.ID, .Spec]'
	rig_api m1 /configs | jq -cS '[.[].Spec] | sort'
}

swarm_is() {
	diff <(printf '%s\n' "$1") <(swarm_state) >&2
}

# tap_end: the plan and the sum; status 1 when something failed.
tap_end() {
	ok 'no sanitizer has complained' no_sanitizer_report
	echo "1..$tap_n"
	echo "# $((tap_n - tap_failed)) passed, $tap_failed failed, $SECONDS s"
	[ "$tap_failed" = 0 ]
}
