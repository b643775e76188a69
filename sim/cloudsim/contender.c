/* Names of policies; see contender.h. */
#include "sim/cloudsim/contender.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

/* Migrations a tick of the rate-limited control: about as many a day as a learner makes. */
#define LIMITED_MOVES 5

static const struct {
	const char *name;
	enum contender_kind kind;
	const char *algorithm;
	double least, most; /* of the parameter; both 0: it takes none */
} plain[] = {
    {"npa", CONTENDER_NPA, NULL, 0, 0},
    {"dvfs", CONTENDER_DVFS, NULL, 0, 0},
    {"linear", CONTENDER_PRODUCT, "linear", 0, 0},
    {"pbf", CONTENDER_PRODUCT, "pbf", 0, 6},
    {"spread", CONTENDER_PRODUCT, "spread", 0, 0},
    {"packing", CONTENDER_PACKING, NULL, 0, 0},
    {"fluid", CONTENDER_FLUID, NULL, 0, 0},
};

/* examples/power/planetlab: the parameters that the published table uses. */
static const struct {
	const char *name;
	enum overload_kind kind;
	double usual;
	size_t most_moves;
} tests[] = {
    {"thr", OVERLOAD_THR, 0.8, 0}, {"iqr", OVERLOAD_IQR, 1.5, 0},
    {"mad", OVERLOAD_MAD, 2.5, 0}, {"lr", OVERLOAD_LR, 1.2, 0},
    {"lrr", OVERLOAD_LR, 1.2, 0},  {"limited", OVERLOAD_THR, 0.8, LIMITED_MOVES},
};

static const struct {
	const char *name;
	enum select_kind kind;
} selections[] = {{"mmt", SELECT_MMT}, {"mu", SELECT_MU}, {"mc", SELECT_MC}, {"rs", SELECT_RS}};

static int
no_such(const char *name, struct error *err)
{
	return error_set(
	    err, EINVAL,
	    "there is no policy '%s'; there are npa, dvfs, {thr,iqr,mad,lr,lrr}-{mmt,mu,"
	    "mc,rs}, limited-mmt, spread, pbf, linear, packing, fluid",
	    name);
}

static int
parameter_read(const char *label, const char *text, double least, double most, double *ret,
               struct error *err)
{
	char *end;
	double x = strtod(text, &end);

	if (most <= least)
		return error_set(err, EINVAL, "policy '%s' takes no parameter", label);
	if (end == text || *end != '\0' || !(x > least && x <= most))
		return error_set(err, EINVAL,
		                 "policy '%s': the parameter must be above %g and at most %g",
		                 label, least, most);
	*ret = x;
	return 0;
}

/* "thr-mmt" and the like. false: it is no such name. */
static bool
cloudsim_named(const char *name, struct contender *c)
{
	const char *dash = strchr(name, '-');

	for (size_t i = 0; dash != NULL && i < ARRAY_SIZE(tests); i++) {
		size_t n = strlen(tests[i].name);

		if ((size_t) (dash - name) != n || strncmp(name, tests[i].name, n) != 0)
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(selections); k++) {
			if (!streq(dash + 1, selections[k].name))
				continue;
			c->kind = CONTENDER_CLOUDSIM;
			c->how = (struct consolidate){{tests[i].kind, tests[i].usual},
			                              selections[k].kind,
			                              tests[i].most_moves};
			return true;
		}
	}
	return false;
}

static int
cloudsim_parse(struct contender *c, const char *parameter, struct error *err)
{
	/* A threshold is a share; a safety parameter may be anything sensible. */
	double most = c->how.overload.kind == OVERLOAD_THR ? 1 : 10;

	if (parameter == NULL)
		return 0;
	return parameter_read(c->label, parameter, 0, most, &c->how.overload.parameter, err);
}

static int
named_parse(const char *name, struct contender *c, const char *parameter, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		if (!streq(name, plain[i].name))
			continue;
		c->kind = plain[i].kind;
		c->algorithm = plain[i].algorithm;
		if (parameter == NULL)
			return 0;
		return parameter_read(c->label, parameter, plain[i].least, plain[i].most,
		                      &c->parameter, err);
	}
	if (cloudsim_named(name, c))
		return cloudsim_parse(c, parameter, err);
	return no_such(name, err);
}

int
contender_parse(const char *text, struct contender *ret, struct error *err)
{
	_cleanup_(freep) char *name = xstrdup(text);
	struct contender c = {.label = xstrdup(text), .parameter = NAN};
	char *colon = strchr(name, ':');
	int r;

	if (colon != NULL)
		*colon = '\0';
	r = named_parse(name, &c, colon != NULL ? colon + 1 : NULL, err);
	if (r < 0)
		contender_done(&c);
	else
		*ret = c;
	return r;
}

void
contender_done(struct contender *c)
{
	free(c->label);
	*c = (struct contender){0};
}
