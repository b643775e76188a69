/*
 * φ and its formulas; see basis.h.
 *
 * With C the node's cores, M, V forecast mean and variance of the next step, S, VS the same of the
 * long run, R demand now, w the sum over the last steps: m = M/C, σ = √V/C, z = (1−m)/σ, l = S/C,
 * r = R/C, pk = max(w)/C. Q is the normal tail, φ its density. Forms and scales up to room4 are
 * those that won in the project's prototype on the PlanetLab traces; where they come from:
 *   over, over_slow, risk  tail probability of a normal load: Mastroianni et al. and the "mean +
 * k·σ above capacity" rule of probabilistic best fit excess                 E[(load − C)+] of a
 * normal load: the newsvendor's loss function peak                   peak of the sum, not sum of
 * peaks: what tasks share must show room                   emptiness as potential: a half-empty
 * node is on its way to be drained busy, idle             the node's own power curve, so that a
 * node's type is watts and cores wait                   mean number waiting in M/M/1, r/(1−r) hot
 * ours: the hinge above the operator's relief line Entries that only say "this could be switched
 * off" (room) are zero where nodes may not sleep, and `on` is 1 there always: emptying such a node
 * saves nothing.
 */
#include "policy/basis.h"

#include "policy/power.h"
#include "policy/reward.h"

/* Raise it when a formula changes: weights learnt with another one are refused. */
#define BASIS_VERSION 1

/* Without this floor a constant load at 99 % of the cores would look perfectly safe. */
#define SIGMA_LEAST 0.02
/* Bounds that no sane state reaches; they keep a wild forecast from ruling the regression. */
#define SHARE_MOST   8.0
#define CALLERS_MOST 8.0
/* r/(1−r) ends here: beyond, waiting grows with time, not with load. */
#define WAIT_MOST 9.0
/* A full gigabit link. */
#define LINK_BYTES_PER_S 125e6

const struct basis_info basis_infos[BASIS_N] = {
    [BASIS_ON] = {"on", "the node is on", 0, BASIS_OF_NOTHING},
    [BASIS_SIZE] = {"size", "its cores relative to the cluster's mean", 0, BASIS_OF_NOTHING},
    [BASIS_IDLE] = {"idle", "its idle power, in 100 W", 26.7, BASIS_OF_ENERGY},
    [BASIS_BUSY] = {"busy", "power above idle at the expected load, in 100 W", 26.7,
                    BASIS_OF_ENERGY},
    [BASIS_OVER] = {"over", "20 x probability that the next step overloads it", 5.63,
                    BASIS_OF_OVERLOAD},
    [BASIS_OVER_SLOW] = {"over-slow", "20 x the same in the long run", 1.88, BASIS_OF_OVERLOAD},
    [BASIS_RISK] = {"risk", "10 x the same with a fatter tail", 0, BASIS_OF_OVERLOAD},
    [BASIS_EXCESS] = {"excess", "100 x expected demand above its cores", 0, BASIS_OF_OVERLOAD},
    [BASIS_NOW] = {"now", "1 when overloaded now, rising from 95 %", 7.5, BASIS_OF_OVERLOAD},
    [BASIS_EXCESS_NOW] = {"excess-now", "5 x demand now above its cores", 0, BASIS_OF_OVERLOAD},
    [BASIS_PEAK] = {"peak", "10 x the last steps' common peak above its cores", 0,
                    BASIS_OF_OVERLOAD},
    [BASIS_PEAK80] = {"peak80", "2 x the same above 80 %", 0, BASIS_OF_OVERLOAD},
    [BASIS_LOAD] = {"load", "load in the long run", 0, BASIS_OF_NOTHING},
    [BASIS_LOAD2] = {"load2", "expected load, squared", 0, BASIS_OF_NOTHING},
    [BASIS_TASKS] = {"tasks", "number of tasks / 20", 0, BASIS_OF_NOTHING},
    [BASIS_ROOM2] = {"room2", "emptiness of a node that may sleep, squared", 0, BASIS_OF_NOTHING},
    [BASIS_ROOM4] = {"room4", "emptiness of a node that may sleep, 4th power", 0, BASIS_OF_NOTHING},
    [BASIS_HOT] = {"hot", "10 x load above the relief line x who waits", 5, BASIS_OF_RESPONSE},
    [BASIS_WAIT] = {"wait", "load / (1 - load) / 9 x who waits", 8, BASIS_OF_RESPONSE},
    [BASIS_MEM] = {"mem", "10 x memory above 80 %", 30, BASIS_OF_RESPONSE},
    [BASIS_TRAFFIC] = {"traffic", "10 x cross-node traffic in gigabit links", 3.33,
                       BASIS_OF_TRAFFIC},
};

uint64_t
basis_hash(void)
{
	char all[1024];
	size_t n = 0;

	all[n++] = (char) BASIS_VERSION;
	for (size_t i = 0; i < BASIS_N; i++) {
		size_t len = strlen(basis_infos[i].name) + 1;

		if (len > sizeof(all) - n)
			abort();
		memcpy(all + n, basis_infos[i].name, len);
		n += len;
	}
	return hash64(all, n);
}

/* Beyond, tail and density are nothing beside any other entry; most nodes are there. */
#define Z_MOST 8.0
/* Less is as good as none, and would divide by nothing; more is one task alone. */
#define SKEW_LEAST 0.01
#define SKEW_MOST  3.0

static double
tail(double z)
{
	return z > Z_MOST ? 0 : 0.5 * erfc(z * M_SQRT1_2);
}

/*
 * Where a normal load has the tail that a gamma load of this third moment has at z: the cube root
 * of Wilson and Hilferty (1931). Few tasks that jump make a sum that is far from normal, at the
 * same mean and variance with twice the overloads. z itself when nothing is known of the skewness.
 */
static double
straightened(double z, double third, double var)
{
	double cube = var * sqrt(var), skew = cube > 0 ? MIN(third / cube, SKEW_MOST) : 0;
	double x = 1 + skew * z / 2;

	if (!(skew > SKEW_LEAST))
		return z;
	return x > 0 ? 6 / skew * (cbrt(x) - 1) + skew / 6 : -Z_MOST;
}

static double
density(double z)
{
	return z > Z_MOST ? 0 : exp(-0.5 * z * z) * (M_2_SQRTPI * M_SQRT1_2 / 2);
}

static double
hinge(double x)
{
	return MAX(x, 0.0);
}

static double
share(double x, double of)
{
	return MIN(x / of, SHARE_MOST);
}

static void
basis_tails(const struct node_state *n, double m, double r, double ret[static BASIS_N])
{
	double sigma = MAX(share(sqrt(n->var), n->cores), SIGMA_LEAST);
	double slow = MAX(share(sqrt(n->slow_var), n->cores), SIGMA_LEAST);
	double l = share(n->slow, n->cores), z = (1 - m) / sigma, y = (1 - l) / slow, pk = 0;
	double skewed = straightened(z, n->third, n->var);

	for (int i = 0; i < FORECAST_STEPS; i++)
		pk = MAX(pk, share(n->last[i], n->cores));
	ret[BASIS_OVER] = 20 * tail(skewed);
	ret[BASIS_OVER_SLOW] = 20 * tail(straightened(y, n->slow_third, n->slow_var));
	ret[BASIS_RISK] = 10 * tail(.6 * skewed);
	ret[BASIS_EXCESS] = 100 * hinge(sigma * density(z) - (1 - m) * tail(z));
	ret[BASIS_NOW] = r > 1 ? 1 : hinge(20 * (r - .95));
	ret[BASIS_EXCESS_NOW] = 5 * hinge(r - 1);
	ret[BASIS_PEAK] = 10 * hinge(pk - 1);
	ret[BASIS_PEAK80] = 2 * hinge(pk - .8);
	ret[BASIS_LOAD] = l;
}

void
basis_of(const struct node_state *n, double ret[static BASIS_N])
{
	double m = share(n->mean, n->cores), r = share(n->now, n->cores), h = MAX(m, r);
	double callers = MIN(n->callers, CALLERS_MOST),
	       mem = share(n->mem_bytes, n->mem_capacity_bytes);
	double busy = power_watts(n->power, m) - n->watts_idle, room;

	memset(ret, 0, BASIS_N * sizeof(ret[0]));
	if (n->may_sleep && n->n < 0.5)
		return;
	basis_tails(n, m, r, ret);
	ret[BASIS_ON] = 1;
	ret[BASIS_SIZE] = n->size;
	ret[BASIS_IDLE] = n->watts_idle / REWARD_UNIT_WATTS;
	ret[BASIS_BUSY] = isfinite(busy) ? busy / REWARD_UNIT_WATTS : 0;
	ret[BASIS_LOAD2] = m * m;
	ret[BASIS_TASKS] = n->n / 20;
	/* Memory must be in it: without it the policy lost wherever memory is enforced. */
	room = n->may_sleep ? hinge(1 - MAX(ret[BASIS_LOAD] / .7, mem)) : 0;
	ret[BASIS_ROOM2] = room * room;
	ret[BASIS_ROOM4] = room * room * room * room;
	ret[BASIS_HOT] = 10 * hinge(h - n->line) * callers;
	ret[BASIS_WAIT] = (h < 0.9 ? h / (1 - h) : WAIT_MOST) / WAIT_MOST * callers;
	ret[BASIS_MEM] = 10 * hinge(mem - .8);
	ret[BASIS_TRAFFIC] = 10 * hinge(n->cross_bytes_per_s) / LINK_BYTES_PER_S;
}
