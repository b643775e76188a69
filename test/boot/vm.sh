#!/bin/bash
# forager on a machine with cgroup v2: a virtual one, emulated, that boots Debian's own kernel,
# systemd and docker.io and takes its own Swarm of one. What ./check --long boot adds; about 4 minutes.
# Usage, as root: vm.sh; TAP. Packages: packages_vm of test/packages.sh.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=source.sh
. "$here/source.sh"
# shellcheck source-path=SCRIPTDIR source=tree.sh
. "$here/tree.sh"

work=$(mktemp -d /var/tmp/forager-vm.XXXXXX)
qemu=''
trap '[ -z "$qemu" ] || kill "$qemu" 2>/dev/null; rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM
tree=$work/tree
seconds=2400 # for all that the machine does; emulated on a busy host it is slow

# The kernel that the metapackage names, unpacked only: $work/kernel has boot/ and lib/modules/.
kernel_get() {
	local name

	name=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^  Depends: //p' | head -n 1)
	mkdir "$work/kernel"
	(cd "$work" && apt-get download -qq "$name" && dpkg-deb -x "${name}"_*.deb kernel)
}

# What the initial RAM disk must load before it can mount a disk, in order.
modules_of() {
	local name

	for name in virtio_pci virtio_blk ext4 crc32c_generic; do
		module_with_needs "$1" "$name"
	done | awk '!seen[$0]++'
}

# module_with_needs DIR NAME: its file and, before it, those that modules.dep says it needs.
module_with_needs() {
	awk -F: -v name="$2" '
		{ base = $1; sub(/.*\//, "", base); sub(/\.ko.*/, "", base); gsub("-", "_", base) }
		base == name { n = split($2, needs, " "); for (; n > 0; n--) print needs[n]; print $1 }' "$1/modules.dep"
}

initrd_make() {
	local dir=$1 root=$work/initrd file

	mkdir -p "$root"/{bin,proc,sys,dev,new,modules}
	cp /bin/busybox "$root/bin/busybox"
	{
		printf '#!/bin/busybox sh\n'
		printf 'for d in proc sysfs:sys devtmpfs:dev; do /bin/busybox mount -t "${d%%:*}" none "/${d##*:}"; done\n'
		while read -r file; do
			cp "$dir/$file" "$root/modules/"
			printf '/bin/busybox insmod /modules/%s\n' "${file##*/}"
		done < <(modules_of "$dir")
		printf 'until [ -e /dev/vda ]; do /bin/busybox sleep 0.1; done\n'
		printf '/bin/busybox mount -t ext4 /dev/vda /new && exec /bin/busybox switch_root /new /sbin/init\n'
	} >"$root/init"
	chmod 755 "$root/init"
	(cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null) >"$work/initrd.img"
}

# Debian with its own engine and forager in it; vm_inside.sh runs when it has booted.
image_make() {
	tree_packages="$tree_packages docker.io iptables iproute2 kmod curl jq busybox-static"
	tree_plain "$tree"
	source_copy "$work/source"
	(cd "$work/source" && eval "$(readme | sed -n '2s/ make$/ make -s -j2/p')")
	make -s -C "$work/source" install DESTDIR="$tree"
	readme | sed 1,3d >"$tree/root/commands"
	mkdir -p "$tree/lib/modules"
	cp "$here/vm_inside.sh" "$tree/root/inside.sh"
	cat >"$tree/etc/systemd/system/inside.service" <<-'END'
		[Unit]
		After=docker.service multi-user.target
		[Service]
		Type=oneshot
		StandardOutput=file:/dev/ttyS0
		StandardError=file:/dev/ttyS0
		ExecStart=/bin/bash /root/inside.sh
		ExecStopPost=/bin/systemctl poweroff --no-block
		[Install]
		WantedBy=multi-user.target
	END
	mkdir -p "$tree/etc/systemd/system/multi-user.target.wants"
	ln -sf ../inside.service "$tree/etc/systemd/system/multi-user.target.wants/inside.service"
	mkdir -p "$tree/etc/systemd/system.conf.d"
	# An emulated machine needs longer than systemd waits for a start.
	printf '[Manager]\nDefaultTimeoutStartSec=600\n' >"$tree/etc/systemd/system.conf.d/slow.conf"
	cp -a "$work/kernel/lib/modules/." "$tree/lib/modules/"
	chroot "$tree" depmod "$version"
	initrd_make "$tree/lib/modules/$version"
	mke2fs -q -t ext4 -d "$tree" "$work/root.img" 3G
	rm -rf "$tree" "$work/source"
}

kernel_get >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
version=$(ls "$work/kernel/lib/modules")
image_make >"$work/log" 2>&1 || { tail -n 40 "$work/log"; exit 1; }

timeout --kill-after=10 "$seconds" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 2048 \
	-nographic -nic none -no-reboot -kernel "$work"/kernel/boot/vmlinuz-* -initrd "$work/initrd.img" \
	-append 'console=ttyS0 quiet apparmor=0' -drive "file=$work/root.img,if=virtio,format=raw" \
	</dev/null >"$work/console" 2>&1 &
qemu=$!
wait "$qemu" || echo "# qemu ended with $?"
qemu=''
tr -d '\r' <"$work/console" | grep -aE '^(ok|not ok|1\.\.|# |RELIABILITY)' || true
if ! tr -d '\r' <"$work/console" | grep -aqx '# all of it was run'; then
	echo 'not ok - the machine did not come to the end; its console:'
	tail -n 60 "$work/console" | tr -d '\r' | sed 's/^/# /'
	exit 1
fi
! tr -d '\r' <"$work/console" | grep -aq '^not ok'
