#!/bin/bash
# People at work while forager moves a service, takes a move back: in each phase somebody deploys,
# updates, scales, rolls back, drains, labels, removes and makes the service anew. The human change
# always wins and is never reverted, nothing of forager's is left, a quiet time begins.
# TAP on standard output.
#
#   BUILD=DIR [LONG=1] people.sh [ACTION:PHASE…]   DIR holds forager and foragerd; default: a few,
#                                                  with LONG=1 all actions in all phases
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
	export BUILD LONG=${LONG:-0}
	exec "$here/rig" run --nodes m1:manager w1 w2 -- "${BASH_SOURCE[0]}" _inside "$@"
fi
shift

# shellcheck source-path=SCRIPTDIR source=rig.sh
. "$RIG_LIB"
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"
# shellcheck source-path=SCRIPTDIR source=mover.sh
. "$here/mover.sh"

shop=st_shop
actions=(deploy env image constraint label scale rollback drain-source drain-target label-source tool recreate remove)
# Phase → point of the talk (see relay.c). Those of a move, then those of a revert.
declare -A point=(
	[planned]=1- [steered]=1.1 [verify]=1.3 [landed]=2- [settled]=2.1 [clean]=3- [proven]=3.1
	[back-block]=2- [back-blocked]=2.1 [back-unwind]=2.3 [back-restore]=3- [back-restored]=3.1
	[back-unlabel]=4- [back-proven]=4.1
)
phases=(planned steered verify landed settled clean proven
	back-block back-blocked back-unwind back-restore back-restored back-unlabel back-proven)
short=(deploy:steered rollback:settled recreate:verify drain-target:steered label:back-blocked label-source:steered)

# --- the service ------------------------------------------------------------------------------------

# compose NOTE SICK_ON [CONSTRAINT]: NOTE in its environment.
compose() {
	cat <<-END
		version: "3.8"
		services:
		  shop:
		    image: forager/web:1
		    command: ["/bin/web", "--crash-on", "$2"]
		    environment: {NOTE: "$1", NODE: "{{.Node.Hostname}}"}
		    stop_grace_period: 1s
		    healthcheck: {test: "wget -q -O /dev/null http://127.0.0.1/health", interval: 1s}
		    networks: [front]
		    deploy:
		      endpoint_mode: dnsrr
		      labels: {forager.mode: auto}
		      placement: {constraints: [node.role==worker${3:+, $3}]}
		      restart_policy: {delay: 2s}
		      update_config: {order: start-first, monitor: 1s}
		networks:
		  front: {external: true}
	END
}

# deploy NOTE SICK_ON [CONSTRAINT]
deploy() {
	compose "$@" >"$RIG_DIR/stack.yml"
	rig_docker m1 stack deploy --resolve-image never -c "$RIG_DIR/stack.yml" st >/dev/null 2>&1
}

deployed() {
	rig_until 20 deploy "$@" || rig_die 'docker stack deploy fails'
}

image_of() {
	spec_of "$1" 2>/dev/null | jq -r '.TaskTemplate.ContainerSpec.Image'
}

# fresh SICK_ON: one copy on w1, free to move, its previous spec is the one that held it there.
fresh() {
	rig_docker m1 node update --availability active w1 >/dev/null
	rig_docker m1 node update --availability active w2 >/dev/null
	rig_docker m1 node update --label-rm note w1 >/dev/null 2>&1 || true
	# A deploy keeps the image that a service update has set while its file names the same one as before.
	[ "$(image_of "$shop")" = forager/web:1 ] || rig_docker m1 service rm "$shop" >/dev/null 2>&1 || true
	deployed before "$1" node.hostname==w1
	rig_wait_service "$shop" 1
	rig_wait_place "$shop" w1
	deployed before "$1"
	rig_wait_update "$shop"
	rig_wait_service "$shop" 1
}

# --- what people do: the commands for the hook, and what the spec must be then ------------------------

commands_of() {
	case $1 in
	deploy) echo "rig_docker m1 stack deploy --resolve-image never -c $RIG_DIR/after.yml st" ;;
	env) echo "rig_docker m1 service update -d --no-resolve-image --env-add NOTE=after $shop" ;;
	image) echo "rig_docker m1 service update -d --no-resolve-image --image forager/hold:1 $shop" ;;
	constraint) echo "rig_docker m1 service update -d --no-resolve-image --constraint-add node.labels.no!=yes $shop" ;;
	label) echo "rig_docker m1 service update -d --label-add note=after --no-resolve-image $shop" ;;
	scale) echo "rig_docker m1 service scale -d $shop=2" ;;
	rollback) echo "rig_docker m1 service rollback -d $shop" ;;
	drain-source) echo 'rig_docker m1 node update --availability drain w1' ;;
	drain-target) echo 'rig_docker m1 node update --availability drain w2' ;;
	label-source) echo 'rig_docker m1 node update --label-add note=after w1' ;;
	tool) # by the API, three times in a row
		cat <<-END
			for i in 1 2 3; do
				s=\$(rig_api m1 /services/$shop)
				jq --arg i "\$i" '.Spec | .Labels["tool.seen"] = \$i' <<<"\$s" |
					rig_api m1 "/services/$shop/update?version=\$(jq .Version.Index <<<"\$s")" -X POST -H 'Content-Type: application/json' -d @-
			done
		END
		;;
	remove) echo "rig_docker m1 service rm $shop" ;;
	recreate) echo "rig_docker m1 service rm $shop; rig_docker m1 stack deploy --resolve-image never -c $RIG_DIR/after.yml st" ;;
	esac
}

# wanted ACTION PHASE: the spec that must stand at the end.
wanted() {
	case $1 in
	deploy | env | recreate) jq -cS '.TaskTemplate.ContainerSpec.Env |= map(sub("^NOTE=.*"; "NOTE=after"))' <<<"$before" ;;
	image) jq -cS '.TaskTemplate.ContainerSpec.Image = "forager/hold:1"' <<<"$before" ;;
	constraint) jq -cS '.TaskTemplate.Placement.Constraints += ["node.labels.no!=yes"]' <<<"$before" ;;
	label) jq -cS '.Labels.note = "after"' <<<"$before" ;;
	tool) jq -cS '.Labels["tool.seen"] = "3"' <<<"$before" ;;
	scale) jq -cS '.Mode.Replicated.Replicas = 2' <<<"$before" ;;
	rollback) [ "$2" = planned ] && echo "$before_that" || echo "$before" ;;
	*) echo "$before" ;;
	esac
}

# Order of an environment is the client's own business.
same_spec() {
	local sort='.TaskTemplate.ContainerSpec.Env |= sort | .TaskTemplate.Placement.Constraints |= sort'

	[ "$(jq -cS "$sort" <<<"$1")" = "$(jq -cS "$sort" <<<"$2")" ] && return
	diff <(jq -S "$sort" <<<"$1") <(jq -S "$sort" <<<"$2") | sed 's/^/# /'
	return 1
}

availability() {
	rig_docker m1 node inspect -f '{{.Spec.Availability}}' "$1"
}

# --- a case -----------------------------------------------------------------------------------------

is_paused() {
	rig_api m1 "/services/$shop" | jq -e '.UpdateStatus.State == "paused"' >/dev/null
}

# copies_run ACTION PHASE: as they wanted it. Where w2 is sick, the first new task of their own update may
# go there, and Swarm then pauses it, as it does without us: the copies run, and more may.
copies_run() {
	local n=1

	[ "$1" != scale ] || n=2
	# The source drained, the target sick: no node can run it, and Swarm tries with one task at a time.
	if [[ $1.$2 == drain-source.back-* ]]; then
		rig_api m1 "/tasks?filters={\"service\":{\"$shop\":true}}" |
			jq -e '[.[] | select(.DesiredState == "running" or .DesiredState == "ready")] |
				length == 1 and .[0].Status.State != "pending"' >/dev/null
		return
	fi
	if [[ $2 == back-* ]] && is_paused; then
		rig_tasks "$shop" | jq -e --argjson n "$n" '[.[] | select(.Status.State == "running")] | length >= $n' >/dev/null
		return
	fi
	rig_service_runs "$shop" "$n" && rig_service_settled_any
}

# A rollback ends as rollback_completed.
rig_service_settled_any() {
	rig_api m1 "/services/$shop" | jq -e '(.UpdateStatus.State // "completed") | test("completed$")' >/dev/null
}

# Where there may be nothing of ours. What is under a deploy is its owner's to roll back to: forager adds
# nothing on top, and would take its terms away after a rollback (docs/decisions/0006). Nor is anything
# added while theirs is paused: that would make it go on.
of_what() {
	if [ "$1" = deploy ] || is_paused; then
		echo spec
	else
		echo both
	fi
}

human_won() {
	local action=$1 phase=$2

	[ "$(journal_open)" = 0 ] && [ "$(journal_last "$shop")" != gave-up ] || return 1
	if [ "$action" = remove ]; then
		! rig_api m1 "/services/$shop" >/dev/null 2>&1
		return
	fi
	rig_until 40 copies_run "$action" "$phase" || return 1
	same_spec "$(wanted "$action" "$phase")" "$(spec_of "$shop")" || return 1
	nothing_left "$shop" "$(of_what "$action")" || return 1
	case $action in
	drain-source) [ "$(availability w1)" = drain ] ;;
	drain-target) [ "$(availability w2)" = drain ] ;;
	*) true ;;
	esac
}

# Of what changes the spec: that it would be another one. (A rollback to the same is what it is.)
changes_something() {
	case $1 in
	deploy | env | image | constraint | label | tool | scale) ! same_spec "$(wanted "$1" "$2")" "$before" >/dev/null ;;
	esac
}

one_case() {
	local action=$1 phase=$2 sick=nowhere title="$1 while $2"

	[[ $phase != back-* ]] || sick=w2
	fresh "$sick"
	compose after "$sick" >"$RIG_DIR/after.yml"
	before=$(spec_of "$shop")
	before_that=$(rig_api m1 "/services/$shop" | jq -cS .PreviousSpec)
	changes_something "$action" "$phase" || rig_die "$title: nothing would change"
	at "${point[$phase]}" "{ $(commands_of "$action"); } >>$RIG_DIR/people.out 2>&1"
	move "$shop" w1 w2
	ok "$title: it was in time" at_was_reached
	if [ "$rc" != 0 ] && [ "$rc" != 1 ] && [ "$rc" != 3 ]; then
		tell
	fi
	if human_won "$action" "$phase" && bystander_untouched; then
		ok "$title: theirs stands, nothing of forager's is left (forager: $(journal_last "$shop"), exit $rc)" true
		[ "$rc" = 0 ] || note "$(journal 'SELECT reason FROM move ORDER BY id DESC LIMIT 1')"
		return
	fi
	violations=$((violations + 1))
	ok "$title: theirs stands, nothing of forager's is left" false
	tell
	note "$(tail -n 4 "$RIG_DIR/people.out")"
	[ "$action" = remove ] || show_service "$shop"
}

# --- quiet time: foragerd would move it, a deploy holds it back -----------------------------------------

# The opinions on moving it.
verdict_is() {
	journal "SELECT count(*) > 0 AND sum(verdict = 'deploy-quiet') > 0 FROM v_qvalues WHERE service = '$shop'" | grep -qx 1
}

test_quiet() {
	fresh nowhere
	mode=auto configure 60 'warm-up = 0' 'sustain = 0' 'deploy-quiet = 1h' 'cooldown = 0'
	rm -f "$state"/forager.db*
	daemon_start
	at 1.3 "rig_docker m1 service update -d --no-resolve-image --label-add note=quiet $shop >/dev/null"
	move "$shop" w1 w2
	ok 'a label while foragerd moves: it was in time' at_was_reached
	ok 'a label while foragerd moves: told as a foreign change' test "$(journal_last "$shop")" = foreign
	ok 'a label while foragerd moves: quiet time begins' rig_until 30 verdict_is
	ok 'foragerd ends with 0' daemon_stop
	ok 'nothing of forager is left' nothing_left "$shop"
	configure 60
}

# --- the play ---------------------------------------------------------------------------------------

violations=0
changes=0
rig_image_load
rig_swarm_init
rig_swarm_join
rig_docker m1 network create -d overlay --attachable front >/dev/null
bystander
relay_start
configure 40
if [ $# -gt 0 ]; then
	cases=("$@")
elif [ "$LONG" = 1 ]; then
	cases=()
	for action in "${actions[@]}"; do
		for phase in "${phases[@]}"; do
			cases+=("$action:$phase")
		done
	done
else
	cases=("${short[@]}")
fi
for one in "${cases[@]}"; do
	[ "$one" != quiet ] || {
		test_quiet
		continue
	}
	changes=$((changes + 1))
	one_case "${one%%:*}" "${one#*:}"
done
[ $# -gt 0 ] || test_quiet
reliability 'people at work on real engines' "$changes human changes in phases of a move and of a revert" \
	'theirs stands as they made it, nothing of ours is left' "$violations"
tap_end
