#!/usr/bin/env bash
# What foragerd and its questions cost: CPU share, memory and descriptors of foragerd with N small
# containers, and the engines' CPU time for one stats call. As root, on the rig.
#
#   footprint.sh [--containers N] [--seconds S] [--every S] [--format text|json] BUILD
#
# BUILD is the folder with foragerd. Default: 60 containers on three nodes, two minutes, a line of
# samples every 5 s to standard error. Clocks of foragerd are the defaults (sample-every 15 s), but
# for decide-every, which is 30 s, so that whole cycles fall into the time.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
	sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2
}

# --- outside: options, then the rig ----------------------------------------------------------------

start() {
	export FOOTPRINT_CONTAINERS=60 FOOTPRINT_SECONDS=120 FOOTPRINT_EVERY=5 FOOTPRINT_FORMAT=text
	while [ $# -gt 0 ]; do
		case "$1" in
		--containers | --seconds | --every | --format)
			[ $# -ge 2 ] || usage
			declare -gx "FOOTPRINT_$(tr '[:lower:]' '[:upper:]' <<<"${1#--}")=$2"
			shift
			;;
		-*) usage ;;
		*) FOOTPRINT_BUILD=$(realpath -m "$1") ;;
		esac
		shift
	done
	if [ ! -x "${FOOTPRINT_BUILD:-}/foragerd" ]; then
		echo 'footprint: no foragerd in BUILD' >&2
		usage
	fi
	export FOOTPRINT_BUILD
	exec "$here/../rig/rig" run --nodes m1:manager w1 w2 -- "$here/footprint.sh" inside
}

# --- reading a process -----------------------------------------------------------------------------

# cpu_ticks PID…: user and system time of these together, in clock ticks.
cpu_ticks() {
	local pid sum=0 fields

	for pid; do
		read -r -a fields <<<"$(sed 's/^.*) //' "/proc/$pid/stat")"
		sum=$((sum + fields[11] + fields[12]))
	done
	echo "$sum"
}

rss_kib() {
	awk '$1 == "VmRSS:" { print $2 }' "/proc/$1/status"
}

descriptors() {
	find "/proc/$1/fd" -mindepth 1 -maxdepth 1 | wc -l
}

engines() {
	local name

	for name in $(rig_nodes); do
		rig_node_engine "$name"
	done
}

# --- telling ---------------------------------------------------------------------------------------

# figure NAME VALUE UNIT
figure() {
	if [ "$FOOTPRINT_FORMAT" = json ]; then
		printf '{"bench":"footprint","figure":"%s","value":%s,"unit":"%s"}\n' "$@"
	else
		printf '%-9s %-33s %12s %s\n' footprint "$1" "$2" "$3"
	fi
}

calc() {
	awk "BEGIN { printf \"%.3f\", ($1) }"
}

# --- inside ----------------------------------------------------------------------------------------

containers_up() {
	rig_image_load
	rig_swarm_init
	rig_swarm_join
	rig_docker m1 service create -d --no-resolve-image --name small --stop-grace-period 1s \
		--replicas "$FOOTPRINT_CONTAINERS" forager/hold:1 /bin/hold --mb 1 >/dev/null
	rig_wait_service small "$FOOTPRINT_CONTAINERS" 240
}

# How much CPU time the engines take in so many seconds of being left alone, in ticks a second.
engines_idle() {
	local before from=$EPOCHREALTIME

	# shellcheck disable=SC2046
	before=$(cpu_ticks $(engines))
	sleep 15
	# shellcheck disable=SC2046
	calc "($(cpu_ticks $(engines)) - $before) / ($EPOCHREALTIME - $from)"
}

# Stats calls straight to one engine, as foragerd makes them, without foragerd.
stats_calls() {
	local rounds=10 ids urls=() id engine before from=$EPOCHREALTIME wall ticks n

	engine=$(rig_node_engine w1)
	mapfile -t ids < <(rig_api w1 /containers/json | jq -r '.[].Id')
	for id in "${ids[@]}"; do
		urls+=("http://docker/containers/$id/stats?stream=false&one-shot=true" -o /dev/null)
	done
	before=$(cpu_ticks "$engine")
	from=$EPOCHREALTIME
	for ((n = 0; n < rounds; n++)); do
		curl -sS --no-progress-meter --max-time 30 --parallel --parallel-max 32 --unix-socket "$(rig_sock w1)" "${urls[@]}"
	done
	wall=$(calc "$EPOCHREALTIME - $from")
	ticks=$(($(cpu_ticks "$engine") - before))
	n=$((rounds * ${#ids[@]}))
	figure stats_calls "$n" ''
	figure stats_round_wall "$(calc "$wall / $rounds")" s
	figure stats_call_engine_cpu "$(calc "($ticks - $1 / 3 * $wall) * 1000 / $hertz / $n")" ms
}

foragerd_up() {
	local state=$RIG_DIR/forager

	mkdir -p "$state"
	cat >"$state.conf" <<-END
		[docker]
		host = unix://$(rig_sock m1)
		[endpoint]
		template = tcp://{addr}:2375
		[agent]
		mode = observe
		decide-every = 30s
		state-dir = $state
	END
	"$FOOTPRINT_BUILD/foragerd" -c "$state.conf" 2>"$state.log" &
	daemon=$!
	if ! rig_until 60 profiled; then
		tail -n 20 "$state.log" >&2
		rig_die 'foragerd does not see all containers after 60 s'
	fi
}

query() {
	sqlite3 -readonly "$RIG_DIR/forager/forager.db" "$1"
}

profiled() {
	[ "$(query 'SELECT count(DISTINCT container) FROM sample')" -ge "$FOOTPRINT_CONTAINERS" ]
}

samples_seen() {
	query 'SELECT count(*) FROM sample'
}

# Samples foragerd until time is up; the time between two is what is measured, not waited for.
watch_foragerd() {
	local from=$EPOCHREALTIME first engines_first engines_last last wall rss fds rss_most=0 fds_most=0 now samples idle=$1

	# shellcheck disable=SC2046
	engines_first=$(cpu_ticks $(engines))
	first=$(cpu_ticks "$daemon")
	last=$first
	samples=$(samples_seen)
	while [ "$(calc "$EPOCHREALTIME - $from >= $FOOTPRINT_SECONDS")" != 1.000 ]; do
		sleep "$FOOTPRINT_EVERY"
		now=$(cpu_ticks "$daemon")
		rss=$(rss_kib "$daemon")
		fds=$(descriptors "$daemon")
		printf 'cpu %s %%  rss %s KiB  descriptors %s\n' \
			"$(calc "($now - $last) * 100 / $hertz / $FOOTPRINT_EVERY")" "$rss" "$fds" >&2
		last=$now
		rss_most=$((rss > rss_most ? rss : rss_most))
		fds_most=$((fds > fds_most ? fds : fds_most))
	done
	wall=$(calc "$EPOCHREALTIME - $from")
	# shellcheck disable=SC2046
	engines_last=$(cpu_ticks $(engines))
	figure watched "$wall" s
	figure foragerd_cpu "$(calc "($last - $first) * 100 / $hertz / $wall")" '% of a core'
	figure foragerd_rss_last "$rss" KiB
	figure foragerd_rss_most "$rss_most" KiB
	figure foragerd_descriptors_most "$fds_most" ''
	figure samples_stored "$(($(samples_seen) - samples))" ''
	figure engines_cpu_alone "$(calc "$idle * 100 / $hertz")" '% of a core, all three'
	figure engines_cpu_watched "$(calc "($engines_last - $engines_first) * 100 / $hertz / $wall")" '% of a core, all three'
}

inside() {
	local idle

	# shellcheck source=test/rig/rig.sh
	. "$RIG_LIB"
	hertz=$(getconf CLK_TCK)
	containers_up
	idle=$(engines_idle)
	figure containers "$FOOTPRINT_CONTAINERS" ''
	stats_calls "$idle"
	foragerd_up
	watch_foragerd "$idle"
	kill -TERM "$daemon"
	wait "$daemon" || rig_die "foragerd ended with status $?"
}

if [ "${1:-}" = inside ]; then
	inside
else
	start "$@"
fi
