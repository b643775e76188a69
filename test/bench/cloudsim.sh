#!/usr/bin/env bash
# The whole table of docs/cloudsim.md: each day reported by what learnt on the others, over N shuffled
# orders and both rules, with 95 % intervals over the orders, paired against LR-MMT and the tuned pbf,
# and whether the aims are met. Both rules at once. Some 40 minutes of one core's time for 10 orders.
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
			--policy lr-mmt:1.2,linear,pbf --format csv "$@" | tr -d '\r' | grep -v '^semantics'
	done
}

# Means over days of each order, then mean and half width of 95 % over the orders; ratios and
# differences are of the same order's means. An aim holds by the mean, and cost_j's by its interval.
summary() {
	awk -F, -v energy_most="$2" '
	function t95(df,   t) {
		split("12.706 4.303 3.182 2.776 2.571 2.447 2.365 2.306 2.262", t, " ")
		return df < 1 ? 0 : df < 10 ? t[df] : 2.262
	}
	function value(key, what, i,   p) {
		split(key, p, "/")
		if (what ~ /-/) { sub(/-/, "", what); return v[p[1], what, i] - v[p[2], what, i] }
		return p[2] == "" ? v[key, what, i] : v[p[1], what, i] / v[p[2], what, i]
	}
	function measure(key, what,   i, x, s, q, n, var) {
		s = q = n = 0
		for (i in seeds) { x = value(key, what, i); s += x; q += x * x; n++ }
		mean = s / n
		var = n > 1 ? (q - s * s / n) / (n - 1) : 0
		half = t95(n - 1) * sqrt((var > 0 ? var : 0) / n)
	}
	function put(name, key, what) { measure(key, what); printf " %s %.5g ± %.2g", name, mean, half }
	function aim(name, key, what, most) {
		measure(key, what)
		printf "%-34s %.4f ± %.4f  aim %s %s\n", name, mean, half, most,
			(mean <= most ? "PASS" : "MISS") (n_seeds > 1 && mean <= most && mean + half > most ? " (by the mean alone)" : "")
	}
	{ seeds[$4]; policies[$3]; v[$3, "kwh", $4] += $5; v[$3, "moves", $4] += $6; v[$3, "overload", $4] += $7
	  v[$3, "unmet", $4] += $8; v[$3, "cost", $4] += $9; days[$2] }
	END {
		for (d in days) n_days++
		for (i in seeds) n_seeds++
		for (k in v) v[k] /= n_days
		for (p in policies) { printf "%-12s", p; put("kWh", p, "kwh"); put("moves", p, "moves")
			put("overload%", p, "overload"); put("unmet%", p, "unmet"); put("cost_j", p, "cost"); print "" }
		l = "linear/lr-mmt:1.2"; b = "linear/pbf"
		aim("linear : lr-mmt, energy", l, "kwh", energy_most)
		aim("linear : lr-mmt, moves", l, "moves", 0.06)
		aim("linear : lr-mmt, overload", l, "overload", 0.2)
		aim("linear : pbf, overload", b, "overload", 0.6)
		measure(b, "cost"); printf "%-34s %.4f ± %.4f\n", "linear : pbf, cost_j", mean, half
		measure(b, "-cost"); printf "%-34s %.1f ± %.1f  aim below 0, interval included %s\n", "linear - pbf, cost_j", mean, half,
			(n_seeds > 1 && mean + half < 0 ? "PASS" : "MISS")
	}' "$1"
}

rows >cloudsim-zd1.csv &
zd1=$!
rows --keep-idle >cloudsim-zd0.csv &
zd0=$!
wait "$zd1"
wait "$zd0"
echo "== zd1: ${#days[@]} days, $orders orders"
summary cloudsim-zd1.csv 0.80
echo "== zd0: ${#days[@]} days, $orders orders"
summary cloudsim-zd0.csv 0.75
