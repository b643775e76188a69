#!/bin/sh
# Fails on an include that goes against the arrows of docs/ARCHITECTURE.md ("who may include whom")
# or that lets a library out of its folder. Usage: check-includes.sh [SOURCE-DIR]
set -eu
cd "${1:-${srcdir:-.}}"

# folder: the folders (besides itself) that it may include
arrows='
base:
model:base
docker:base
swarm:base model
features:base model
policy:base model swarm
storage:base model
sim:base model features swarm policy
agent:base model docker swarm features policy storage
cli:base model docker swarm features policy storage sim agent
test:base model docker swarm features policy storage sim agent cli
'
# header: the only places where it may stand (extended regular expression on the path)
fences='
curl/curl\.h:^(docker/http\.c|test/)
sqlite3\.h:^(storage/|test/)
uv\.h:^(docker/http\.[ch]|agent/|test/)
libsmartcols\.h:^cli/
ini\.h:^agent/
systemd/sd-:^agent/
'
bad=0

complain() {
	echo "$1" >&2
	bad=1
}

folders='base model docker swarm features policy storage sim agent cli test'
for folder in $folders; do
	[ -d "$folder" ] || continue
	allowed=$(printf '%s\n' "$arrows" | sed -n "s/^$folder://p")
	for file in $(find "$folder" -name '*.[ch]' | LC_ALL=C sort); do
		for used in $(sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$file"); do
			case "$used" in
			config.h) continue ;;
			*/*) ;;
			*) complain "$file: \"$used\" must carry its folder"; continue ;;
			esac
			top=${used%%/*}
			[ "$top" = "$folder" ] && continue
			case " $allowed " in
			*" $top "*) ;;
			*) complain "$file: $folder/ may not include \"$used\"" ;;
			esac
			[ -e "$used" ] || complain "$file: \"$used\" does not exist"
		done
	done
done

for fence in $fences; do
	header=${fence%%:*}
	where=${fence#*:}
	for file in $(grep -rlE --include='*.[ch]' "#[[:space:]]*include[[:space:]]*<$header" \
		$folders 2>/dev/null | LC_ALL=C sort); do
		printf '%s\n' "$file" | grep -qE "$where" ||
			complain "$file: <$header> may only stand in $where"
	done
done

# A source that neither the makefile nor the fragment (*.mk) of a folder lists is not built, not
# tested and not shipped.
makefiles="Makefile.am $(find $folders -name '*.mk' 2>/dev/null | LC_ALL=C sort | tr '\n' ' ')"
for file in $(find $folders -name '*.[ch]' 2>/dev/null | LC_ALL=C sort); do
	# shellcheck disable=SC2086 # a list of names
	grep -qF "$file" $makefiles || case "$file" in
	test/rig/*) ;; # the rig compiles its own, EXTRA_DIST ships them
	*) complain "$file: in no makefile" ;;
	esac
done

# The product's policies know nothing of CloudSim's own ones.
if grep -rlE '#include "sim/cloudsim/' policy agent cli 2>/dev/null; then
	complain 'sim/cloudsim/ stays apart from the product'
fi

[ "$bad" = 0 ] && echo 'includes: every arrow is allowed'
exit "$bad"
