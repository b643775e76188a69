#!/bin/sh
# Holds the demo's JSON against what the README promises. Usage: check-demo.sh FILE
set -eu
jq -e '
	(keys - ["moves", "moves_reverted", "requests_total", "requests_failed", "requests_retried",
		"p95_ms_before", "p95_ms_after", "p95_ms_spread", "watts_before", "watts_after",
		"untouched_services_changed", "undo_exact", "nodes_used_before", "nodes_used_after", "wall_s"]) == []
	and (keys | length) == 15
	and .moves >= 1 and .requests_failed == 0 and .requests_total > 100
	and .p95_ms_after <= .p95_ms_before / 2 and .p95_ms_after <= .p95_ms_spread
	and .untouched_services_changed == 0 and .undo_exact
	and .nodes_used_before == 2 and .nodes_used_after == 3
	and .watts_before > 0 and .watts_after > 0' "$1" >/dev/null || {
	echo 'the demo did not show what it must:' >&2
	cat "$1" >&2
	exit 1
}
echo "demo: $(jq -c . "$1")"
