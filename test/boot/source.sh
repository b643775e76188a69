# shellcheck shell=bash
# forager's source as README has it built. Sourced by all.sh and vm.sh.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# README's commands under its heading, one logical line each.
readme() {
	sed -n '/^## On your own Swarm/,/^It observes/p' "$top/README.md" | sed -n 's/^    //p' |
		sed -e ':join' -e '/\\$/N; s/\\\n */ /; t join'
}

# source_copy DIR: the tree without what a build left in it.
source_copy() {
	mkdir -p "$1"
	tar -C "$top" --exclude=./.git --exclude=./build --exclude=./autom4te.cache -cf - . | tar -C "$1" -xf -
	(cd "$1" && rm -rf Makefile config.status config.h)
}
