#!/usr/bin/env bash
# What the linear policy owes to each of its parts: three training days, each judged by what learnt on
# the other two (two seeds of learning, two orders of files), by one rule and at one price of overload.
# Never on the days that docs/evaluation.md reports with them. Means over the days for each seed and
# order, then mean and standard deviation over those. Usage: ablation.sh PROGRAM TRACES zd1|zd0
set -euo pipefail
days=${DAYS:-20110303,20110306,20110309}
"$1" "$2" "$days" "${SEEDS:-2}" "$3" | awk -F, -v n_days="$(tr ',' '\n' <<<"$days" | wc -l)" '
	NR == 1 { next }
	{
		k = $1; run = $3 "/" $4
		if (!(k in seen)) { seen[k]; names[++n] = k }
		runs[k, run]
		for (i = 5; i <= 8; i++) sum[k, run, i] += $i / n_days
	}
	function put(k, i, form,   r, p, x, s, q, m) {
		for (r in runs) {
			split(r, p, SUBSEP)
			if (p[1] != k) continue
			x = sum[k, p[2], i]; s += x; q += x * x; m++
		}
		x = q - s * s / m
		printf form, s / m, (m > 1 && x > 0 ? sqrt(x / (m - 1)) : 0)
	}
	END {
		print "variant              kWh            moves          overload %      cost_j"
		for (j = 1; j <= n; j++) {
			printf "%-18s", names[j]
			put(names[j], 5, "  %6.1f ± %-4.1f"); put(names[j], 6, "  %6.0f ± %-4.0f")
			put(names[j], 7, "  %6.3f ± %-5.3f"); put(names[j], 8, "  %7.0f ± %-4.0f\n")
		}
	}'
