# shellcheck shell=bash disable=SC2034 # the lists are the callers'
# Installs what ./demo and ./check need (sourced by both; needs root). No engine is started by it:
# while packages are set up, policy-rc.d tells Debian's tools to start no service, and it goes away
# again (or back to what it was) even when apt fails.

packages_build='build-essential autoconf automake pkg-config libuv1-dev libcurl4-openssl-dev
	libjansson-dev libsqlite3-dev libsystemd-dev libinih-dev libsmartcols-dev'
packages_rig='docker.io iptables iproute2 busybox-static curl gcc libc6-dev jq sqlite3 util-linux procps'
packages_check='libcmocka-dev bats clang clang-format-14 libclang-rt-14-dev mandoc xz-utils openssl
	strace shellcheck python3'
packages_boot='systemd-container mmdebstrap'
packages_vm='qemu-system-x86 busybox-static e2fsprogs'

# packages_install NAME…: installs those that are missing; quiet when there are none.
packages_install() {
	local missing=() name policy=/usr/sbin/policy-rc.d saved='' status=0

	for name in "$@"; do
		dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed ||
			missing+=("$name")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	echo "installing: ${missing[*]}"
	if [ -e "$policy" ]; then
		saved=$(mktemp)
		cp -p "$policy" "$saved"
	fi
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
	{
		apt-get update -qq &&
			DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
				"${missing[@]}" >/dev/null
	} || status=$?
	if [ -n "$saved" ]; then
		cp -p "$saved" "$policy"
		rm -f "$saved"
	else
		rm -f "$policy"
	fi
	if [ "$status" -ne 0 ]; then
		echo "could not install: ${missing[*]} (apt-get's message stands above)" >&2
		return 1
	fi
}
