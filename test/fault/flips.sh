#!/usr/bin/env bash
# Bytes of the database that the disk changed, at each page's header, in the rows of the journal and
# anywhere; a file that is cut, empty, newer, another program's; a log or its index that is damaged
# or missing. The sanitized programs work or refuse with one sentence, never act upon what they
# refuse, never write to it, never crash.
# Usage: BUILD=DIR SANITIZED=DIR [LONG=1] flips.sh
cd "$(dirname "$0")/../.." || exit 1
. test/fault/lib.sh
. test/fault/world.sh
export ASAN_OPTIONS=verify_asan_link_order=0:exitcode=99 UBSAN_OPTIONS=exitcode=99
n_random=14
n_pages=14
n_journal=10
[ "$LONG" = 0 ] || n_random=600 n_pages=100000 n_journal=400

world() {
	printf '%s\n' 'node m1 manager' 'node w1' 'node w2' 'service calm label.forager.mode=auto' \
		'service web order=start-first monitor=0.3 constraint=node.hostname!=nope label.forager.mode=auto' \
		'load web cores=0.5' 'times web start=30 stop=0.05'
}

# flip FILE OFFSET MASK
flip() {
	local byte
	byte=$(od -An -tu1 -j "$2" -N 1 "$1")
	printf '%b' "\\x$(printf %02x $((byte ^ $3)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

sum() { sha256sum "$1" 2>/dev/null | cut -c1-64; }
posts() { jq -s '[.[] | select(.method == "POST")] | length' "$dir/record" 2>/dev/null || echo 0; }

# tried WORD… : runs it on the database at hand; $code, $dir/out, $dir/err.
tried() {
	code=0
	{ timeout 120 env LD_PRELOAD="$shim" "$@" >"$dir/out" 2>"$dir/err" </dev/null || code=$?; } 2>/dev/null
	case $code in
	0) ;;
	1 | 2 | 3)
		grep -qE 'Sanitizer|runtime error' "$dir/err" && violation "$where" "${*##*/}: $(head -c 400 "$dir/err")"
		[ "$(sed '/^move .*: \|^an earlier change\|^asked to stop/d' "$dir/err" | wc -l)" -ge 1 ] ||
			violation "$where" "${*##*/}: exit $code without a word"
		;;
	*) violation "$where" "${*##*/}: exit $code: $(head -c 400 "$dir/err" | tr '\n' '~')" ;;
	esac
}

refused() { grep -qE 'damaged|newer forager|another program|not a database|malformed|older forager|is empty' "$dir/err"; }

# judged WHERE: what each program makes of $dir/state.
judged() {
	local before after n
	where=$1
	fault_injected=$((fault_injected + 1))
	before=$(sum "$dir/state/forager.db")
	tried "$SANITIZED/forager" -c "$dir/forager.conf" status
	tried "$SANITIZED/forager" -c "$dir/forager.conf" decisions --format csv
	[ "$(sum "$dir/state/forager.db")" = "$before" ] || violation "$where" 'reading wrote to it'
	n=$(posts)
	tried "$SANITIZED/foragerd" -c "$dir/forager.conf" --once
	if [ "$code" != 0 ] && refused; then
		[ "$(sum "$dir/state/forager.db")" = "$before" ] || violation "$where" 'foragerd refused it and wrote to it'
		# What foragerd refuses the command line does not act upon either.
		tried "$SANITIZED/forager" -c "$dir/forager.conf" release calm
		[ "$code" != 0 ] || violation "$where" 'the command line acted upon what foragerd refuses'
		after=$(posts)
		[ "$n" = "$after" ] || violation "$where" "it was refused, and $((after - n)) requests changed the Swarm"
		n_refused=$((n_refused + 1))
	fi
}
fresh() {
	rm -rf "$dir/state"
	cp -r "$dir/state.right" "$dir/state"
}

# --- a database with an open move ------------------------------------------------------------------
dir=$fault_work/flips
where=flips
world_start 20 --stats-latency 0.1 < <(world) || exit 1
world_config 'sample-every = 1s' 'mode = auto' '[moves]' 'deploy-quiet = 0' 'cooldown = 0' 'warm-up = 0'
state_new "$dir/state"
spec() { get /services/web | jq -S .Spec >"$dir/$1.spec"; }
spec before
from=$(places web)
to=w2
[ "$from" != w2 ] || to=w1
is_steered() { [ "$(journal "SELECT count(*) FROM move WHERE state = 'steered' AND service_name = 'web'")" = 1 ]; }
LD_PRELOAD=$shim "$BUILD/forager" -c "$dir/forager.conf" move web --from "$from" --to "$to" >/dev/null 2>&1 &
mover=$!
disown "$mover"
until_true 120 is_steered || violation "$where" 'not steered'
# Once the request is out, its answer noted or not.
is_posted() { get /services/web | jq -e '.Spec.Labels["forager.plan"]' >/dev/null; }
until_true 120 is_posted || violation "$where" 'no steering'
kill -KILL "$mover"
is_gone() { ! kill -0 "$mover"; }
until_true 120 is_gone
journal 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
cp -r "$dir/state" "$dir/state.right"
size=$(stat -c %s "$dir/state/forager.db")
pages=$((size / 4096))
spec steered

# --- anywhere ---------------------------------------------------------------------------------------
# Time stands still, so that the open move stays open: what is looked at is whether it is refused.
n_refused=0
RANDOM=4711
while read -r page; do
	at=$((page * 4096 + (page == 0 ? 100 : 0) + RANDOM % 8))
	fresh
	flip "$dir/state/forager.db" "$at" $((1 << (RANDOM % 8)))
	judged "byte $at, the header of page $((page + 1))"
done < <(seq 0 $((pages - 1)) | shuf --random-source=<(yes) | head -n "$n_pages")
for at in 0 16 18 19 21 24 28 44 56 60 68 96; do
	[ "$LONG" = 1 ] || [ $((at % 3)) = 0 ] || continue
	fresh
	flip "$dir/state/forager.db" "$at" 65
	judged "byte $at of the file's header"
done
for ((i = 0; i < n_random; i++)); do
	fresh
	at=$(((RANDOM * 32768 + RANDOM) % size))
	flip "$dir/state/forager.db" "$at" $((1 << (RANDOM % 8)))
	judged "byte $at"
done
reliability 'changed bytes in the database: page headers, the file header, anywhere' \
	"$fault_injected single bits, $n_refused of them refused, the others harmless" \
	'I5 works or refuses with one sentence, never acts upon it, never writes to it, no sanitizer report'

# --- the journal's rows: what would be written to the Swarm ---------------------------------------
# Offsets of the open move's texts in the file.
n_refused=0
while read -r at; do
	fresh
	at=$((at + RANDOM % 60))
	flip "$dir/state/forager.db" "$at" $((1 << (RANDOM % 7)))
	where="byte $at of the open move's row"
	fault_injected=$((fault_injected + 1))
	tried "$SANITIZED/forager" -c "$dir/forager.conf" release calm
	if [ "$code" != 0 ]; then
		n_refused=$((n_refused + 1))
		spec now
		cmp -s "$dir/now.spec" "$dir/steered.spec" || violation "$where" 'it was refused, and the service was written'
	else
		violation "$where" 'acted upon'
	fi
done < <(for ((i = 0; i < n_journal; i++)); do grep -abo '"\?Constraints":\["node.hostname!=nope"' "$dir/state.right/forager.db" | cut -d: -f1; done | head -n "$n_journal")
# Without the file, the labels on the service are enough.
rm -rf "$dir/state" && mkdir "$dir/state"
tried "$SANITIZED/forager" -c "$dir/forager.conf" release calm
is_back() { spec now && cmp -s "$dir/now.spec" "$dir/before.spec"; }
until_true 120 is_back || violation labels "the spec after recovery from the labels alone: $(diff "$dir/before.spec" "$dir/now.spec" | head -c 300)"
reliability 'changed bytes in the open move of the journal' \
	"$fault_injected single bits, $n_refused refused; then the move is finished from the labels alone, without the file" \
	'I3 what the disk changed never reaches the Swarm'

# --- the file as a whole ----------------------------------------------------------------------------
right=$dir/state.right/forager.db
broken() {
	fresh
	local db=$dir/state/forager.db
	case $1 in
	empty) : >"$db" ;;
	'cut to half') truncate -s $((size / 2)) "$db" ;;
	'cut by a byte') truncate -s $((size - 1)) "$db" ;;
	'cut to 50 bytes') truncate -s 50 "$db" ;;
	newer) sqlite3 "$db" 'PRAGMA user_version = 99' ;;
	'another program') sqlite3 "$db" 'PRAGMA application_id = 7' ;;
	text) echo 'this is no database, it is a letter to the one who looks after it' >"$db" ;;
	zeros) head -c "$size" /dev/zero >"$db" ;;
	'a log of noise') head -c 70000 /dev/urandom >"$db-wal" ;;
	'an index of noise') head -c 32768 /dev/urandom >"$db-shm" ;;
	'no log and no index') rm -f "$db-wal" "$db-shm" ;;
	'a log that is cut') cp "$dir/wal" "$db-wal" && truncate -s 5000 "$db-wal" ;;
	'a log with a changed byte') cp "$dir/wal" "$db-wal" && flip "$db-wal" 100 1 ;;
	esac
	rm -f "$db-shm.tmp"
}
# A log with something in it.
fresh
(
	echo "INSERT INTO meta VALUES ('fault', '1');"
	echo ".shell cp '$dir/state/forager.db-wal' '$dir/wal'"
) | sqlite3 "$dir/state/forager.db"
n_refused=0
for kind in empty 'cut to half' 'cut by a byte' 'cut to 50 bytes' newer 'another program' text zeros \
	'a log of noise' 'an index of noise' 'no log and no index' 'a log that is cut' 'a log with a changed byte'; do
	broken "$kind"
	judged "$kind"
	case $kind in
	'cut to half' | 'cut to 50 bytes' | newer | 'another program' | text | zeros)
		[ "$n_refused" -gt 0 ] || violation "$kind" 'it was not refused'
		n_seen=$((${n_seen:-0} + 1))
		[ "$n_refused" = "$n_seen" ] || violation "$kind" 'it was not refused'
		;;
	*) n_seen=$n_refused ;;
	esac
done
reliability 'the database cut, empty, newer, foreign; its log and index damaged or missing' \
	"$fault_injected files, $n_refused refused" \
	'I5 works or refuses with one sentence, never acts upon it, never writes to it'
[ -e "$right" ] || violation flips 'no database to begin with'
fault_result
