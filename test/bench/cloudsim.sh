#!/usr/bin/env bash
# The whole table of docs/cloudsim.md: each day reported by what learnt on the others, over N shuffled
# orders and both rules, with 95 % intervals over the orders, paired against LR-MMT and the tuned pbf.
# Usage: FORAGER=PROGRAM cloudsim.sh TRACES [N [DAY...]]; rows go to cloudsim-{zd1,zd0}.csv.
set -euo pipefail
traces=$1
orders=${2:-10}
shift $(($# < 2 ? $# : 2))
days=("$@")
[ ${#days[@]} -gt 0 ] || days=(20110303 20110306 20110309 20110322)
forager=${FORAGER:-forager}

rows() {
	local day others

	for day in "${days[@]}"; do
		others=$(printf '%s\n' "${days[@]}" | grep -vx "$day" | paste -sd,)
		"$forager" bench --traces "$traces" --days "$day" --train "$others" --seeds "$orders" \
			--policy thr-mmt:0.8,lr-mmt:1.2,linear,pbf --format csv "$@" | tr -d '\r' | grep -v '^semantics'
	done
}

# Means over days of each order, then mean and half width of 95 % over the orders.
summary() {
	awk -F, '
	function t95(df) { return df < 2 ? 12.706 : df < 3 ? 4.303 : df < 5 ? 2.776 : df < 9 ? 2.306 : 2.262 }
	function put(name, key, what,   i, x, s, q, n, sd) {
		s = q = n = 0
		for (i in seeds) { x = value(key, what, i); s += x; q += x * x; n++ }
		sd = n > 1 ? sqrt((q - s * s / n > 0 ? q - s * s / n : 0) / (n - 1)) : 0
		printf " %s %.4g ± %.2g", name, s / n, n > 1 ? t95(n - 1) * sd / sqrt(n) : 0
	}
	function value(key, what, i,   p) {
		split(key, p, "/")
		if (what ~ /-/) { sub(/-/, "", what); return v[p[1], what, i] - v[p[2], what, i] }
		return p[2] == "" ? v[key, what, i] : v[p[1], what, i] / v[p[2], what, i]
	}
	{ seeds[$4]; policies[$3]; v[$3, "kwh", $4] += $5; v[$3, "moves", $4] += $6; v[$3, "overload", $4] += $7
	  v[$3, "unmet", $4] += $8; v[$3, "cost", $4] += $9; days[$2] }
	END {
		for (d in days) nd++
		for (k in v) v[k] /= nd
		for (p in policies) { printf "%-12s", p; put("kWh", p, "kwh"); put("moves", p, "moves")
			put("overload%", p, "overload"); put("unmet%", p, "unmet"); put("cost_j", p, "cost"); print "" }
		l = "linear/lr-mmt:1.2"; b = "linear/pbf"
		printf "linear : lr-mmt"; put("kWh", l, "kwh"); put("moves", l, "moves"); put("overload", l, "overload"); print ""
		printf "linear : pbf   "; put("kWh", b, "kwh"); put("cost_j", b, "cost"); put("overload", b, "overload")
		put("cost_j difference", b, "-cost"); print ""
	}' "$1"
}

rows >cloudsim-zd1.csv
rows --keep-idle >cloudsim-zd0.csv
for rule in zd1 zd0; do
	echo "== $rule: ${#days[@]} days, $orders orders"
	summary "cloudsim-$rule.csv"
done
