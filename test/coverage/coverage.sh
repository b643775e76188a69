#!/bin/sh
# Branch coverage of what must be exact; see README.md. Builds in BUILD (made when missing), prints
# the table, leaves BUILD/coverage.json for test/mutate. Exit 0: every branch is taken.
# Usage: coverage.sh BUILD [--verbose]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
build=${1:?usage: coverage.sh BUILD [--verbose]}
shift
mkdir -p "$build"
cd "$build"
[ -e Makefile ] || "$source/configure" -q --enable-coverage CFLAGS='-O0'
# shellcheck disable=SC2046 # a list of programs
make -s -j"$(nproc)" $(python3 "$here/coverage.py" "$source" --list) >build.log 2>&1 || {
	tail -40 build.log
	exit 1
}
exec python3 "$here/coverage.py" "$source" . --json coverage.json "$@"
