#!/bin/bash
# forager's unit under a real systemd, as a new user gets it; what ./check boot runs.
#
#   [LONG=1] all.sh   LONG: README's commands to the letter, where only what they install is there
#
# TAP; needs root, the network that apt uses, and packages_rig and packages_boot of test/packages.sh.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
long=${LONG:-0}
# shellcheck source-path=SCRIPTDIR source=source.sh
. "$here/source.sh"
# shellcheck source-path=SCRIPTDIR source=tree.sh
. "$here/tree.sh"

work=$(mktemp -d /var/tmp/forager-boot.XXXXXX)
chmod 755 "$work"
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM
tree=$work/tree
source=$([ "$long" = 1 ] && echo "$tree/root/forager" || echo "$work/source")
n=0
failed=0

# ok TEXT COMMAND…
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

# make_in TARGET: README's `sudo make TARGET`, into the tree.
make_in() {
	if [ "$long" = 1 ]; then
		in_tree make -s -C /root/forager "$1"
	else
		make -s -C "$source" "$1" DESTDIR="$tree"
	fi >>"$work/install.log" 2>&1
}

# build: README's second command as it stands there, on this machine.
build() {
	source_copy "$source"
	(cd "$source" && eval "$(readme | sed -n '2s/ make$/ make -s -j2/p')")
}

in_tree() {
	chroot "$tree" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

# README's first and second command to the letter, in the tree, where nothing else is installed.
build_in_tree() {
	source_copy "$source"
	cp /etc/resolv.conf "$tree/etc/"
	{
		echo 'APT::Get::Assume-Yes "true";'
		apt-config dump | grep -E '^Acquire::https?::Proxy' || true
	} >"$tree/etc/apt/apt.conf.d/99test"
	in_tree apt-get update -qq && in_tree sh -ec "cd /root/forager && $(readme | sed -n 1,2p)"
}

# Installs into the tree; leaves what a booted machine has to run in $work/commands.
prepare() {
	local making

	if [ "$long" = 1 ]; then
		{ tree_make "$tree" && build_in_tree; } >"$work/build.log" 2>&1 || return 1
	else
		tree_make "$tree" &
		making=$!
		build >"$work/build.log" 2>&1 || return 1
		wait "$making" || return 1
	fi
	tree_files "$tree" >"$work/files.before"
	make_in install || return 1
	readme | sed 1,3d >"$work/commands"
}

exposure_is_low() {
	systemd-analyze security --no-pager --offline=yes --threshold=15 "$source/systemd/forager.service" |
		tee "$work/exposure" | tail -n 1 | sed 's/^/# /'
}

# The unit alone has nothing that systemd would warn about.
unit_verifies() {
	systemd-analyze verify --man=no --recursive-errors=no --root="$tree" /lib/systemd/system/forager.service 2>&1 |
		grep -F forager.service | tee "$work/verify" | sed 's/^/# /'
	[ ! -s "$work/verify" ]
}

# What is there now and was not before; a path a line.
left_over() {
	tree_files "$1" | comm -13 "$work/files.before" - | grep forager | cut -d' ' -f1
}

uninstall_leaves() {
	make_in uninstall || return 1
	diff <(printf '%s\n' "$@") <(left_over "$tree" | grep -v '^./var/lib/forager/') >&2
}

changed_stays() {
	make_in install || return 1
	sed -i 's/^mode = .*/mode = auto/' "$tree/etc/forager/forager.conf"
	make_in install || return 1
	uninstall_leaves ./etc/forager ./etc/forager/forager.conf ./var/lib/forager &&
		grep -qx 'mode = auto' "$tree/etc/forager/forager.conf"
}

prepare || {
	tail -n 40 "$work"/*.log >&2
	exit 1
}
ok "systemd-analyze security, offline: exposure at most 1.5" exposure_is_low
ok 'systemd-analyze verify has nothing to say' unit_verifies
status=0
"$top/test/rig/rig" run --nodes m1:manager w1 -- "$here/boot.sh" "$tree" "$work/commands" \
	2>"$work/boot.err" | tee "$work/boot.tap" | sed -u 's/^/    /' || status=$?
[ "$status" = 0 ] || sed 's/^/    # /' "$work/boot.err"
ok "the unit on a booted machine" [ "$status" = 0 ]
grep '^RELIABILITY' "$work/boot.tap" || true
rm -rf "$tree/etc/forager/conf.d"
ok 'uninstall leaves nothing but the state' uninstall_leaves ./var/lib/forager
ok 'and the configuration, when it was changed' changed_stays

echo "1..$n"
echo "# $((n - failed)) passed, $failed failed, $SECONDS s"
[ "$failed" = 0 ]
