/*
 * What a policy has learnt as JSON: with its units, step, horizon, objective and feature hash,
 * because numbers learnt under others mean something else. See decide.h.
 */
#include "policy/policy.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#define FORMAT  "forager-policy"
#define VERSION 1
#define UNIT    "8.333 Wh"
/* Our own files have some 20 KiB. */
#define FILE_MOST  ((size_t) 1024 * 1024)
#define PARAM_MOST 1e15

struct number {
	const char *name;
	size_t offset;
	double least;
};

#define LINEAR(field, least)                                                                       \
	{                                                                                          \
#field, offsetof(struct policy, linear.field), least                               \
	}
#define FALLBACK(field, least)                                                                     \
	{                                                                                          \
#field, offsetof(struct policy, fallback.field), least                             \
	}

/* Every double that is saved beside A, b and θ. */
static const struct number numbers[] = {
    LINEAR(noise_squares, 0),
    LINEAR(noise_weight, 1e-9),
    LINEAR(lag_products, -PARAM_MOST),
    LINEAR(lag_squares, 0),
    FALLBACK(stay, 0),
    FALLBACK(observed, 0),
    FALLBACK(filled_ms, 0),
    FALLBACK(n, 0),
    FALLBACK(mean, -PARAM_MOST),
    FALLBACK(squares, 0),
};

static double *
number_of(struct policy *p, const struct number *n)
{
	return (double *) (void *) ((char *) p + n->offset);
}

static json_t *
hash_json(void)
{
	return json_sprintf("%016" PRIx64, basis_hash());
}

static json_t *
objective_json(const struct objective *o)
{
	json_t *doc =
	    json_pack("{s:f,s:f,s:f,s:f,s:f}", "energy", o->energy, "response", o->response,
	              "reserved", o->reserved, "move", o->move, "traffic", o->traffic);

	/* Not in a Swarm, where weights from before it existed stay good. */
	if (o->overload > 0)
		(void) json_object_set_new(doc, "overload", json_real(o->overload));
	return doc;
}

static void
learnt_json(struct policy *p, json_t *doc)
{
	json_t *a = json_array(), *b = json_array(), *theta = json_array(), *names = json_array();
	json_t *values = json_object();

	for (size_t i = 0; i < BASIS_N; i++) {
		(void) json_array_append_new(names, json_string(basis_infos[i].name));
		(void) json_array_append_new(b, json_real(p->linear.b[i]));
		(void) json_array_append_new(theta, json_real(p->linear.theta[i]));
		/* A is symmetric: its lower triangle says it all. */
		for (size_t j = 0; j <= i; j++)
			(void) json_array_append_new(a, json_real(p->linear.a[i][j]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		(void) json_object_set_new(values, numbers[i].name,
		                           json_real(*number_of(p, &numbers[i])));
	(void) json_object_set_new(doc, "names", names);
	(void) json_object_set_new(doc, "theta", theta);
	(void) json_object_set_new(doc, "a", a);
	(void) json_object_set_new(doc, "b", b);
	(void) json_object_set_new(doc, "values", values);
}

char *
policy_save(const struct policy *p)
{
	struct policy copy = *p;
	json_auto_t *doc = json_object();
	char *text;

	(void) json_object_set_new(doc, "format", json_string(FORMAT));
	(void) json_object_set_new(doc, "version", json_integer(VERSION));
	(void) json_object_set_new(doc, "algorithm", json_string(p->algorithm->name));
	(void) json_object_set_new(doc, "unit", json_string(UNIT));
	(void) json_object_set_new(doc, "step_ms", json_integer(p->options.step_ms));
	(void) json_object_set_new(doc, "horizon_ms", json_integer(p->options.horizon_ms));
	(void) json_object_set_new(doc, "half_life_ms", json_integer(LINEAR_HALF_LIFE_MS));
	(void) json_object_set_new(doc, "objective", objective_json(&p->options.objective));
	(void) json_object_set_new(doc, "features", hash_json());
	(void) json_object_set_new(doc, "rows", json_integer((json_int_t) p->linear.rows));
	(void) json_object_set_new(doc, "refused", json_integer((json_int_t) p->linear.refused));
	(void) json_object_set_new(doc, "suspended_wall_ms",
	                           json_integer(p->fallback.suspended_wall_ms));
	learnt_json(&copy, doc);
	text = json_dumps(doc, JSON_COMPACT | JSON_REAL_PRECISION(17));
	if (text == NULL)
		abort();
	return text;
}

static int
damaged(const char *name, const char *what, struct error *err)
{
	return error_set(err, EINVAL,
	                 "weights '%s': %s is missing or wrong, the file is damaged; restore it or "
	                 "set weights = builtin to start from the built-in ones",
	                 name, what);
}

static int
same_ms(const struct policy *p, const char *name, const json_t *doc, const char *key, int64_t mine,
        struct error *err)
{
	const json_t *v = json_object_get(doc, key);
	char theirs[32], ours[32];

	(void) p;
	if (!json_is_integer(v) || json_integer_value(v) <= 0)
		return damaged(name, key, err);
	if (json_integer_value(v) == mine)
		return 0;
	return error_set(
	    err, EINVAL,
	    "weights '%s': learnt with %s = %s, but it is %s here; set it to the same or "
	    "set weights = builtin",
	    name, streq(key, "step_ms") ? "decide-every" : "horizon",
	    duration_format(json_integer_value(v), theirs), duration_format(mine, ours));
}

static int
same_text(const char *name, const json_t *doc, const char *key, const char *mine, const char *what,
          struct error *err)
{
	const char *v = json_string_value(json_object_get(doc, key));

	if (v == NULL)
		return damaged(name, key, err);
	if (streq(v, mine))
		return 0;
	return error_set(
	    err, EINVAL,
	    "weights '%s': %s is '%.64s', but '%s' here; they mean something else, set "
	    "weights = builtin",
	    name, what, v, mine);
}

static int
same_world(const struct policy *p, const char *name, const json_t *doc, struct error *err)
{
	json_auto_t *hash = hash_json(), *objective = objective_json(&p->options.objective);
	const json_t *version = json_object_get(doc, "version");
	int r;

	if (!json_is_object(doc) ||
	    !streq(json_string_value(json_object_get(doc, "format")), FORMAT))
		return error_set(err, EINVAL,
		                 "weights '%s': not a file of forager's weights; "
		                 "`forager policy export` writes one",
		                 name);
	if (!json_is_integer(version) || json_integer_value(version) != VERSION)
		return error_set(
		    err, EINVAL,
		    "weights '%s': written by another version of forager; set weights = "
		    "builtin",
		    name);
	if ((r = same_text(name, doc, "algorithm", p->algorithm->name, "the algorithm", err)) < 0 ||
	    (r = same_text(name, doc, "unit", UNIT, "the unit", err)) < 0 ||
	    (r = same_text(name, doc, "features", json_string_value(hash),
	                   "the hash of the features", err)) < 0 ||
	    (r = same_ms(p, name, doc, "step_ms", p->options.step_ms, err)) < 0 ||
	    (r = same_ms(p, name, doc, "horizon_ms", p->options.horizon_ms, err)) < 0)
		return r;
	if (!json_equal(json_object_get(doc, "objective"), objective))
		return error_set(
		    err, EINVAL,
		    "weights '%s': learnt for other weights of [objective]; set the same "
		    "ones or set weights = builtin",
		    name);
	return 0;
}

static bool
take_number(const json_t *v, double least, double *ret)
{
	double x = json_number_value(v);

	if (!json_is_number(v) || !isfinite(x) || x < least || fabs(x) > PARAM_MOST)
		return false;
	*ret = x;
	return true;
}

static bool
take_array(const json_t *doc, const char *key, size_t n, double *ret)
{
	const json_t *a = json_object_get(doc, key);

	if (json_array_size(a) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!take_number(json_array_get(a, i), -PARAM_MOST, &ret[i]))
			return false;
	return true;
}

/* A must be what a sum of squares can be, or no sample of it could ever be drawn. */
static bool
take_matrix(const json_t *doc, struct linear *l)
{
	double lower[BASIS_N * (BASIS_N + 1) / 2];
	size_t k = 0;

	if (!take_array(doc, "a", ARRAY_SIZE(lower), lower))
		return false;
	for (size_t i = 0; i < BASIS_N; i++)
		for (size_t j = 0; j <= i; j++)
			l->a[i][j] = lower[k++];
	for (size_t i = 0; i < BASIS_N; i++) {
		if (!(l->a[i][i] > 0))
			return false;
		for (size_t j = 0; j < i; j++)
			if (l->a[i][j] * l->a[i][j] > l->a[i][i] * l->a[j][j] * (1 + 1e-9))
				return false;
	}
	return true;
}

static bool
take_count(const json_t *doc, const char *key, int64_t *ret)
{
	const json_t *v = json_object_get(doc, key);

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return false;
	*ret = json_integer_value(v);
	return true;
}

static int
take_learnt(struct policy *p, const char *name, const json_t *doc, struct error *err)
{
	const json_t *values = json_object_get(doc, "values");
	int64_t rows, refused;

	if (!take_matrix(doc, &p->linear))
		return damaged(name, "the matrix 'a'", err);
	if (!take_array(doc, "b", BASIS_N, p->linear.b))
		return damaged(name, "'b'", err);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!take_number(json_object_get(values, numbers[i].name), numbers[i].least,
		                 number_of(p, &numbers[i])))
			return damaged(name, numbers[i].name, err);
	if (!take_count(doc, "rows", &rows) || !take_count(doc, "refused", &refused) ||
	    !take_count(doc, "suspended_wall_ms", &p->fallback.suspended_wall_ms))
		return damaged(name, "a count", err);
	p->linear.rows = (uint64_t) rows;
	p->linear.refused = (uint64_t) refused;
	return linear_restore(&p->linear) ? 0 : damaged(name, "the matrix 'a'", err);
}

int
policy_load(struct policy *p, const char *name, const char *text, struct error *err)
{
	json_error_t at;
	json_auto_t *doc = json_loads(text, JSON_REJECT_DUPLICATES, &at);
	struct policy loaded = *p;
	int r;

	if (doc == NULL)
		return error_set(err, EINVAL,
		                 "weights '%s': line %d: %s; restore it or set weights = builtin",
		                 name, at.line, at.text);
	r = same_world(p, name, doc, err);
	if (r < 0)
		return r;
	r = take_learnt(&loaded, name, doc, err);
	if (r < 0)
		return r;
	p->linear = loaded.linear;
	p->fallback = loaded.fallback;
	/* Rows of another life say nothing of how alike the next ones are. */
	p->n_residuals = 0;
	return 0;
}

static void
fclosep(FILE **f)
{
	if (*f != NULL)
		(void) fclose(*f);
}

int
policy_load_file(struct policy *p, const char *path, struct error *err)
{
	_cleanup_(fclosep) FILE *f = fopen(path, "re");
	_cleanup_(freep) char *text = xcalloc(FILE_MOST + 1, 1);
	size_t n;

	if (f == NULL)
		return error_set(err, errno, "weights '%s': %s; check [policy] weights", path,
		                 strerror(errno));
	n = fread(text, 1, FILE_MOST + 1, f);
	if (ferror(f))
		return error_set(err, EIO, "weights '%s': cannot be read", path);
	if (n > FILE_MOST)
		return error_set(err, EFBIG,
		                 "weights '%s': larger than 1 MiB, not forager's weights", path);
	text[n] = '\0';
	return policy_load(p, path, text, err);
}
