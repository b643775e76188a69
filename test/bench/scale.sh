#!/usr/bin/env bash
# What foragerd itself costs in a large Swarm: CPU share, memory and descriptors, with the scripted
# engine (test/fake) as its own process, each node at an address of its own.
#
#   scale.sh [--containers N] [--nodes N] [--every S] [--seconds S] [--decide S] [--format text|json] BUILD
#
# BUILD is a release build's folder (make check-programs). Default: 1,000 containers on 10 nodes, each
# read every 5 s, a decision a minute, watched for two minutes after one of warming up. No container is
# read less often because it is steady (sample-stretch 1). Fails when fewer were read than was asked.
set -euo pipefail

containers=1000 nodes=10 every=5 seconds=120 decide=60 format=text build=

usage() {
	sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2
}

while [ $# -gt 0 ]; do
	case "$1" in
	--containers | --nodes | --every | --seconds | --decide | --format)
		[ $# -ge 2 ] || usage
		declare "${1#--}=$2"
		shift
		;;
	-*) usage ;;
	*) build=$(realpath -m "$1") ;;
	esac
	shift
done
[ -x "$build/foragerd" ] && [ -x "$build/test/fake/engine" ] || usage

dir=$(mktemp -d /var/tmp/forager-scale.XXXXXX)
engine='' daemon=''
tear_down() {
	# The engine goes last: foragerd's end asks nothing of it, but hears it.
	[ -z "$daemon" ] || { kill -TERM "$daemon" && wait "$daemon"; } 2>/dev/null || true
	[ -z "$engine" ] || { kill -TERM "$engine" && wait "$engine"; } 2>/dev/null || true
	rm -rf "$dir"
}
trap tear_down EXIT
trap 'exit 130' INT TERM

calc() {
	awk "BEGIN { printf \"%.3f\", ($1) }"
}

# figure NAME VALUE UNIT
figure() {
	if [ "$format" = json ]; then
		printf '{"bench":"scale","containers":%s,"every_s":%s,"figure":"%s","value":%s,"unit":"%s"}\n' \
			"$containers" "$every" "$@"
	else
		printf '%-9s %-26s %12s %s\n' scale "$1" "$2" "$3"
	fi
}

# cpu_s PID: user and system time so far.
cpu_s() {
	local fields

	read -r -a fields <<<"$(sed 's/^.*) //' "/proc/$1/stat")"
	calc "(${fields[11]} + ${fields[12]}) / $(getconf CLK_TCK)"
}

status_kib() {
	awk -v f="$1:" '$1 == f { print $2 }' "/proc/$daemon/status"
}

query() {
	sqlite3 -readonly -cmd '.timeout 5000' "$dir/state/forager.db" "$1"
}

# await SECONDS COMMAND…
await() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.2
	done
}

die() {
	tail -n 20 "$dir/engine.log" "$dir/foragerd.log" >&2 || true
	echo "scale: $*" >&2
	exit 1
}

start_all() {
	mkdir "$dir/engine" "$dir/state"
	# Ten replicas a service, ten services a node: as large Swarms have it.
	echo "many nodes=$nodes managers=1 cpus=32 mem=256G services=$((containers / 10)) replicas=10" >"$dir/world"
	"$build/test/fake/engine" --dir "$dir/engine" --tcp 23750 --script "$dir/world" >"$dir/engine.log" 2>&1 &
	engine=$!
	await 60 grep -q ready "$dir/engine.log" || die 'the engine is not ready'
	cat >"$dir/forager.conf" <<-END
		[docker]
		host = unix://$dir/engine/n1.sock
		[endpoint]
		template = tcp://{addr}:23750
		[agent]
		state-dir = $dir/state
		sample-every = ${every}s
		sample-stretch = 1
		decide-every = ${decide}s
	END
	"$build/foragerd" -c "$dir/forager.conf" 2>"$dir/foragerd.log" &
	daemon=$!
}

decisions_are() {
	[ "$(query 'SELECT count(*) FROM decision')" -ge "$1" ]
}

all_profiled() {
	[ "$(query 'SELECT count(DISTINCT container) FROM sample')" -ge "$containers" ]
}

stored_until() {
	[ "$(query 'SELECT max(at_ms) FROM sample')" -ge "$1" ]
}

now_ms() {
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

# One reading of memory a second.
watch() {
	local end=$((SECONDS + seconds))

	while [ "$SECONDS" -lt "$end" ]; do
		status_kib VmRSS >>"$dir/rss"
		sleep 1
	done
}

measure() {
	local cpu engine_cpu from to wall n

	cpu=$(cpu_s "$daemon") engine_cpu=$(cpu_s "$engine") from=$(now_ms)
	watch
	cpu=$(calc "$(cpu_s "$daemon") - $cpu")
	engine_cpu=$(calc "$(cpu_s "$engine") - $engine_cpu")
	to=$(now_ms)
	wall=$(calc "($to - $from) / 1000")
	await 90 stored_until "$to" || die 'the readings are not stored'
	n=$(query "SELECT count(*) FROM sample WHERE at_ms > $from AND at_ms <= $to")
	figure readings_per_s "$(calc "$n / $wall")" "(asked: $(calc "$containers / $every"))"
	figure foragerd_cpu "$(calc "100 * $cpu / $wall")" '% of a core'
	figure foragerd_cpu_per_reading "$(calc "1e6 * $cpu / $n")" us
	figure foragerd_rss_median "$(sort -n "$dir/rss" | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }')" KiB
	figure foragerd_rss_most "$(status_kib VmHWM)" KiB
	figure foragerd_descriptors "$(find "/proc/$daemon/fd" -mindepth 1 | wc -l)" ''
	figure engine_cpu "$(calc "100 * $engine_cpu / $wall")" '% of a core'
	[ "$(calc "$n >= 0.95 * $containers / $every * $wall")" = 1.000 ] || die 'it reads less than it was told to'
}

start_all
await 300 all_profiled || die 'it does not see all containers'
# The first rounds find out how many calls at once the engines bear, the first decision has no
# forecasts: measured from the second one on.
await $((2 * decide + 60)) decisions_are 2 || die 'it does not decide'
measure
