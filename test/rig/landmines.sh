#!/bin/bash
# The landmines of Swarm that engine 20.10 shows, one named test each: forager steps on none of them.
# TAP on standard output.
#
#   BUILD=DIR landmines.sh [TEST…]   DIR holds forager and foragerd; TEST: L1 … L12 (all)
#
#   L1  a service without Placement: its next change can take the leader down
#   L2  an update of a node rejects at once every task there that does not match its service
#   L3  a change of a service in the middle of an update stops the healthy old task
#   L4  any change resumes an update that its owner's rules have paused
#   L5  any change replaces the one previous spec that a rollback goes to
#   L6  any change of a job runs it again
#   L7  a pending task is forgotten by the scheduler when its service is changed
#   L8, L9, L11  the same node updates: generic resources, completed jobs, engines that register anew
#   L10 placement preferences can hang the scheduler
#   L12 an older API version drops the fields that it does not know
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
	exec "$here/rig" run --nodes m1:manager w1 w2 -- "${BASH_SOURCE[0]}" _inside "$@"
fi
shift

# shellcheck source-path=SCRIPTDIR source=rig.sh
. "$RIG_LIB"
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"
# shellcheck source-path=SCRIPTDIR source=mover.sh
. "$here/mover.sh"

# mine TEXT COMMAND…: ok, counted for the reliability table.
mine() {
	local was=$tap_failed

	checks=$((checks + 1))
	ok "$@"
	[ "$tap_failed" = "$was" ] || {
		violations=$((violations + 1))
		tell
	}
}

# refuses VERDICT SERVICE: from wherever it runs; the service is not changed.
refuses() {
	local from version

	from=$(node_of "$2")
	from=${from%% *}
	version=$(version_of "$2")
	ask move "$2" --from "$from" --to "$([ "$from" = w1 ] && echo w2 || echo w1)"
	refused_as "$1" && [ "$(version_of "$2")" = "$version" ]
}

# untouched SERVICE VERB…: whatever the answer, the service's version is the same.
untouched() {
	local name=$1 version
	shift

	version=$(version_of "$name")
	ask "$@"
	[ "$(version_of "$name")" = "$version" ]
}

moved() {
	[ "$rc" = 0 ] && rig_service_is_on "$1" "$2" && [ "$(spec_of "$1")" = "$before" ] && nothing_left "$1"
}

# One copy, somewhere that its owner allows, as its owner made it.
whole() {
	rig_until 30 rig_service_runs "$1" 1 && rig_until 20 update_ended "$1" &&
		[ "$(spec_of "$1")" = "$before" ] && nothing_left "$1" && [ "$(journal_open)" = 0 ]
}

update_state() {
	rig_api m1 "/services/$1" | jq -r '.UpdateStatus.State // "none"'
}

update_ended() {
	[[ $(update_state "$1") =~ ^(none|completed|rollback_completed)$ ]]
}

update_is() {
	[ "$(update_state "$1")" = "$2" ]
}

# --- the tests --------------------------------------------------------------------------------------

no_placement() {
	rig_api m1 /services/raw | jq -e '.Spec.TaskTemplate | has("Placement") | not' >/dev/null
}

test_L1() {
	rig_api m1 /services/create -X POST -H 'Content-Type: application/json' -o /dev/null -d '{
		"Name": "raw", "Labels": {"forager.mode": "auto", "forager.restart": "yes"},
		"TaskTemplate": {"ContainerSpec": {"Image": "forager/hold:1", "StopGracePeriod": 1000000000}},
		"Mode": {"Replicated": {"Replicas": 1}}, "EndpointSpec": {"Mode": "dnsrr"}}'
	rig_wait_service raw 1
	ok 'L1: a service made by the raw API has no Placement' no_placement
	mine 'L1: it is refused with its reason, nothing is sent' refuses no-placement raw
	note "$(jq -r .text <<<"$said")"
	mine 'L1: nor does release send anything' untouched raw release raw
	rig_docker m1 service rm raw >/dev/null
}

second_has_failed() {
	[ "$(cat "$RIG_DIR/second")" = 1 ]
}

test_L2() {
	local version

	back_to_w1 shop
	before=$(spec_of shop)
	at 1.1 'rig_docker m1 node update --label-add rack=7 w1 >/dev/null'
	move shop w1 w2
	ok "L2: a node's label is written while a task must leave it" at_was_reached
	mine 'L2: the service runs and is as its owner made it' whole shop
	note "forager: exit $rc, $(jq -r '.items[0].text' <<<"$said")"
	rig_docker m1 node update --label-rm rack w1 >/dev/null

	back_to_w1 shop
	before=$(spec_of shop)
	version=$(version_of other)
	rm -f "$RIG_DIR/second"
	at 1.3 "{ timeout 60 $forager -c $conf move other --from w1 --to w2 >$RIG_DIR/second.out 2>&1 && echo 0 || echo \$?; } >$RIG_DIR/second &"
	move shop w1 w2
	ok 'L2: a second move is asked for meanwhile' at_was_reached
	mine 'L2: the first one goes through' moved shop w2
	mine 'L2: the second one is not begun' rig_until 60 second_has_failed
	note "exit $(cat "$RIG_DIR/second"): $(tail -n 1 "$RIG_DIR/second.out")"
	mine 'L2: and changes nothing' test "$(version_of other)" = "$version"
}

# slow COPIES DELAY: the second one is updated so long after the first.
slow() {
	rig_docker m1 service create -d --no-resolve-image --name slow --replicas "$1" --stop-grace-period 1s \
		--label forager.mode=auto --update-order start-first --update-delay "$2" --update-monitor 2s \
		--restart-delay 2s --constraint node.role==worker forager/hold:1 >/dev/null
	rig_wait_service slow "$1"
}

test_L3() {
	local tasks

	slow 2 10m
	rig_docker m1 service update -d --no-resolve-image --env-add A=1 slow >/dev/null
	ok 'L3: an update of its owner is running' rig_until 20 update_is slow updating
	rig_until 20 rig_service_runs slow 2 || true
	tasks=$(task_of slow)
	mine 'L3: it is refused, nothing is sent' refuses update-open slow
	mine 'L3: nor by force' untouched slow move slow --from w1 --to w2 --force
	mine 'L3: nor by release and undo' untouched slow release slow
	mine 'L3: its tasks are the same' test "$(task_of slow)" = "$tasks"
	rig_docker m1 service rm slow >/dev/null
}

test_L4() {
	slow 1 0s
	rig_docker m1 service update -d --no-resolve-image --args 'false' slow >/dev/null
	ok 'L4: an update of its owner is paused by Swarm' rig_until 40 update_is slow paused
	mine 'L4: it is refused, nothing is sent' refuses update-paused slow
	note "$(jq -r .text <<<"$said")"
	mine 'L4: nor by release and undo' untouched slow release slow
	mine 'L4: nor by undo of all' untouched slow undo --all
	mine 'L4: it is paused still' update_is slow paused
	rig_docker m1 service rm slow >/dev/null
}

previous_is_the_same() {
	rig_api m1 "/services/$1" | jq -e '.PreviousSpec == .Spec' >/dev/null
}

rolled_back() {
	rig_until 30 update_is shop rollback_completed && [ "$(task_of shop)" = "$1" ] && [ "$(spec_of shop)" = "$before" ]
}

test_L5() {
	local task

	back_to_w1 shop
	before=$(spec_of shop)
	move shop w1 w2
	mine 'L5: a move' moved shop w2
	mine 'L5: the previous spec holds nothing of the steering' previous_is_the_same shop
	task=$(task_of shop)
	rig_docker m1 service rollback -d shop >/dev/null
	mine "L5: its owner's rollback restarts nothing and steers nothing" rolled_back "$task"
}

iterations() {
	rig_api m1 /services | jq -c '[.[] | select(.Spec.Labels.kind == "L6") | [.Spec.Name, .Version.Index, .JobStatus.JobIteration.Index]] | sort'
}

jobs_are() {
	[ "$(iterations)" = "$1" ]
}

decided_thrice() {
	[ "$(journal 'SELECT count(*) FROM decision')" -ge 3 ]
}

test_L6() {
	local was name

	for name in replicated-job global-job global; do
		rig_docker m1 service create -d --no-resolve-image --name "$name" --mode "$name" --label kind=L6 \
			--label forager.mode=auto --label forager.restart=yes --stop-grace-period 1s \
			--constraint node.hostname==w1 forager/hold:1 \
			"$([ "$name" = global ] && echo /bin/hold || echo /bin/ls)" >/dev/null
	done
	rig_until 30 rig_service_runs global 1 || true
	rig_until 30 jobs_ended || true
	was=$(iterations)
	for name in replicated-job global-job global; do
		ask move "$name" --from w1 --to w2 --force
		mine "L6: a $name is refused" refused_as mode
	done
	ask release --all
	ask undo --all
	mine 'L6: nothing of theirs has changed, no iteration' jobs_are "$was"
	mode=auto configure 60 'warm-up = 0' 'sustain = 0' 'deploy-quiet = 0' 'min-gain = 0%'
	rm -f "$state"/forager.db*
	daemon_start
	rig_until 60 decided_thrice || true
	ok 'L6: foragerd ends with 0' daemon_stop
	mine 'L6: nor by foragerd in mode auto' jobs_are "$was"
	configure 25
	rig_docker m1 service rm replicated-job global-job global >/dev/null
}

jobs_ended() {
	local name

	for name in replicated-job global-job; do
		rig_api m1 "/tasks?filters={\"service\":{\"$name\":true}}" |
			jq -e 'length > 0 and all(.Status.State == "complete")' >/dev/null || return 1
	done
}

one_pending() {
	rig_tasks narrow | jq -e '[.[].Status.State] | sort == ["pending", "running"]' >/dev/null
}

test_L7() {
	rig_docker m1 node update --label-add slot=yes w1 >/dev/null
	rig_docker m1 service create -d --no-resolve-image --name narrow --replicas 2 --replicas-max-per-node 1 \
		--stop-grace-period 1s --label forager.mode=auto --update-order start-first \
		--constraint node.labels.slot==yes forager/hold:1 >/dev/null
	ok 'L7: one copy runs, one is pending' rig_until 30 one_pending
	mine 'L7: it is refused, nothing is sent' refuses pending narrow
	mine 'L7: nor by release' untouched narrow release narrow
	rig_docker m1 node update --label-add slot=yes w2 >/dev/null
	mine 'L7: the scheduler has not forgotten the pending one' rig_until 40 rig_service_runs narrow 2
	rig_docker m1 service rm narrow >/dev/null
	for node in w1 w2; do
		rig_docker m1 node update --label-rm slot "$node" >/dev/null
	done
}

node_specs() {
	rig_api m1 /nodes | jq -cS 'sort_by(.ID) | map([.ID, .Spec])'
}

# Updates of services, and the lease's config.
only_services_posted() {
	! grep -v '^GET ' "$relay_log" | grep -vE '^HEAD [^ ]*/_ping ' |
		grep -vE '^POST (/v[0-9.]+)?/services/[a-z0-9]{25}/update[?]version=[0-9]+(&[^ ]*)? HTTP' |
		grep -vE '^POST (/v[0-9.]+)?/configs/(create|[a-z0-9]{25}/update[?]version=[0-9]+) HTTP' >&2
}

test_L8() {
	local was tasks

	back_to_w1 shop
	# What the enforcer would count again, and reject running tasks for, at any update of w1.
	rig_docker m1 service create -d --no-resolve-image --name job --mode replicated-job --reserve-memory 64M \
		--constraint node.hostname==w1 forager/hold:1 /bin/ls >/dev/null
	was=$(node_specs)
	before=$(spec_of shop)
	tasks=$(task_of other)
	move shop w1 w2
	mine 'L8, L9, L11: a move beside a completed job' moved shop w2
	mine 'L8, L9, L11: no node was written' test "$(node_specs)" = "$was"
	mine 'L8, L9, L11: the neighbours keep their tasks' test "$(task_of other)" = "$tasks"
	mine 'L8, L9, L11: forager has never sent anything but updates of services and its lease' only_services_posted
	rig_docker m1 service rm job >/dev/null
	sed -i 's/^node-quiet = .*/node-quiet = 1h/' "$conf"
	mine 'L11: a node that has just changed is no source and no target' refuses node-changed other
	sed -i 's/^node-quiet = .*/node-quiet = 1s/' "$conf"
}

test_L10() {
	service spread --placement-pref spread=node.labels.zone --placement-pref spread=node.labels.rack forager/hold:1
	free_it spread
	before=$(spec_of spread)
	move spread w1 w2
	note "exit $rc: $(jq -r '.text' <<<"$said")"
	mine 'L10: it is refused with its reason' refused_as preferences
	mine 'L10: no preference was added, none was lost' test "$(spec_of spread)" = "$before"
	mine 'L10: the leader answers, the service runs' whole spread
	rig_docker m1 service rm spread >/dev/null
}

# Without a version in the path the engine takes its own newest.
one_api_version() {
	local version

	version=$(rig_docker m1 version -f '{{.Server.APIVersion}}')
	! awk '{ print $2 }' "$relay_log" | grep -vE "^/(v$version/|_ping$|services/|configs/|events[?])" >&2
}

test_L12() {
	service rich --limit-cpu 0.5 --limit-memory 256M --limit-pids 50 --reserve-memory 8M --cap-add NET_ADMIN \
		--cap-drop CHOWN --ulimit nofile=100:200 --sysctl net.ipv4.ip_default_ttl=60 --init --hostname '{{.Node.Hostname}}-x' \
		--host db:10.0.0.1 --dns 10.0.0.2 --dns-option ndots:2 --user 1000 --workdir /tmp --read-only \
		--stop-signal SIGINT --container-label a=b --label 'odd=<&"\u0001' --env 'EMPTY=' \
		--mount type=tmpfs,destination=/x,tmpfs-size=1000000 --log-driver json-file --log-opt max-size=1m \
		--restart-condition any --restart-max-attempts 9 --restart-window 5s --rollback-order start-first \
		--rollback-parallelism 0 --update-parallelism 0 --endpoint-mode dnsrr --replicas-max-per-node 3 \
		forager/hold:1
	free_it rich
	before=$(spec_of rich)
	move rich w1 w2
	mine 'L12: a service with all that the client can set moves, exactly' moved rich w2
	mine "L12: every request was sent at the engine's own API version" one_api_version
	rig_docker m1 service rm rich >/dev/null
}

# --- the play ---------------------------------------------------------------------------------------

[ $# -gt 0 ] || set -- L1 L2 L3 L4 L5 L6 L7 L8 L10 L12
checks=0
violations=0
rig_image_load
rig_swarm_init
rig_swarm_join
bystander
relay_start
configure 25
"$forager" -c "$conf" resume >/dev/null
for name in shop other; do
	service "$name" forager/hold:1
done
for name in shop other; do
	free_it "$name"
done
for name; do
	"test_$name"
done
mine 'what takes no part is as it was' bystander_untouched
reliability 'landmines L1 to L12 on engine 20.10' "$checks checks of what Swarm punishes" \
	'refused with its reason or exact; nothing but updates of services is ever sent' "$violations"
tap_end
