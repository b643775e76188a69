/*
 * Runs one of CloudSim's policies through a day and prints what its golden files hold:
 *   golden TRACES DAY POLICY result|init|ticks|migr|files
 * POLICY as `forager bench` names it ("lr-mmt:1.2").
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "sim/cloudsim/trial.h"

/*
 * "%.*f" as Java prints it: the shortest decimal that reads back as x, rounded half up in decimal.
 * C rounds the exact binary value, which differs in the last digit about once in a thousand lines.
 */
static void
java_print(double x, int digits)
{
	char text[64], *point, *end;
	int precision = 1;

	do
		(void) snprintf(text, sizeof(text), "%.*e", precision - 1, x);
	while (strtod(text, NULL) != x && ++precision <= 17);
	(void) snprintf(text, sizeof(text), "%.*f",
	                MAX(precision - 1 - (int) floor(log10(fabs(x) > 0 ? fabs(x) : 1)), 0), x);
	point = strchr(text, '.');
	end = text + strlen(text);
	/* A tie in decimal goes up: a trailing 5 just behind the last digit becomes a 6. */
	if (point != NULL && end - point - 1 == digits + 1 && end[-1] == '5')
		end[-1] = '6';
	(void) printf("%.*Lf", digits, strtold(text, NULL));
}

static void
print_placed(void *data, const struct cloud *c)
{
	(void) data;
	(void) puts("vm,host");
	for (uint32_t i = 0; i < c->n_vms; i++)
		(void) printf("%u,%u\n", i, c->vms[i].host);
}

static void
print_moves(void *data, const struct cloud *c, const struct cloud_move *list, size_t n)
{
	(void) data;
	for (size_t i = 0; i < n; i++)
		(void) printf("%.1f,%u,%u,%u,%.3f\n", c->now_s, list[i].vm, list[i].from,
		              list[i].to, cloud_delay_s(&c->vms[list[i].vm]));
}

static void
print_tick(void *data, const struct cloud *c)
{
	uint32_t active = 0, short_of = 0, live = 0;
	double requested = 0;

	(void) data;
	for (uint32_t i = 0; i < CLOUD_HOSTS; i++) {
		active += c->hosts[i].used_mips > 0;
		short_of += c->hosts[i].allocated < c->hosts[i].requested;
	}
	for (uint32_t i = 0; i < c->n_vms; i++) {
		live += c->vms[i].host != CLOUD_NONE;
		requested += c->vms[i].host != CLOUD_NONE ? c->vms[i].request : 0;
	}
	(void) printf("%.1f,", c->now_s);
	java_print(c->account.energy_j, 6);
	(void) printf(",%" PRIu64 ",%u,%u,", c->account.migrations, active, live);
	java_print(requested, 6);
	(void) printf(",%u\n", short_of);
}

/* The columns of results.csv that are not times. */
static void
print_result(const struct day *day, const struct score *s)
{
	(void) printf("%s,%u,%.5f,%" PRIu64 ",%.8f,%.8f,%.10f,%.8f,%u,%.3f\n", day->name,
	              day->n_vms, s->energy_kwh, s->moves, s->slatah_pct, s->pdm_pct, s->slav_pct,
	              s->overall_sla_pct, s->shutdowns, s->mean_active_hosts);
}

static void
watch_fill(const char *what, struct trial_watch *w)
{
	*w = (struct trial_watch){0};
	if (streq(what, "init"))
		w->placed = print_placed;
	if (streq(what, "migr"))
		w->moves = print_moves;
	if (streq(what, "ticks"))
		w->started = print_tick;
}

int
main(int argc, char **argv)
{
	_cleanup_(day_freep) struct day *day = NULL;
	struct contender c;
	struct trial_watch watch;
	struct score score;
	struct error err = {0};
	struct trial t = {.contender = &c, .seed = 1, .watch = &watch};

	if (argc != 5) {
		(void) fprintf(stderr,
		               "usage: golden TRACES DAY POLICY result|init|ticks|migr|files\n");
		return 2;
	}
	if (day_load(argv[1], argv[2], &day, &err) < 0 || contender_parse(argv[3], &c, &err) < 0 ||
	    c.kind == CONTENDER_PRODUCT) {
		(void) fprintf(stderr, "golden: %s\n", err.text);
		return 2;
	}
	if (streq(argv[4], "files"))
		for (uint32_t i = 0; i < day->n_vms; i++)
			(void) printf("%u,%s\n", i, day->files[i]);
	if (streq(argv[4], "migr"))
		(void) puts("t,vm,from_host,to_host,delay_s");
	if (streq(argv[4], "ticks"))
		(void) puts("t,energy_J_cum,migrations_cum,active_hosts,vms,requested_mips,"
		            "hosts_over_alloc_lt_req");
	t.day = day;
	watch_fill(argv[4], &watch);
	trial_run(&t, &score);
	if (streq(argv[4], "result"))
		print_result(day, &score);
	contender_done(&c);
	return 0;
}
