# shellcheck shell=bash
# The cgroup folders of a rig: /$RIG_CGROUP/NODE in each hierarchy, made smaller by a CPU quota.
# All names begin with /forager-rig-, so that what a killed rig left can be found.
#
# The v1 half runs in the project's own tests. The v2 half follows the kernel's cgroup-v2
# document and could not be tried on the machines that these tests were written on.

RIG_CGROUP_ROOT=/sys/fs/cgroup
RIG_CGROUP_PERIOD_US=100000

rig_cgroup_version() {
	if [ "$(stat -fc %T "$RIG_CGROUP_ROOT")" = cgroup2fs ]; then
		echo 2
	else
		echo 1
	fi
}

# rig_cgroup_make PATH QUOTA: PATH below the root, made if need be; QUOTA in CPUs, "-" for none.
rig_cgroup_make() {
	local path=$1 quota=$2 quota_us=-1 dir part

	if [ "$quota" != - ]; then
		quota_us=$(awk -v q="$quota" -v p="$RIG_CGROUP_PERIOD_US" 'BEGIN { printf "%d", q * p }')
		[ "$quota_us" -ge 1000 ] || rig_die "CPU quota '$quota' is not a number of CPUs from 0.01"
	fi
	if [ "$(rig_cgroup_version)" = 1 ]; then
		dir=$RIG_CGROUP_ROOT/cpu$path
		mkdir -p "$dir"
		echo "$RIG_CGROUP_PERIOD_US" >"$dir/cpu.cfs_period_us"
		echo "$quota_us" >"$dir/cpu.cfs_quota_us"
		return
	fi
	# A controller reaches a folder only if all folders above pass it on.
	dir=$RIG_CGROUP_ROOT
	for part in ${path//\// }; do
		rig_cgroup_pass_on "$dir"
		dir=$dir/$part
		mkdir -p "$dir"
	done
	rig_cgroup_pass_on "$dir"
	[ "$quota_us" = -1 ] && quota_us=max
	echo "$quota_us $RIG_CGROUP_PERIOD_US" >"$dir/cpu.max"
}

# rig_cgroup_weigh PATH FACTOR: how many times the usual share it gets where CPU is short.
rig_cgroup_weigh() {
	if [ "$(rig_cgroup_version)" = 1 ]; then
		echo $((1024 * $2)) >"$RIG_CGROUP_ROOT/cpu$1/cpu.shares"
	else
		echo $((100 * $2)) >"$RIG_CGROUP_ROOT$1/cpu.weight"
	fi
}

rig_cgroup_pass_on() {
	local controller

	for controller in cpu cpuset memory pids io; do
		grep -qw "$controller" "$1/cgroup.controllers" || continue
		grep -qw "$controller" "$1/cgroup.subtree_control" && continue
		echo "+$controller" >"$1/cgroup.subtree_control" ||
			rig_die "cgroup v2: cannot pass '$controller' on in $1 (processes in that folder?)"
	done
}

# The folders of this name in all hierarchies (v1 has one for each controller).
rig_cgroup_dirs() {
	find "$RIG_CGROUP_ROOT" -mindepth 1 -maxdepth 2 -type d -name "$1" 2>/dev/null || true
}

rig_cgroup_rmdirs() {
	local dir

	for dir in $(rig_cgroup_dirs "$1"); do
		find "$dir" -depth -type d -exec rmdir {} + || return 1
	done
}

# rig_cgroup_sweep PATTERN: ends what still runs in such folders and removes them.
rig_cgroup_sweep() {
	local dir pid

	for dir in $(rig_cgroup_dirs "$1"); do
		find "$dir" -name cgroup.procs -exec cat {} + 2>/dev/null
	done | sort -u | while read -r pid; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	# The kernel lets a folder go a moment after its last process.
	rig_until 10 rig_cgroup_rmdirs "$1" || rig_say "cannot remove the cgroup folders $(rig_cgroup_dirs "$1" | tr '\n' ' ')"
}
