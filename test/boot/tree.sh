# shellcheck shell=bash
# The root of a machine that has systemd, what forager links, and a docker client's socket, but no
# forager: made from the package sources of this machine. Sourced by all.sh.

# What a manager has besides forager; `docker` stands for Debian's docker.io, of which only the group,
# the socket and its unit matter here: the engine behind it is one of the rig's.
tree_packages='systemd-sysv dbus procps libuv1 libcurl4 libjansson4 libsqlite3-0 libinih1 libsmartcols1'

# The machine's own sources of its distribution, one line each; third parties' are left out.
tree_sources() {
	local id

	id=$(. /etc/os-release && echo "$ID")
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' \
		"Origin: ${id^}" | sort -u
}

# tree_plain DIR: about 20 s, most of it for fetching and unpacking 90 packages.
tree_plain() {
	local suite proxies=() line

	suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
	[ -n "$(tree_sources)" ] || apt-get update -qq
	while read -r line; do
		proxies+=(--aptopt="$line")
	done < <(apt-config dump | grep -E '^Acquire::https?::Proxy')
	tree_sources | mmdebstrap --quiet --mode=root --variant=minbase --include="${tree_packages// /,}" \
		--aptopt='APT::Install-Recommends "false"' --dpkgopt=force-unsafe-io "${proxies[@]}" "$suite" "$1" - || return 1
	# Timers that would fetch packages, and a journal that outlives a boot.
	rm -f "$1"/etc/systemd/system/timers.target.wants/* "$1/etc/machine-id"
	mkdir -p "$1/var/log/journal"
	systemd-machine-id-setup --root="$1" 2>/dev/null
	echo manager >"$1/etc/hostname"
	# README's commands begin with it.
	printf '#!/bin/sh\nexec "$@"\n' >"$1/usr/local/bin/sudo"
	chmod 755 "$1/usr/local/bin/sudo"
}

# tree_make DIR: with the engine's stand-in.
tree_make() {
	tree_plain "$1" || return 1
	mkdir -p "$1/srv/engine" "$1/etc/systemd/system/sockets.target.wants"
	chroot "$1" groupadd --system docker
	# As docker.io has it.
	cat >"$1/usr/lib/systemd/system/docker.socket" <<-END
		[Unit]
		Description=Docker Socket for the API
		[Socket]
		ListenStream=/var/run/docker.sock
		SocketMode=0660
		SocketUser=root
		SocketGroup=docker
		[Install]
		WantedBy=sockets.target
	END
	cat >"$1/usr/lib/systemd/system/docker.service" <<-END
		[Unit]
		Description=The engine that stands outside
		Requires=docker.socket
		After=docker.socket
		[Service]
		ExecStart=/lib/systemd/systemd-socket-proxyd /srv/engine/docker.sock
		[Install]
		WantedBy=multi-user.target
	END
	ln -s /usr/lib/systemd/system/docker.socket "$1/etc/systemd/system/sockets.target.wants/"
}

# tree_files DIR: everything in it but what a boot writes, with owner, mode and link's target.
tree_files() {
	(cd "$1" && find . \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run -o -path ./tmp -o \
		-path ./var/log -o -path ./var/tmp -o -path ./root -o -path ./var/lib/systemd -o \
		-path ./var/cache \) -prune -o -printf '%p %M %U:%G %l\n' | sort)
}
