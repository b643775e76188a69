#!/bin/sh
# Fails when docs/moves.md is not what the mover's table prints.
# Usage: check-moves.sh [PROGRAM] (default: moves-manual in the working directory)
set -eu
program=${1:-./moves-manual}
page=$(dirname "$0")/../docs/moves.md
if ! "$program" | diff -u "$page" - >&2; then
	echo "docs/moves.md differs from the mover's table; to renew it: $program >docs/moves.md" >&2
	exit 1
fi
echo 'moves: docs/moves.md is what the table says'
