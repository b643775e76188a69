#!/usr/bin/env bash
# The landmines that only other engines show (docs: what Swarm's own bugs ask of forager), one named
# test each, on the scripted engine; those that 20.10 shows are in test/rig. For each: the engine
# can blow up when one steps on it, and forager does not step on it. Usage: BUILD=DIR landmines.sh
set -uo pipefail
. "$(dirname "$0")/fake.sh"
export FAKE_MANAGER=m1 FAKE_TIMEOUT=10s
n=0
failed=0

ok() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		failed=$((failed + 1))
	fi
}

# engine NAME API LINE…: three nodes and these lines.
engine() {
	local name=$1 api=$2

	shift 2
	fake_engine "$name" --api "$api" --stats-latency 0 < <(printf '%s\n' 'node m1 manager' 'node w1' 'node w2' "$@")
	fake_config "$name" m1 'decide-every = 2s' 'mode = auto' '[moves]' 'warm-up = 0' 'per-hour = 3600' \
		'deploy-quiet = 0' 'cooldown = 0' 'deadline = 20s'
}

mines() { fake_ctl "$1" state | jq -r '.landmines | keys | join(" ")'; }

# stepped NAME Ln: it was stepped on.
stepped() { mines "$1" | tr ' ' '\n' | grep -qx "$2"; }

service() { fake_docker "$1" GET "/services/$2"; }

# person NAME SERVICE JQ-FILTER [QUERY]: someone changes its spec.
person() {
	local doc

	doc=$(service "$1" "$2")
	fake_docker "$1" POST "/services/$2/update?version=$(jq .Version.Index <<<"$doc")${4:-}" \
		"$(jq -c ".Spec | $3" <<<"$doc")" >/dev/null
}

# refuses NAME SERVICE WORDS: forager will not move it, says why, and its version stays.
refuses() {
	local name=$1 service=$2 words=$3 before from to text

	before=$(service "$name" "$service" | jq .Version.Index)
	from=$(fake_ctl "$name" "where $service" | grep -v '^-' | head -1)
	to=$(printf '%s\n' m1 w1 w2 | grep -vxF -e "$(fake_ctl "$name" "where $service")" | head -1)
	text=$(fake_forager "$name" move "$service" --from "${from:-m1}" --to "${to:-w1}" 2>&1)
	[ $? = 3 ] || { echo "# not refused: $text"; return 1; }
	grep -qiE -- "$words" <<<"$text" || { echo "# refused otherwise: $text"; return 1; }
	[ "$(service "$name" "$service" | jq .Version.Index)" = "$before" ]
}

# moves NAME SERVICE: a move that comes to its end.
moves() {
	local from to

	from=$(fake_ctl "$1" "where $2" | head -1)
	to=$(printf '%s\n' m1 w1 w2 | grep -vxF -e "$(fake_ctl "$1" "where $2")" | head -1)
	fake_forager "$1" move "$2" --from "$from" --to "$to" 2>&1 | sed 's/^/# /' | tail -1
	fake_ctl "$1" "where $2" | grep -qx "$to"
}

# running NAME SERVICE: the ids of its tasks that run.
running() {
	fake_docker "$1" GET "/tasks?filters=\{\"service\":\{\"$2\":true\}\}" |
		jq -r '[.[] | select(.Status.State == "running" and .DesiredState == "running") | .ID] | sort | join(" ")'
}

opted='label.forager.mode=auto order=start-first monitor=0.3'

# ---- L1: a spec without Placement whose tasks have one makes the leader panic
engine l1 51 "service raw no-placement $opted" "service web $opted"
refuses l1 raw 'placement'
ok $? 'L1: a service without Placement is left alone'
moves l1 web && ! stepped l1 L1
ok $? 'L1: a move always sends a Placement'
person l1 web '.TaskTemplate.Placement = {Constraints: ["node.hostname!=none"]}'
sleep 0.3
person l1 web 'del(.TaskTemplate.Placement)'
fake_until 5 stepped l1 L1
ok $? 'L1: the engine would panic'
fake_docker l1 GET /services | grep -q 'does not have a leader'
ok $? 'L1: and has no leader then'

# ---- L2: a node's write in mid-move rejects at once what the constraints do not allow any more
engine l2 41 "service web replicas=2 $opted"
fake_ctl l2 'fate web * stuck'
fake_forager l2 move web --from "$(fake_ctl l2 'where web' | head -1)" --to "$(printf '%s\n' m1 w1 w2 | grep -vxF -e "$(fake_ctl l2 'where web')")" >"$FAKE_DIR/l2/out" 2>&1 &
mover=$!
fake_until 5 grep -q steering "$FAKE_DIR/l2/out"
fake_ctl l2 'node m1 touch' 'node w1 touch' 'node w2 touch'
fake_until 5 stepped l2 L2
ok $? 'L2: a node written in mid-move has its task rejected (nobody can prevent that)'
wait "$mover"
fake_ctl l2 'fate web * run'
fake_until 30 bash -c "[ \$(curl -s --unix-socket $FAKE_DIR/l2/control.sock -d 'where web' http://f/ | grep -vc -- -) = 2 ]"
ok $? 'L2: both copies run again afterwards'
"$BUILD/test/fake/check" --only I6 "$FAKE_DIR/l2/record" >/dev/null
ok $? 'L2: forager writes no node'

# ---- L3: written while an update runs, the old task may end before the new one runs
engine l3 41 "service web $opted"
fake_ctl l3 'fate web * stuck'
person l3 web '.TaskTemplate.ForceUpdate = 1'
sleep 0.5
refuses l3 web 'update'
ok $? 'L3: no change while an update runs'
for i in 1 2 3 4 5 6 7 8; do
	person l3 web ".Labels.i = \"$i\" | .TaskTemplate.ForceUpdate = $((i % 2))"
	sleep 0.3
done
stepped l3 L3
ok $? 'L3: the engine would end the old task early'

# ---- L4: any write makes a paused rollout go on
engine l4 41 "service web $opted"
fake_ctl l4 'fate web * reject'
person l4 web '.TaskTemplate.ForceUpdate = 1'
fake_until 5 bash -c "curl -s --unix-socket $FAKE_DIR/l4/m1.sock http://f/services/web | grep -q '\"paused\"'"
refuses l4 web 'paused'
ok $? 'L4: a paused rollout is left alone'
person l4 web '.Labels.x = "y"'
stepped l4 L4
ok $? 'L4: the engine would go on with it'

# ---- L5: the engine keeps one previous spec, and every write replaces it
engine l5 41 "service web $opted"
person l5 web '.TaskTemplate.ContainerSpec.Env = ["A=2"]'
fake_until 5 bash -c "curl -s --unix-socket $FAKE_DIR/l5/m1.sock http://f/services/web | grep -q '\"completed\"'"
before=$(service l5 web | jq -S .Spec)
moves l5 web
service l5 web | jq -e '.PreviousSpec == .Spec' >/dev/null
ok $? 'L5: after a move the previous spec holds nothing of the steering'
tasks=$(running l5 web)
person l5 web . '&rollback=previous'
fake_until 5 bash -c "curl -s --unix-socket $FAKE_DIR/l5/m1.sock http://f/services/web | grep -q rollback_completed"
[ -n "$tasks" ] && [ "$(running l5 web)" = "$tasks" ] && [ "$(service l5 web | jq -S .Spec)" = "$before" ]
ok $? "L5: its owner's rollback restarts nothing and steers nothing"
person l5 web '.Labels.x = "y"'
service l5 web | jq -e '.PreviousSpec.Labels.x == null and .PreviousSpec == (.Spec | del(.Labels.x))' >/dev/null
ok $? "L5: the engine would forget the owner's version before"

# ---- L6: any write makes a job run again
engine l6 41 "service batch mode=job $opted"
refuses l6 batch 'mode|job|replicated'
ok $? 'L6: a job is left alone'
person l6 batch '.Labels.x = "y"'
stepped l6 L6
ok $? 'L6: the engine would run it again'

# ---- L7: a pending task is forgotten after a write that does not replace it
engine l7 41 "service web replicas=2 constraint=node.labels.big==yes $opted"
refuses l7 web 'pending|not run'
ok $? 'L7: a service with a pending task is left alone'
person l7 web '.Labels.x = "y"'
fake_ctl l7 'node w1 touch'
fake_until 5 stepped l7 L7
ok $? 'L7: the engine would forget the task'

# ---- L8: generic resources and a node's write
engine l8 42 "service gpu generic=GPU:1 constraint=node.hostname==big $opted" 'node big generic=GPU:2'
refuses l8 gpu 'generic'
ok $? 'L8: a service with generic resources is left alone'
fake_ctl l8 'node big touch'
fake_until 5 stepped l8 L8
ok $? 'L8: the engine would reject its task on a write of the node'

# ---- L9: done tasks of a job still count where a node is written
engine l9 41 'node small cpus=2' 'service batch mode=job replicas=1 reserve-cpu=1.5 constraint=node.hostname==small' \
	"service web reserve-cpu=0.2 constraint=node.hostname!=small $opted" 'run 20' \
	"service tight reserve-cpu=1 constraint=node.hostname==small $opted"
moves l9 web && ! stepped l9 L9
ok $? 'L9: a move writes no node'
fake_ctl l9 'node small touch'
fake_until 5 stepped l9 L9
ok $? 'L9: the engine would reject a running task'

# ---- L10: two levels of spread never end in these schedulers
engine l10 47 "service web spread=node.labels.zone $opted"
refuses l10 web 'preference'
ok $? 'L10: a service with placement preferences is left alone'
person l10 web '.TaskTemplate.Placement.Preferences += [{Spread: {SpreadDescriptor: "node.labels.rack"}}] | .TaskTemplate.ForceUpdate = 1'
fake_until 5 stepped l10 L10
ok $? 'L10: the engine would spin'

# ---- L11: nodes write themselves anew every 20 s
engine l11 47 "service web $opted"
fake_foragerd l11
sleep 1.5
fake_ctl l11 'node w1 churn 1' 'node w2 churn 1'
sleep 3
refuses l11 web 'node.*(chang|quiet|settled)|changed'
ok $? 'L11: a node that keeps changing is neither source nor target'
fake_stop l11

# ---- L12: an older API version drops what it does not know
engine l12 51 "service web $opted"
fake_docker l12 POST '/services/create' "$(service l12 web | jq -c '.Spec | .Name = "sec" |
	.TaskTemplate.ContainerSpec.Privileges = {Seccomp: {Mode: "unconfined"}, NoNewPrivileges: true} |
	.TaskTemplate.ContainerSpec.OomScoreAdj = 5')" >/dev/null
fake_until 5 bash -c "curl -s --unix-socket $FAKE_DIR/l12/control.sock -d 'where sec' http://f/ | grep -q '[mw]'"
before=$(service l12 sec | jq -S .Spec)
moves l12 sec
[ "$(service l12 sec | jq -S .Spec)" = "$before" ] && ! stepped l12 L12
ok $? 'L12: a move keeps every field of a newer engine'
doc=$(service l12 sec)
fake_docker l12 POST "/v1.41/services/sec/update?version=$(jq .Version.Index <<<"$doc")" "$(jq -c .Spec <<<"$doc")" >/dev/null
stepped l12 L12
ok $? 'L12: the engine would drop them for an old version'

echo "1..$n"
echo "RELIABILITY|landmines L1 to L12|12, on engines of API 1.41 to 1.51|I6 forager steps on none|$failed"
[ "$failed" = 0 ]
