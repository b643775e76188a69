#!/bin/bash
# What vm.sh's machine does with itself: a Swarm of one on cgroup v2, forager installed as README says.
# TAP on the serial line. Deadlines are an emulated machine's.
set -u
n=0
failed=0
unit=forager.service
cgroup=/sys/fs/cgroup/system.slice/$unit

ok() {
	local text=$1
	shift
	n=$((n + 1))
	if "$@"; then
		echo "ok $n - $text"
	else
		echo "not ok $n - $text"
		failed=$((failed + 1))
	fi
}

# until SECONDS COMMAND…
until_s() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 1
	done
}

is() { [ "$("${@:2}" 2>/dev/null)" = "$1" ]; }
engine() { curl -sf --unix-socket /run/docker.sock "http://docker/v1.41/$1"; }
answers() { engine _ping >/dev/null; }

swarm() {
	ip link add cluster0 type dummy && ip addr add 10.231.0.1/24 dev cluster0 && ip link set cluster0 up
	docker swarm init --advertise-addr 10.231.0.1 >/dev/null 2>&1
}

# Three behaviours: computing against its limit, memory of its own, memory that is only page cache.
services() {
	local create='docker service create --detach --no-resolve-image --label forager.mode=auto'

	mkdir -p /root/image/bin /root/image/tmp && cp /bin/busybox /root/image/bin/ &&
		for a in sh sleep dd cat head tail; do ln -s busybox "/root/image/bin/$a"; done
	tar -C /root/image -c . | docker import - forager/vm:1 >/dev/null || return 1
	$create --name busy --limit-cpu 0.3 forager/vm:1 sh -c 'while :; do :; done' >/dev/null &&
		$create --name own --limit-memory 128M forager/vm:1 \
			sh -c 'x=$(head -c 24000000 /dev/zero | busybox tr "\0" x); sleep 100000; :' >/dev/null &&
		$create --name cache --limit-memory 192M forager/vm:1 \
			sh -c 'dd if=/dev/zero of=/tmp/f bs=1M count=64; sleep 100000' >/dev/null
}

# An emulated engine takes its time; an administrator of one would say so.
patience() {
	mkdir -p /etc/forager/conf.d
	printf '%s\n' '[docker]' 'timeout = 3m' '[agent]' 'sample-every = 30s' >/etc/forager/conf.d/slow.conf
}

run_as_readme() {
	sed -n 1,2p /root/commands | bash -e 2>/root/readme.err || { cat /root/readme.err; return 1; }
}

profile() {
	# Slurped: jq 1.6 is content with no document at all.
	forager profiles --format json |
		jq -s -e --arg s "$1" "[.[] | select(.service == \$s)][0] | $2" >/dev/null
}
# What stats of cgroup v2 must be read as: the limit and its throttling, memory without page cache.
all_profiled() {
	profile busy '.cpu_mean_cores > 0.2 and .cpu_mean_cores < 0.4 and .throttled_ratio > 0.5' &&
		profile own '.mem_p95_bytes > 20000000' && profile cache '.mem_p95_bytes < 32000000'
}
limit_is_in_force() {
	local max

	max=$(cat "$cgroup/memory.max")
	echo "# memory.max of the unit: $max bytes; used: $(cat "$cgroup/memory.current")"
	[ "$max" = "$(systemctl show "$unit" --property MemoryMax --value)" ] && [ "$max" != max ]
}
exposure() {
	systemd-analyze security --no-pager --threshold=15 "$unit" | tail -n 1 | sed 's/^/# /'
	[ "${PIPESTATUS[0]}" = 0 ]
}
untouched() { [ "$(engine services | jq -r '.[] | "\(.Spec.Name) \(.Version.Index)"' | sort)" = "$versions" ]; }

echo "# Linux $(uname -r), systemd $(systemctl --version | awk 'NR == 1 { print $2 }')"
ok 'the root of all control groups is cgroup2' is cgroup2fs stat -fc %T /sys/fs/cgroup
ok 'the engine answers' until_s 300 answers
ok 'the engine uses cgroup v2 by systemd' is '2 systemd' docker info --format '{{.CgroupVersion}} {{.CgroupDriver}}'
ok 'a Swarm of one' swarm
ok 'three services' services
ok 'their tasks run' until_s 400 is 3 sh -c 'docker ps -q --filter status=running | wc -l'
until_s 60 is 3 sh -c 'docker service ls --format "{{.Replicas}}" | grep -c 1/1' >/dev/null
versions=$(engine services | jq -r '.[] | "\(.Spec.Name) \(.Version.Index)"' | sort)
patience
ok "README's commands" run_as_readme
ok 'the unit is active' until_s 120 is active systemctl is-active "$unit"
ok 'MemoryMax is in force' limit_is_in_force
ok 'exposure at most 1.5, online' exposure
ok 'profiles of all three: limit and throttling, memory without page cache' until_s 600 all_profiled
forager profiles 2>&1 | sed 's/^/# /'
forager profiles --format json | sed 's/^/# /'
echo "# pressure: $(head -n 1 /proc/pressure/cpu)"
ok 'observing changed no service' untouched
ok 'not restarted, no watchdog' is 0 systemctl show "$unit" --property NRestarts --value
ok 'it stops by itself' systemctl stop "$unit"
ok 'and ended well' is success systemctl show "$unit" --property Result --value
journalctl --unit "$unit" --no-pager --output cat | tail -n 15 | sed 's/^/# /'
echo "1..$n"
echo "RELIABILITY|a Swarm on cgroup v2, in a virtual machine|$n checks of unit, profiles, limit|observed right, nothing changed|$failed"
echo '# all of it was run'
