#!/bin/bash
# The scripted engine (test/fake) against real ones: random sets of constraints, labels, reservations
# and orders, the same random changes on both, and whatever the real Swarm makes of each must be
# something that the scripted one may make of it. TAP on standard output.
#
#   BUILD=DIR [LONG=1] [SEED=N] [FIRST=N] differential.sh [SETS]   DIR holds test/rig/differ/differ;
#                                                    SETS: 20, with LONG=1 1,000; FIRST: the batch
#
# Needs what test/rig/rig needs. What differs is printed with the set and its seed. A batch that differs is
# played once more; what does not differ again is told and not counted: chance on a busy machine has more
# ways than any model of it.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ "${1:-}" != _inside ]; then
	if ! [ -x "${BUILD:-}/test/rig/differ/differ" ]; then
		sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
		exit 2
	fi
	BUILD=$(realpath "$BUILD")
	export BUILD LONG=${LONG:-0} SEED=${SEED:-1} FIRST=${FIRST:-0}
	exec "$here/rig" run --nodes m1:manager w1 w2 -- "${BASH_SOURCE[0]}" _inside "$@"
fi
shift

# shellcheck source-path=SCRIPTDIR source=rig.sh
. "$RIG_LIB"
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"

# So that a task of it is rejected on w2, as on a node that cannot pull it.
second_image() {
	local node

	for node in m1 w1; do
		rig_docker "$node" tag forager/hold:1 forager/part:1
	done
}

fact() {
	grep -o " $1=[0-9]*" <<<"$last" | cut -d= -f2
}

sets=${1:-$([ "$LONG" = 1 ] && echo 1000 || echo 20)}
rig_image_load
second_image
rig_swarm_init
rig_swarm_join
out=$RIG_DIR/differ.out
rc=0
"$BUILD/test/rig/differ/differ" --socket "$(rig_sock m1)" --lacking w2 --seed "$SEED" --first "$FIRST" \
	--sets "$sets" --batch "${BATCH:-19}" --again 2>"$tap_dir/differ" | tee "$out" || rc=$?
last=$(tail -n 1 "$out")
ok "$sets sets: the scripted engine may do what the real ones did (seed $SEED)" test "$rc" = 0
cat "$tap_dir/differ" >&2
printf 'RELIABILITY|%s|%s|%s|%s\n' 'scripted engine against real ones' \
	"$(fact sets) random sets with seed $SEED: $(fact states) states, $(fact answers) answers to writes; $(fact once) differed once and not again" \
	'it may do what Swarm did, task by task' "$(fact different)"
tap_end
