#!/usr/bin/env bash
# ./demo, inside the rig: deploys the case, lets forager work, measures before and after, takes
# everything back, and checks that it is back. No move is made here: foragerd decides all of them.
set -euo pipefail
# shellcheck source=rig.sh
. "$RIG_LIB"

forager_bin=$DEMO_BUILD/forager
measure_s=${DEMO_MEASURE_S:-20} # per measured phase: some hundred requests of each web service
settle_most_s=120               # longest wait for a policy to have nothing left to do
calm_blog_ms=60                 # p95 of the blog, 6 to 25 ms on a machine that does nothing else
calm_decisions=5                # so many decisions in a row to stay, and it has
suffers=shop                    # the web service on the hot node

# --- telling ---------------------------------------------------------------------------------------

step() {
	printf '\n== %s (%d s)\n' "$*" "$SECONDS"
}

die() {
	printf 'demo: %s\n' "$*" >&2
	if [ -s "${log:-/dev/null}" ]; then
		echo "the last lines of foragerd's log:" >&2
		tail -n 20 "$log" >&2
	fi
	exit 1
}

# --- the case --------------------------------------------------------------------------------------

# service NODE NAME OPTION… IMAGE COMMAND…: created on NODE; the owner's constraint that put it there
# is taken away again (that moves nothing), as if Swarm had placed it so by chance.
service() {
	local node=$1 name=$2
	shift 2
	rig_docker n1 service create -d --no-resolve-image --name "$name" --stop-grace-period 1s \
		--update-order start-first --update-monitor 2s --constraint "node.hostname==$node" "$@" >/dev/null
	# One after the other, so that the order of the tasks' ages is the order below.
	rig_wait_service "$name" 1 90
}

# Web services: real HTTP, a health check, callers who look the name up for each request.
web() {
	local node=$1 name=$2
	shift 2
	service "$node" "$name" --label forager.mode=auto --network front --endpoint-mode dnsrr \
		--health-cmd 'wget -q -O /dev/null http://127.0.0.1/health' --health-interval 1s \
		--health-timeout 5s --health-retries 5 "$@" forager/web:1 /bin/web --cpu-ms 4
}

deploy() {
	local name

	rig_docker n1 network create -d overlay --attachable front >/dev/null
	# The oldest first. On n1: a web shop beside three batch jobs that want more than the node has.
	web n1 shop
	web n2 blog
	service n1 batch-1 --label forager.mode=auto --limit-cpu 0.2 forager/busy:1
	service n1 batch-2 --label forager.mode=auto --limit-cpu 0.2 forager/busy:1
	service n1 batch-3 --label forager.mode=auto --limit-cpu 0.2 forager/busy:1
	service n2 report --label forager.mode=auto --limit-cpu 0.05 forager/busy:1
	# The owner pinned this one, and the next one's owner did not opt in at all.
	service n2 ledger --label forager.mode=auto --label forager.pin=yes forager/hold:1 /bin/hold --mb 24
	service n2 legacy forager/busy:1 /bin/busy --share 0.03
	# A pair that talks to each other over the overlay network.
	service n2 feed --label forager.mode=auto --label forager.brief-errors=yes --network front \
		--endpoint-mode dnsrr forager/chat:1 /bin/chat serve
	service n1 reader --label forager.mode=auto --label forager.brief-errors=yes --network front \
		--endpoint-mode dnsrr --label forager.near=feed forager/chat:1 /bin/chat pull feed --kb-per-s 200
	# Memory that is held and hardly used.
	service n1 cache-1 --label forager.mode=auto forager/hold:1 /bin/hold --mb 48
	service n2 cache-2 --label forager.mode=auto forager/hold:1 /bin/hold --mb 48
	services=$(rig_docker n1 service ls --format '{{.Name}}' | LC_ALL=C sort)
	for name in $services; do
		[ "$name" = ledger ] && continue
		rig_docker n1 service update -d --constraint-rm "node.hostname==$(rig_service_node "$name")" "$name" >/dev/null
	done
	for name in $services; do
		rig_wait_update "$name"
	done
}

node_labels() {
	rig_docker n1 node update --label-add forager.cpus=0.5 --label-add forager.idle-watts=40 \
		--label-add forager.max-watts=90 "$1" >/dev/null
}

# --- what is held against what ---------------------------------------------------------------------

# Every service's whole spec and where its task runs; without Version.Index, which only ever grows.
places() {
	local nodes

	nodes=$(rig_api n1 /nodes | jq -c 'map({(.ID): .Description.Hostname}) | add')
	for name in $services; do
		rig_api n1 "/services/$name" | jq -c --arg name "$name" --argjson nodes "$nodes" \
			--argjson tasks "$(rig_tasks "$name")" \
			'{name: $name, spec: .Spec, nodes: [$tasks[] | $nodes[.NodeID]] | sort}'
	done | jq -S -c .
}

versions() {
	for name in legacy ledger; do
		rig_api n1 "/services/$name" | jq -c '[.Spec.Name, .Version.Index]'
	done
}

tasks_on() {
	rig_api n1 '/tasks?filters={"desired-state":{"running":true}}' | jq --arg id "$(rig_node_id "$1")" \
		'[.[] | select(.NodeID == $id and .Status.State == "running")] | length'
}

nodes_used() {
	local n=0

	for name in n1 n2 n3; do
		[ "$(tasks_on $name)" = 0 ] || n=$((n + 1))
	done
	echo "$n"
}

# measure: one phase of the load client, its JSON. The blog shares its node with little and is never
# moved: when even it is slow, something outside of the rig took the machine, and the phase says
# nothing of placement. Then it is measured again, at most twice, and that is said.
measure() {
	local phase p95 again

	for again in 1 2 3; do
		rig_load_phase client >/dev/null
		sleep "$measure_s"
		phase=$(rig_load_phase client)
		p95=$(p95_ms "$phase" blog)
		if jq -en --argjson p95 "$p95" --argjson most "$calm_blog_ms" '$p95 <= $most' >/dev/null; then
			break
		fi
		[ "$again" = 3 ] ||
			printf '   (the machine is busy with something else: blog p95 %s ms; measuring again)\n' "$p95" >&2
	done
	printf '%s\n' "$phase"
}

# p95_ms PHASE SERVICE
p95_ms() {
	jq -r --arg url "http://$2/" '.urls[] | select(.url == $url) | .p95_ms' <<<"$1"
}

# --- foragerd --------------------------------------------------------------------------------------

# configure NAME ALGORITHM MODE: the demo's clocks run a hundred times faster than the defaults, so a
# move, whose cost is an amount and not a rate, weighs a hundredth too.
configure() {
	state=$RIG_DIR/forager-$1
	log=$state.log
	mkdir -p "$state"
	cat >"$state.conf" <<-END
		[docker]
		host = unix://$(rig_sock n1)
		[endpoint]
		template = tcp://{addr}:2375
		[agent]
		mode = $3
		sample-every = 1s
		decide-every = 3s
		state-dir = $state
		[policy]
		algorithm = $2
		horizon = 72s
		seed = 1
		[objective]
		move = 0.03
		[moves]
		per-hour = 60
		cooldown = 2m
		sustain = 6s
		deploy-quiet = 4s
		warm-up = 12s
		node-quiet = 3s
		node-settle = 5s
		deadline = 40s
	END
}

forager() {
	"$forager_bin" -c "$state.conf" "$@"
}

# query SQL: a bare value.
query() {
	sqlite3 -readonly "$state/forager.db" "$1" 2>/dev/null
}

# Each node's newest load, tasks and modelled watts, as a JSON array.
nodes_now() {
	sqlite3 -readonly -json "$state/forager.db" 'SELECT node, cpu_cores, n_tasks, watts FROM v_nodes'
}

daemon_start() {
	"$DEMO_BUILD/foragerd" -c "$state.conf" 2>>"$log" &
	daemon=$!
	rig_until 20 decided 1 || die "foragerd does not decide"
}

daemon_mode() {
	sed -i "s/^mode = .*/mode = $1/" "$state.conf"
	kill -HUP "$daemon"
}

# SIGTERM ends an open move first.
daemon_stop() {
	kill -TERM "$daemon"
	wait "$daemon" || die "foragerd ended with status $?"
	daemon=''
}

decided() {
	[ "$(query 'SELECT count(*) FROM decision')" -ge "$1" ]
}

moves() {
	query "SELECT count(*) FROM v_moves WHERE kind = 'move' AND state = '$1' AND coalesce(decision_id, 0) > 0"
}

# Since when nothing has been left to do: no change open, and some decisions in a row to stay.
calm() {
	[ "$(query "SELECT count(*) FROM v_moves WHERE ended_utc IS NULL")" = 0 ] &&
		[ "$(query "SELECT coalesce(sum(action = 'stay'), 0) FROM (SELECT action FROM v_decisions ORDER BY decision_id DESC LIMIT $calm_decisions)")" = "$calm_decisions" ] &&
		[ "$(moves 'done')" -gt 0 ]
}

# Shows each change as it ends, until there is nothing left to do.
watch_moves() {
	local shown=0 now end=$((SECONDS + settle_most_s))

	while [ "$SECONDS" -lt "$end" ]; do
		now=$(query "SELECT count(*) FROM v_moves WHERE ended_utc IS NOT NULL")
		if [ "${now:-0}" -gt "$shown" ]; then
			query "SELECT '   ' || service || ': ' || coalesce(from_node, '-') || ' -> ' || coalesce(to_node, '-') || '  ' || state || '  ' || coalesce(reason, '') FROM v_moves WHERE ended_utc IS NOT NULL ORDER BY move_id LIMIT -1 OFFSET $shown"
			shown=$now
		fi
		calm && return 0
		kill -0 "$daemon" 2>/dev/null || die 'foragerd ended by itself'
		sleep 0.5
	done
	echo "   (not calm after $settle_most_s s; going on)"
}

# In mode observe: else foragerd begins anew as soon as it has taken the last move back.
take_back() {
	daemon_mode observe
	forager undo --all --move-back || die "forager undo --all --move-back ended with status $?"
	for name in $services; do
		rig_wait_service "$name" 1
		rig_wait_update "$name"
	done
}

same_as_first() {
	if [ "$(places)" = "$first" ]; then
		return 0
	fi
	diff <(printf '%s\n' "$first") <(places) >&2 || true
	return 1
}

# --- the play --------------------------------------------------------------------------------------

step 'a Swarm of two nodes, half a core each'
rig_image_load
rig_swarm_init
rig_swarm_join
node_labels n1
node_labels n2
step 'a dozen services: web with health checks, batch jobs, memory holders, a chatty pair'
deploy
rig_docker n1 service ls
rig_load_start client n1 front --rate 12 --url http://shop/ --rate 6 --url http://blog/ --seed 1 --duration 1500 --every 3600

step 'a third node joins, and Swarm leaves it empty'
rig_node_add n3 worker 0.5 1
rig_swarm_join n3
rig_image_load n3
node_labels n3
first=$(places)
untouched=$(versions)
printf '   tasks: n1 %s, n2 %s, n3 %s\n' "$(tasks_on n1)" "$(tasks_on n2)" "$(tasks_on n3)"

step 'control: the same foragerd with algorithm = spread'
configure spread spread auto
daemon_start
watch_moves
spread_phase=$(measure)
spread_nodes=$(nodes_now)
step 'the control is taken back'
take_back
daemon_stop
same_as_first || die 'the control could not be taken back exactly'

step 'foragerd observes (nothing is written) while the load goes on'
configure linear linear observe
daemon_start
before_phase=$(measure)
before_nodes=$(nodes_now)
nodes_used_before=$(nodes_used)
[ "$(places)" = "$first" ] || die 'something changed while foragerd only observed'

step 'mode = auto: foragerd decides and moves'
daemon_mode auto
watch_moves
after_phase=$(measure)
after_nodes=$(nodes_now)
nodes_used_after=$(nodes_used)

step 'what it decided, and why'
forager decisions --filter action=move
forager explain "$(query "SELECT min(decision_id) FROM v_moves WHERE kind = 'move' AND coalesce(decision_id, 0) > 0")"
step 'forager qtable'
forager qtable
step 'forager profiles'
forager profiles

moves_done=$(moves 'done')
moves_reverted=$(moves reverted)
step 'forager undo --all --move-back'
take_back
daemon_stop
undo_exact=false
same_as_first && undo_exact=true
untouched_changed=$(diff <(echo "$untouched") <(versions) | grep -c '^>' || true)
total=$(rig_load_stop client)

# --- the figures -----------------------------------------------------------------------------------

watts() {
	jq '[.[].watts // 0] | add * 10 | round / 10' <<<"$1"
}

cell() {
	jq -r --arg node "$2" '.[] | select(.node == $node) | "\((.cpu_cores // 0) * 100 | round / 100) cores, \(.n_tasks) tasks"' <<<"$1"
}

row() {
	printf '  %-22s %22s %22s %22s\n' "$@"
}

step 'before, after, and the control'
row '' before 'after (linear)' 'control (spread)'
for name in n1 n2 n3; do
	row "node $name" "$(cell "$before_nodes" $name)" "$(cell "$after_nodes" $name)" "$(cell "$spread_nodes" $name)"
done
for name in shop blog; do
	for figure in p50_ms p95_ms; do
		cells=()
		for phase in "$before_phase" "$after_phase" "$spread_phase"; do
			cells+=("$(jq -r --arg url "http://$name/" --arg f $figure '.urls[] | select(.url == $url) | .[$f]' <<<"$phase") ms")
		done
		row "$name ${figure%_ms}" "${cells[@]}"
	done
done
for figure in failed retried; do
	row "requests $figure" "$(jq .$figure <<<"$before_phase")" "$(jq .$figure <<<"$after_phase")" "$(jq .$figure <<<"$spread_phase")"
done
row 'watts (modelled)' "$(watts "$before_nodes")" "$(watts "$after_nodes")" "$(watts "$spread_nodes")"
printf '  whole run: %s requests, %s failed, %s retried after a connect failure\n' \
	"$(jq .requests <<<"$total")" "$(jq .failed <<<"$total")" "$(jq .retried <<<"$total")"

figures=$(jq -n \
	--argjson moves "$moves_done" --argjson moves_reverted "$moves_reverted" \
	--argjson total "$total" \
	--argjson before "$(p95_ms "$before_phase" $suffers)" --argjson after "$(p95_ms "$after_phase" $suffers)" \
	--argjson spread "$(p95_ms "$spread_phase" $suffers)" \
	--argjson watts_before "$(watts "$before_nodes")" --argjson watts_after "$(watts "$after_nodes")" \
	--argjson untouched "$untouched_changed" --argjson exact $undo_exact \
	--argjson nodes_before "$nodes_used_before" --argjson nodes_after "$nodes_used_after" \
	--argjson wall "$SECONDS" \
	'{moves: $moves, moves_reverted: $moves_reverted, requests_total: $total.requests,
	  requests_failed: $total.failed, requests_retried: $total.retried,
	  p95_ms_before: $before, p95_ms_after: $after, p95_ms_spread: $spread,
	  watts_before: $watts_before, watts_after: $watts_after,
	  untouched_services_changed: $untouched, undo_exact: $exact,
	  nodes_used_before: $nodes_before, nodes_used_after: $nodes_after, wall_s: $wall}')
if [ -n "$DEMO_JSON" ]; then
	printf '%s\n' "$figures" >"$DEMO_JSON"
fi

# Each is a promise of the README's first screen.
verdict() {
	jq -r '[
		(if .moves >= 1 then empty else "the policy made no move" end),
		(if .nodes_used_after > .nodes_used_before then empty else "the third node is still empty" end),
		(if .requests_failed == 0 then empty else "\(.requests_failed) requests failed" end),
		(if .p95_ms_after <= .p95_ms_before / 2 then empty else "the p95 of the web service that suffered was not halved" end),
		(if .p95_ms_after <= .p95_ms_spread then empty else "spread did better" end),
		(if .untouched_services_changed == 0 then empty else "a service that takes no part was changed" end),
		(if .undo_exact then empty else "undo was not exact" end)] | .[]' <<<"$figures"
}

problems=$(verdict)
if [ -n "$DEMO_KEEP" ]; then
	daemon_start
	printf '\nforagerd (pid %s in the rig) runs on; forager is\n  %s exec %s -c %s status\n' "$daemon" \
		"$RIG_HERE/rig" "$forager_bin" "$state.conf"
	printf 'after "rig down" remove the programs too: rm -r %s\n' "$DEMO_WORK"
fi
if [ -n "$problems" ]; then
	printf 'demo: %s\n' "$problems" >&2
	exit 1
fi
step 'the specs and places are as they were; nothing that was promised failed'
