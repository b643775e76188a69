#!/usr/bin/env bats
# `forager bench`: wrong input, synthetic days, the three formats.

load common

setup_file() {
	[ -x "$FORAGER" ] || skip "no program at '$FORAGER': set FORAGER"
	export FORAGER CONF=/dev/null
	export DAYS="$BATS_FILE_TMPDIR/days"
	"$FORAGER" bench --synthetic "$DAYS" --days 2 --seed 3
	# Small days are quick days.
	find "$DAYS" -name 'vm-*' | awk 'substr($0, length($0) - 2) >= 60' | xargs rm
	mkdir "$DAYS/empty" "$DAYS/bad"
	yes 7 | head -288 >"$DAYS/bad/a"
	yes 7 | head -99 >"$DAYS/bad/b"
	echo 101 >>"$DAYS/bad/b"
}

bench() {
	expect "$1" bench --traces "$DAYS" "${@:2}"
}

@test "bad input is exit code 2 and says where" {
	expect 2 bench
	has '--traces DIR'
	bench 2
	has '--days'
	bench 2 --days nope
	has "days/nope': No such file or directory"
	bench 2 --days empty
	has "days/empty': there is no trace in it"
	bench 2 --days bad
	has 'bad/b:100: not a whole number from 0 to 100'
	bench 2 --days synth-1 --policy nope
	has "there is no policy 'nope'"
	bench 2 --days synth-1 --policy thr-mmt:7
	has 'at most 1'
	bench 2 --days synth-1 --policy lr-mmt,,npa
	has 'empty entry'
	bench 2 --days synth-1 --seeds 0
	has 'not a number from 1 to'
	bench 2 --days synth-1 --train synth-1
	has 'both trained on and reported'
	bench 2 --days synth-1 --train nope
	has 'No such file or directory'
	bench 2 --days synth-1 --seed 1
	bench 2 --days synth-1 --semantics swarm
	has 'not in this version'
	bench 2 --days synth-1 --semantics other
}

@test "rows by day, policy and seed; controls and bounds join; every key is there" {
	bench 0 --days synth-1,synth-2 --policy npa,lr-mmt:1.2 --seeds 2 --format csv
	[ "${lines[0]%$'\r'}" = semantics,day,policy,seed,energy_kwh,moves,overload_pct,unmet_pct,cost_j,slatah_pct,pdm_pct,slav_pct,overall_sla_pct,host_shutdowns,mean_active_hosts,decide_ms_mean,decide_ms_max,wall_s ]
	[ "${#lines[@]}" -eq $((1 + 2 * 6 * 2)) ]
	[[ "${lines[1]}" == cloudsim,synth-1,npa,1,2410.8* ]]
	[[ "${lines[4]}" == cloudsim,synth-1,lr-mmt:1.2,2,* ]]
	for policy in limited-mmt pbf packing fluid; do
		has "cloudsim,synth-2,$policy,2,"
	done
	bench 0 --days synth-1 --policy npa --format json
	[[ "${lines[0]}" == '{"semantics":"cloudsim","day":"synth-1","policy":"npa","seed":0,"energy_kwh":2410.8'* ]]
}

@test "the same bytes again, also trained; nothing on stderr without a terminal" {
	run bash -c '"$FORAGER" bench --traces "$DAYS" --days synth-1 --policy linear,spread,thr-rs --train synth-2 --keep-idle --format csv 2>&1 | cut -d, -f1-15'
	[ "$status" -eq 0 ]
	first=$output
	run bash -c '"$FORAGER" bench --traces "$DAYS" --days synth-1 --policy linear,spread,thr-rs --train synth-2 --keep-idle --format csv 2>&1 | cut -d, -f1-15'
	[ "$output" = "$first" ]
}

@test "synthetic days are the same for the same seed" {
	"$FORAGER" bench --synthetic "$BATS_TEST_TMPDIR/a" --seed 3
	run diff "$BATS_TEST_TMPDIR/a/synth-1/vm-00007" "$DAYS/synth-1/vm-00007"
	[ "$status" -eq 0 ]
	"$FORAGER" bench --synthetic "$BATS_TEST_TMPDIR/b" --seed 4
	run diff -rq "$BATS_TEST_TMPDIR/b" "$BATS_TEST_TMPDIR/a"
	[ "$status" -ne 0 ]
	run bash -c 'cat "$1"/synth-1/* | grep -cvE "^[0-9]+$"' x "$BATS_TEST_TMPDIR/a"
	[ "$output" = 0 ]
	expect 2 bench --synthetic "$BATS_TEST_TMPDIR/none/there"
}
