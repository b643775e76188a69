#!/bin/sh
# Mutates what must be exact; see README.md. BUILD is the build of test/coverage (made when it is
# missing). Usage: mutate.sh BUILD [OPTION of mutate.py…]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
build=${1:?usage: mutate.sh BUILD [OPTION...]}
shift
[ -e "$build/coverage.json" ] || "$here/../coverage/coverage.sh" "$build" >/dev/null || [ -e "$build/coverage.json" ]
exec python3 "$here/mutate.py" "$source" "$build" "$build/coverage.json" "$@"
