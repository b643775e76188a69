#!/usr/bin/env bash
# People at work while forager moves: deploys, scaling, rollbacks, labels, constraints, drains, other
# tools that write back what they read long ago. A person's change always wins, is never taken back,
# and the service ends as the person wants it, without anything of forager's.
# Usage: BUILD=DIR [LONG=1] people.sh [CHANGES]
set -uo pipefail
. "$(dirname "$0")/fake.sh"
export FAKE_MANAGER=m1 FAKE_TIMEOUT=20s
changes=${1:-48}
[ "${LONG:-0}" = 0 ] || changes=${1:-200}
worlds=${WORLDS:-8}

world() {
	local opted='label.forager.mode=auto order=start-first monitor=0.3' i

	printf 'node %s\n' 'm1 manager' w1 w2 w3 w4
	for i in 1 2 3; do
		echo "service s$i replicas=$i $opted"
		echo "times s$i start=0.1 stop=0.05"
	done
	echo "service quiet replicas=2"
}

version() { jq .Version.Index <<<"$1"; }

# post NAME SERVICE JQ-FILTER [QUERY]: a person's change; again when somebody was faster.
post() {
	local doc try

	for try in 1 2 3 4 5 6; do
		doc=$(fake_docker "$1" GET "/services/$2")
		fake_docker "$1" POST "/services/$2/update?version=$(version "$doc")${4:-}" "$(jq -c ".Spec | $3" <<<"$doc")" |
			grep -q 'out of sequence' || return 0
	done
	echo "# $2: $try times out of sequence"
}

# What somebody read before and writes back now: with forager's labels and constraints in it.
write_back() {
	local doc=$2 service=$3 now

	now=$(fake_docker "$1" GET "/services/$service")
	fake_docker "$1" POST "/services/$service/update?version=$(version "$now")" "$(jq -c '.Spec | .Labels.tool = "t"' <<<"$doc")" >/dev/null
}

drain() {
	local doc

	doc=$(fake_docker "$1" GET "/nodes/$2")
	fake_docker "$1" POST "/nodes/$2/update?version=$(version "$doc")" "$(jq -c ".Spec | .Availability = \"$3\"" <<<"$doc")" >/dev/null
}

# docker service rm, and from its owner's file again: another service of the same name.
recreate() {
	local spec

	spec=$(fake_docker "$1" GET "/services/$2" | jq -c '.Spec | del(.Labels["forager.plan", "forager.before"], .TaskTemplate.Placement.Constraints)')
	fake_docker "$1" DELETE "/services/$2" >/dev/null
	fake_docker "$1" POST /services/create "$spec" >/dev/null
	fake_ctl "$1" "times $2 start=0.1 stop=0.05" >/dev/null
}

# change NAME SERVICE NUMBER: one of what people do.
change() {
	local name=$1 service=$2 i=$3 doc

	case $((RANDOM % 12)) in
	0) post "$name" "$service" ".TaskTemplate.ContainerSpec.Image = \"app:$i\"" ;;
	1) post "$name" "$service" ".Mode.Replicated.Replicas = $((RANDOM % 3 + 1))" ;;
	2) post "$name" "$service" . '&rollback=previous' ;;
	3) post "$name" "$service" ".Labels.team = \"t$i\"" ;;
	4) post "$name" "$service" '.TaskTemplate.Placement.Constraints = ["node.hostname!=w4"]' ;;
	5) post "$name" "$service" 'del(.TaskTemplate.Placement.Constraints)' ;;
	6) post "$name" "$service" ".UpdateConfig.Delay = ${i}000000" ;;
	7) post "$name" "$service" ".TaskTemplate.ForceUpdate = $i" ;;
	8) # docker stack deploy: all of it from a file
		post "$name" "$service" '.Labels = {"forager.mode": "auto"} | .TaskTemplate.Placement = {} | .UpdateConfig = {Parallelism: 1, Order: "start-first", Monitor: 300000000, FailureAction: "pause", Delay: 0, MaxFailureRatio: 0}' ;;
	9) doc=$(fake_docker "$name" GET "/services/$service")
		sleep 0.$((RANDOM % 10))
		write_back "$name" "$doc" "$service" ;;
	10) drain "$name" w3 drain
		sleep 0.3
		drain "$name" w3 active ;;
	11) recreate "$name" "$service" ;;
	esac
}

is_settled() { [ "$(fake_sql "$1" 'SELECT count(*) FROM move WHERE ended_wall_ms IS NULL')" = 0 ]; }

one_round() {
	local name=$1 i=$2 service from to

	service=s$((RANDOM % 3 + 1))
	from=$(fake_ctl "$name" "where $service" | grep -v '^-' | shuf -n 1)
	to=$(printf '%s\n' m1 w1 w2 w4 | grep -vxF -e "$(fake_ctl "$name" "where $service")" | shuf -n 1)
	fake_forager "$name" move "$service" --from "${from:-m1}" --to "${to:-w1}" >>"$FAKE_DIR/$name/moves" 2>&1 &
	sleep "$((RANDOM % 2)).$((RANDOM % 10))"
	change "$name" "$service" "$i"
	wait $!
	fake_until 60 is_settled "$name" || echo "not settled after change $i" >>"$FAKE_DIR/$name/bad"
	# An update that a person's change made stop is theirs to mend; here they do.
	fake_until 30 is_calm "$name" "$service" || post "$name" "$service" '.TaskTemplate.Placement = {}'
}

is_calm() { ! fake_docker "$1" GET "/services/$2" | jq -e '.UpdateStatus.State // "" | test("updating|started")' >/dev/null; }

# After a person's newest write nothing but forager's own labels and terms may have changed.
theirs_stand() {
	jq -rn '
		def bare: del(.TaskTemplate.Placement.Constraints, .UpdateConfig, .Labels["forager.plan", "forager.before"]);
		reduce (inputs | select(.kind == "service" and (.what == "update" or .what == "create"))) as $l
			({theirs: {}, bad: []};
			 if $l.who != "forager" and $l.who != "swarm" then .theirs[$l.name] = $l.spec
			 elif $l.who == "forager" and (.theirs[$l.name] // $l.spec | bare) != ($l.spec | bare)
			 then .bad += [$l.name] else . end)
		| .bad[]' "$1"
}

# Services that carry something of forager's though the newest write of the spec is not a person's
# (who writes back what they read in mid-move keeps it: theirs stands).
left_behind() {
	jq -rn '
		reduce (inputs | select(.kind == "service" and (.what == "update" or .what == "create") and .who != "swarm")) as $l
			({}; .[$l.name] = {who: $l.who, ours: ($l.spec | tostring | test("forager.plan|forager.before|node.id"))})
		| to_entries[] | select(.value.who == "forager" and .value.ours) | .key' "$1"
}

one_world() {
	local name=w$1 i

	fake_world_begin
	fake_engine "$name" --stats-latency 0 --seed "$1" < <(world)
	fake_config "$name" m1 'mode = observe' '[moves]' 'per-hour = 3600' 'deadline = 20s' 'cooldown = 0' \
		'deploy-quiet = 0' 'node-quiet = 0'
	fake_foragerd "$name"
	sleep 1.5
	for ((i = 1; i <= (changes + worlds - 1) / worlds; i++)); do
		one_round "$name" $((i + $1 * 1000))
		echo "$i" >>"$FAKE_DIR/$name/rounds"
	done
	fake_stop "$name" || echo "foragerd ended with $?" >>"$FAKE_DIR/$name/bad"
	fake_minute "$name"
	left_behind "$FAKE_DIR/$name/record" | sed 's/^/left behind in /' >>"$FAKE_DIR/$name/bad"
	fake_sql "$name" "SELECT 'gave up: ' || id || ' ' || reason FROM move WHERE state = 'gave-up'" >>"$FAKE_DIR/$name/bad"
	cat "$FAKE_DIR/$name/engine.err" >>"$FAKE_DIR/$name/bad"
	grep -hE 'AddressSanitizer|runtime error' "$FAKE_DIR/$name/foragerd.log" "$FAKE_DIR/$name/moves" >>"$FAKE_DIR/$name/bad"
	theirs_stand "$FAKE_DIR/$name/record"| sed 's/^/a person'"'"'s change was taken back: /' >>"$FAKE_DIR/$name/bad"
}

# Somebody saves the spec in mid-move and writes it back when the move is over. It stays so: foragerd
# only observes. Status says it, and release takes it away, with foragerd and without.
written_back() {
	local name=back doc with from

	fake_world_begin
	fake_engine "$name" --stats-latency 0 < <(world)
	fake_config "$name" m1 'mode = observe' 'decide-every = 10s' '[moves]' 'deploy-quiet = 0' 'node-quiet = 0'
	fake_foragerd "$name"
	fake_ctl "$name" 'times s1 start=2 stop=0.05' >/dev/null
	sleep 1.5
	from=$(fake_ctl "$name" 'where s1')
	fake_forager "$name" move s1 --from "$from" --to "$(printf '%s\n' w1 w2 | grep -vx "$from" | head -n 1)" >"$FAKE_DIR/$name/moves" 2>&1 &
	fake_until 20 is_labelled "$name" && doc=$(fake_docker "$name" GET /services/s1)
	wait $! || echo "the move failed: $(cat "$FAKE_DIR/$name/moves")"
	! is_labelled "$name" || echo 'the move left its labels'
	for with in foragerd nobody; do
		write_back "$name" "$doc" s1
		is_labelled "$name" || echo "written back with $with: no label"
		fake_until 60 tells "$name" || echo "status says nothing with $with"
		said "$name" 'forager release takes' explain s1 || echo "explain says nothing with $with"
		if [ "$with" = foragerd ]; then
			said "$name" 'carries labels of forager' release s1 --dry-run || echo 'a dry run does not say what to do'
		else
			fake_stop "$name" || echo "foragerd ended with $?"
		fi
		fake_forager "$name" release s1 >"$FAKE_DIR/$name/release" 2>&1 || echo "release fails with $with: $(cat "$FAKE_DIR/$name/release")"
		! is_labelled "$name" || echo "labels are left with $with"
		! fake_docker "$name" GET /services/s1 | jq .Spec | grep -q 'node[.]id' || echo "terms are left with $with"
	done
	[ "$(fake_docker "$name" GET /services/s1 | jq -r .Spec.Labels.tool)" = t ] || echo 'their own label is gone'
	written_back_bare "$name" "$(jq 'del(.Spec.Labels["forager.plan", "forager.before"])' <<<"$doc")"
	grep -hE 'AddressSanitizer|runtime error' "$FAKE_DIR/$name/foragerd.log" "$FAKE_DIR/$name/release"
}

# The same from a file in which forager's labels do not stand: only the journal knows whose the terms
# are. It is told, nothing is done, and what is told takes them away.
written_back_bare() {
	local name=$1 terms was

	fake_foragerd "$name"
	write_back "$name" "$2" s1
	terms=$(fake_docker "$name" GET /services/s1 | jq -r '.Spec.TaskTemplate.Placement.Constraints[]')
	[[ $terms == *node.id* ]] || echo "no terms were written back: $terms"
	was=$(fake_docker "$name" GET /services/s1 | jq .Version.Index)
	fake_until 60 tells_terms "$name" "${terms%%$'\n'*} on s1" || echo "status says nothing of terms: $(fake_forager "$name" status)"
	said "$name" "--constraint-rm '${terms%%$'\n'*}'" explain s1 || echo 'explain says nothing of terms'
	[ "$(fake_docker "$name" GET /services/s1 | jq .Version.Index)" = "$was" ] || echo 'the service was written to'
	post "$name" s1 'del(.TaskTemplate.Placement.Constraints)'
	fake_until 60 tells_terms "$name" null || echo "status still says: $(fake_forager "$name" status)"
	fake_stop "$name" || echo "foragerd ended with $?"
}

tells_terms() { [[ $(fake_forager "$1" status --format json | jq -r .terms_back_on) == *"$2"* ]]; }

# said NAME TEXT VERB…: forager says it, whatever it ends with.
said() {
	local name=$1 want=$2 text

	shift 2
	text=$(fake_forager "$name" "$@" 2>&1)
	[[ $text == *"$want"* ]]
}

is_labelled() { fake_docker "$1" GET /services/s1 | jq -e '.Spec.Labels["forager.plan"]' >/dev/null; }

tells() {
	[ "$(fake_forager "$1" status --format json | jq -r .labels_left_on)" = s1 ] &&
		fake_forager "$1" status | grep -q 'forager release SERVICE'
}

(written_back) >"$FAKE_DIR/written-back"
pids=()
for ((n = 0; n < worlds; n++)); do
	(one_world "$n") &
	pids+=($!)
done
wait "${pids[@]}"

bad=$(wc -l <"$FAKE_DIR/written-back")
sed 's/^/written back: /' "$FAKE_DIR/written-back"
for ((n = 0; n < worlds; n++)); do
	dir=$FAKE_DIR/w$n
	[ ! -s "$dir/bad" ] || { cat "$dir/bad"; bad=$((bad + $(wc -l <"$dir/bad"))); }
	"$BUILD/test/fake/check" --only I1,I2,I3,I4,I5,I6 --database "$dir/state/forager.db" "$dir/record" \
		>"$dir/judged" || { cat "$dir/judged"; bad=$((bad + 1)); }
	cat "$dir/judged" >>"$FAKE_DIR/judged"
	cat "$dir/rounds" >>"$FAKE_DIR/rounds"
	sqlite3 -readonly "$dir/state/forager.db" 'SELECT state FROM move' >>"$FAKE_DIR/states"
done
total=$(wc -l <"$FAKE_DIR/rounds")
printf 'people: %d changes; moves ended %s\n' "$total" "$(sort "$FAKE_DIR/states" | uniq -c | awk '{ printf "%s %s  ", $1, $2 }')"
for i in 1 2 3 4 5 6; do
	violations=$(awk -v i="I$i" '$1 == i { n += $(NF - 1) } END { print n + 0 }' "$FAKE_DIR/judged")
	text=$(grep -m1 "^I$i " "$FAKE_DIR/judged" | sed 's/: .*//')
	echo "RELIABILITY|people's changes in the middle of moves|$total changes, 12 kinds|$text|$violations"
done
echo "RELIABILITY|people's changes in the middle of moves|$total changes, 12 kinds|a person's change stands, nothing of forager's is left|$bad"
[ "$bad" = 0 ] && [ "$total" -ge $((changes / worlds * worlds)) ]
