# shellcheck shell=bash
# The images of the rig: forager/busy, chat, hold, load and web, all :1. One layer with busybox and
# our workload program under these names; each image runs its own. No registry is needed. The
# archive is made by hand, so that an image has the same ID on every engine (an import in each
# engine would give each its own).

# Builds $RIG_DIR/image.tar.
rig_image_build() {
	local top=$RIG_HERE/../.. work=$RIG_DIR/image.dir root=$RIG_DIR/image.dir/root name diff config applet

	mkdir -p "$root/bin" "$root/etc" "$root/tmp" "$root/proc" "$root/sys" "$root/dev"
	${CC:-cc} -O2 -std=gnu17 -D_GNU_SOURCE -static -pthread -iquote "$top" -o "$root/bin/workload" \
		"$RIG_HERE"/*.c -lm || rig_die "the workload program does not compile (is there a static libc?)"
	cp /bin/busybox "$root/bin/busybox"
	for applet in sh cat echo env grep hostname ip kill ls nc netstat nslookup ping ps sleep top wget; do
		ln -s busybox "$root/bin/$applet"
	done
	for name in busy chat hold load web; do
		ln -s workload "$root/bin/$name"
	done
	tar --sort=name --owner=0 --group=0 --mtime=@0 -C "$root" -cf "$work/layer.tar" bin etc tmp proc sys dev
	diff=$(sha256sum <"$work/layer.tar" | cut -d' ' -f1)
	for name in busy chat hold load web; do
		jq -n --arg name "$name" --arg diff "sha256:$diff" '{
			architecture: "amd64", os: "linux", created: "1970-01-01T00:00:00Z",
			config: {Cmd: ["/bin/" + $name], Env: ["PATH=/bin"]},
			rootfs: {type: "layers", diff_ids: [$diff]}, history: [{created_by: "rig"}]}' >"$work/$name"
		config=$(sha256sum <"$work/$name" | cut -d' ' -f1).json
		mv "$work/$name" "$work/$config"
		jq -n --arg name "$name" --arg config "$config" \
			'{Config: $config, RepoTags: ["forager/" + $name + ":1"], Layers: ["layer.tar"]}'
	done | jq -s . >"$work/manifest.json"
	(cd "$work" && tar -cf "$RIG_DIR/image.tar.part" layer.tar ./*.json)
	rm -rf "$work"
	mv "$RIG_DIR/image.tar.part" "$RIG_DIR/image.tar"
}

# rig_image_load [NODE…]: into these engines, or all, at the same time.
rig_image_load() {
	local name pid pids=() names=("$@")

	[ $# -gt 0 ] || mapfile -t names < <(rig_nodes)
	for name in "${names[@]}"; do
		rig_docker "$name" load -q -i "$RIG_DIR/image.tar" >/dev/null &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || rig_die "an engine did not take the images"
	done
}
