#!/bin/bash
# Nothing of what services keep to themselves reaches the disk: each environment, secret, config,
# command, argument, mount option, health check, foreign label and registry password holds a string
# of its own, foragerd observes, decides and moves at its most talkative, is killed in mid-move and
# goes on; afterwards no canary is in its database, logs, answers, or in a core. TAP on standard
# output.
#
#   BUILD=DIR canary.sh   DIR holds forager and foragerd
#
# Needs what test/rig/rig needs, and sqlite3.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ "${1:-}" != _inside ]; then
	if ! [ -x "${BUILD:-}/forager" ] || ! [ -x "$BUILD/foragerd" ]; then
		sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
		exit 2
	fi
	BUILD=$(realpath "$BUILD")
	export BUILD
	exec "$here/rig" run --nodes m1:manager w1 w2 -- "${BASH_SOURCE[0]}" _inside
fi

# shellcheck source-path=SCRIPTDIR source=rig.sh
. "$RIG_LIB"
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"

state=$RIG_DIR/state
conf=$RIG_DIR/forager.conf
log=$tap_dir/log
answers=$RIG_DIR/answers
cores=$RIG_DIR/cores
mark=CANARY$RANDOM$RANDOM
kinds=()
daemon=''

# canary KIND: a string that stands nowhere else; the place that takes it must be seen to hold it.
canary() {
	echo "$mark-$1"
}

# --- the case --------------------------------------------------------------------------------------

configure() {
	mkdir -p "$state" "$answers" "$cores"
	cat >"$conf" <<-END
		[docker]
		host = unix://$(rig_sock m1)
		[endpoint]
		template = tcp://{addr}:2375
		[agent]
		mode = auto
		state-dir = $state
		sample-every = 1s
		decide-every = 2s
		log-level = debug
		[policy]
		horizon = 1m
		[moves]
		warm-up = 0
		deploy-quiet = 0
		cooldown = 0
		sustain = 0
		node-quiet = 0
		node-settle = 0
		deadline = ${1}s
		per-hour = 100
	END
}

# One that starts anywhere but on w2: what is said of its failure is stored, too.
deploy_frail() {
	rig_docker m1 service create -d --no-resolve-image --name frail --label forager.mode=auto \
		--stop-grace-period 1s --update-order start-first --update-monitor 1s --constraint node.hostname==w1 \
		--env 'NODE={{.Node.Hostname}}' --env "PASSWORD=$(canary env)" --secret pass \
		--label "owner.note=$(canary label)" forager/web:1 /bin/web --crash-on w2 >/dev/null
	rig_wait_service frail 1
	rig_docker m1 service update -d --no-resolve-image --constraint-rm node.hostname==w1 frail >/dev/null
	rig_wait_update frail
}

# A service that is full of canaries; it moves like any other one.
deploy() {
	local name=$1
	shift
	rig_docker m1 service create -d --no-resolve-image --name "$name" --label forager.mode=auto \
		--stop-grace-period 1s --update-order start-first --update-monitor 1s --constraint node.hostname==w1 \
		--env "PASSWORD=$(canary env)" --label "owner.note=$(canary label)" \
		--label "$(canary label-key)=x" --container-label "inner=$(canary container-label)" \
		--secret source=pass,target="$(canary secret-target)" --config source=conf,target="/etc/$(canary config-target)" \
		--mount "type=tmpfs,target=/$(canary mount-target)" --workdir "/tmp/$(canary workdir)" \
		--hostname "$(canary hostname | tr -d -)" --host "$(canary extra-host):10.0.0.1" --dns-option "$(canary dns)" \
		--health-cmd "echo $(canary health) >/dev/null" --health-interval 1s --log-driver json-file \
		--log-opt "tag=$(canary log-opt)" --with-registry-auth "$@" \
		--entrypoint '/bin/sh -c "trap \"exit 0\" TERM; : '"$(canary command)"'; while :; do sleep 1 & wait; done"' \
		forager/hold:1 "$(canary args)" >/dev/null
	rig_wait_service "$name" 1
	rig_docker m1 service update -d --no-resolve-image --constraint-rm node.hostname==w1 "$name" >/dev/null
	rig_wait_update "$name"
}

# Every canary is really in the Swarm: else its absence elsewhere shows nothing.
held() {
	local seen kind
	seen=$(
		rig_api m1 /services
		rig_api m1 /configs | jq -r '.[].Spec.Data | select(. != null) | @base64d'
		rig_docker m1 exec "$(rig_docker m1 ps -q | head -n 1)" true 2>/dev/null
		cat "$RIG_DIR/secret" "$DOCKER_CONFIG/config.json"
	)
	for kind in env label label-key container-label secret secret-target config config-target mount-target \
		workdir extra-host dns health log-opt command args registry; do
		kinds+=("$kind")
		grep -qF "$(canary "$kind")" <<<"$seen" || {
			note "no service holds the canary '$kind'"
			return 1
		}
	done
	grep -qF "$(canary hostname | tr -d -)" <<<"$seen"
}

daemon_start() {
	(
		cd "$cores" || exit 1
		ulimit -c unlimited
		ASAN_OPTIONS=${ASAN_OPTIONS:-}:disable_coredump=0:handle_abort=0:handle_segv=0 exec "$BUILD/foragerd" -c "$conf"
	) 2>>"$log" &
	daemon=$!
}

# daemon_kill SIGNAL: its exit status in $status.
daemon_kill() {
	status=0
	kill -"$1" "$daemon"
	wait "$daemon" || status=$?
}

query() {
	[ "$(sqlite3 -readonly "$state/forager.db" "$1" 2>/dev/null)" = "$2" ]
}

ask() {
	run "$BUILD/forager" -c "$conf" "$@"
	printf '%s\n%s\n' "$said" "$told" >>"$answers/said"
}

ask_everything() {
	local verb format id table

	for verb in status nodes services profiles 'profiles --kind service' 'profiles --kind node' \
		'qtable --weights' 'qtable --values' decisions moves recommend 'explain full' 'config show'; do
		for format in table json csv; do
			# shellcheck disable=SC2086 # words
			ask $verb --format $format
		done
	done
	for id in 1 2 3; do
		ask explain "$id" --format json
	done
	for table in $(sqlite3 -readonly "$state/forager.db" \
		"SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%'"); do
		ask query "SELECT * FROM $table" --format json
	done
}

# Files below these folders that hold the mark; none is what is wanted.
leaks() {
	! grep -rlaF -e "$mark" "$@" >&2
}

# a core is what a process of ours would leave here: else none of foragerd's shows nothing.
cores_work() {
	(
		cd "$cores" || exit 1
		ulimit -c unlimited
		sh -c 'kill -ABRT $$' || true
	) 2>/dev/null
	compgen -G "$cores/core*" >/dev/null || return 1
	rm -f "$cores"/core*
}

DOCKER_CONFIG=$RIG_DIR/docker
export DOCKER_CONFIG
mkdir -p "$DOCKER_CONFIG"
printf '{"auths":{"registry.example":{"username":"u","password":"%s"},"docker.io":{"auth":"%s"}}}\n' \
	"$(canary registry)" "$(printf 'u:%s' "$(canary registry)" | base64 -w0)" >"$DOCKER_CONFIG/config.json"
configure 60
rig_image_load m1 w1 w2
rig_swarm_init
rig_swarm_join w1 w2
canary secret >"$RIG_DIR/secret"
rig_docker m1 secret create pass "$RIG_DIR/secret" >/dev/null
canary config | rig_docker m1 config create conf - >/dev/null
deploy full
deploy_frail
ok 'the Swarm holds every canary' held
ok 'a process that crashes here leaves a core' cores_work

daemon_start
ok 'every node is measured' rig_until 30 query 'SELECT count(*) FROM v_nodes WHERE cpu_cores IS NOT NULL' 3
ok 'it has decided' rig_until 30 query 'SELECT count(*) > 0 FROM decision' 1
ask move full --from w1 --to w2 --format json
ok 'a move through foragerd' test "$rc" = 0
[ "$rc" = 0 ] || tell
# Killed while the steering stands: what it held in memory is gone with it, and it goes on from the
# journal.
ask_later() { "$BUILD/forager" -c "$conf" move full --from w2 --to w1 --format json >>"$answers/said" 2>&1 || true; }
ask_later &
later=$!
ok 'a second move is under way' rig_until 20 query "SELECT count(*) FROM move WHERE state IN ('steered', 'verified', 'settled')" 1
daemon_kill ABRT
ok 'foragerd crashed' test "$status" -ge 128
note "status $status, files where a core would be: $(find "$cores" -type f | wc -l)"
ok 'and left no core' test -z "$(find "$cores" -type f)"
daemon_start
ok 'the open move was brought to its end' rig_until 60 query 'SELECT count(*) FROM move WHERE ended_wall_ms IS NULL' 0
wait "$later" || true
# While it runs the log of the database holds rows, too.
ask_everything
ok 'no canary in the database, its log and index' leaks "$state"
ask move frail --from w1 --to w2 --format json
ok 'a move that fails is taken back, and says why' query "SELECT count(*) FROM move
	WHERE service_name = 'frail' AND state = 'reverted' AND reason <> ''" 1
daemon_kill TERM
ok 'foragerd ends with 0' test "$status" = 0
ask undo --all --format json
ask release --all --format json
ask_everything
ok 'answers were given' test "$(wc -l <"$answers/said")" -gt 100
ok 'the log talks' test "$(wc -l <"$log")" -gt 10
ok 'no canary in the database' leaks "$state"
ok 'none in the log' leaks "$log" "$tap_dir"
ok 'none in an answer' leaks "$answers"
ok 'none where a core would be' leaks "$cores"
planted=$((${#kinds[@]} + 1))
hits=$(grep -rlaF -e "$mark" "$state" "$log" "$answers" "$cores" | wc -l) || true
echo "RELIABILITY|canary|$planted kinds of private strings, 1 crash in mid-move, 1 failed start|none in database, log, answers or core|$hits"
tap_end
