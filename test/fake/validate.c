/*
 * What Swarm's API refuses (moby daemon/cluster/convert/service.go, swarmkit manager/controlapi/
 * service.go, manager/constraint), as engine 20.10 says it; see validate.h.
 */
#include "test/fake/validate.h"

#include <ctype.h>
#include <errno.h>

#include "swarm/constraint.h"
#include "test/fake/shape.h"

#define INVALID   "rpc error: code = InvalidArgument desc = "
#define NAME_MOST 63

static bool
refuse(struct route_answer *a, int status, char *body)
{
	a->status = status;
	a->body = body;
	return true;
}

/* ---- requests ---- */

json_t *
validate_body(const struct route_request *r, struct route_answer *a)
{
	json_error_t err;
	json_t *doc = json_loads(r->body, 0, &err);

	if (json_is_object(doc))
		return doc;
	(void) refuse(
	    a, 400,
	    route_message(doc == NULL && json_error_code(&err) == json_error_premature_end_of_input
	                      ? "unexpected EOF"
	                      : "invalid JSON"));
	json_decref(doc);
	return NULL;
}

bool
validate_version(const struct route_request *r, const char *what, uint64_t *ret,
                 struct route_answer *a)
{
	_cleanup_(freep) char *text = route_query(r, "version");
	const char *digits = text != NULL ? text : "";
	char *end = NULL;

	errno = 0;
	*ret = strtoull(digits, &end, 10);
	if (isdigit((unsigned char) *digits) && *end == '\0' && errno == 0)
		return true;
	(void) refuse(a, 400,
	              route_message("invalid %s version '%s': strconv.ParseUint: parsing \"%s\": "
	                            "invalid syntax",
	                            what, digits, digits));
	return false;
}

/* ---- what the engine cannot translate for Swarm ---- */

static bool
is_one_of(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (streq(words[i], word))
			return true;
	}
	return false;
}

static bool
words_refused(const json_t *config, struct route_answer *a)
{
	static const char *const actions[] = {"", "pause", "continue", "rollback"};
	static const char *const orders[] = {"", "start-first", "stop-first"};
	const char *action = shape_text(config, "FailureAction", "");
	const char *order = shape_text(config, "Order", "");

	if (!is_one_of(action, actions, ARRAY_SIZE(actions)))
		return refuse(a, 400,
		              route_message("unrecognized update failure action %s", action));
	if (!is_one_of(order, orders, ARRAY_SIZE(orders)))
		return refuse(a, 400, route_message("unrecognized update order %s", order));
	return false;
}

static bool
translation_refused(const json_t *spec, struct route_answer *a)
{
	static const char *const conditions[] = {"", "none", "on-failure", "any"};
	const char *condition = shape_text(spec, "TaskTemplate.RestartPolicy.Condition", "");

	if (shape_at(spec, "TaskTemplate.ContainerSpec") == NULL)
		return refuse(a, 400, route_message("mismatched Runtime and *Spec fields"));
	if (!is_one_of(condition, conditions, ARRAY_SIZE(conditions)))
		return refuse(a, 400, route_message("invalid RestartCondition: \"%s\"", condition));
	return words_refused(shape_at(spec, "UpdateConfig"), a) ||
	       words_refused(shape_at(spec, "RollbackConfig"), a);
}

/* ---- what Swarm checks ---- */

/* A DNS name component: letters, digits, inside also - and _. */
static bool
name_refused(const char *name, struct route_answer *a)
{
	size_t n = strlen(name), i;

	for (i = 0; i < n; i++) {
		bool inside = i > 0 && i + 1 < n && (name[i] == '-' || name[i] == '_');

		if (!isalnum((unsigned char) name[i]) && !inside)
			return refuse(
			    a, 400,
			    route_message(INVALID "name must be valid as a DNS name component"));
	}
	if (n > NAME_MOST)
		return refuse(a, 400, route_message(INVALID "name must be 63 characters or fewer"));
	return false;
}

static bool
amounts_refused(const json_t *amounts, struct route_answer *a)
{
	int64_t cpu_nano = shape_int(amounts, "NanoCPUs", 0);
	int64_t mem_bytes = shape_int(amounts, "MemoryBytes", 0);

	if (cpu_nano != 0 && cpu_nano < 1000000)
		return refuse(a, 400,
		              route_message(INVALID "invalid cpu value %g: Must be at least 0.001",
		                            (double) cpu_nano / 1e9));
	if (mem_bytes != 0 && mem_bytes < 4 << 20)
		return refuse(a, 400,
		              route_message(INVALID
		                            "invalid memory value %lld: Must be at least 4MiB",
		                            (long long) mem_bytes));
	return false;
}

/* Below zero where that makes no sense. */
static bool
durations_refused(const json_t *spec, struct route_answer *a)
{
	static const struct {
		const char *path, *name;
	} durations[] = {
	    {"TaskTemplate.RestartPolicy.Delay", "restart-delay"},
	    {"TaskTemplate.RestartPolicy.Window", "restart-window"},
	    {"UpdateConfig.Delay", "update-delay"},
	    {"UpdateConfig.Monitor", "update-monitor"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
		if (shape_int(spec, durations[i].path, 0) < 0)
			return refuse(a, 400,
			              route_message(INVALID "TaskSpec: %s cannot be negative",
			                            durations[i].name));
	}
	return false;
}

static bool
ratio_refused(const json_t *spec, struct route_answer *a)
{
	double ratio = json_number_value(shape_at(spec, "UpdateConfig.MaxFailureRatio"));

	if (ratio >= 0 && ratio <= 1)
		return false;
	return refuse(a, 400,
	              route_message(INVALID "TaskSpec: update-maxfailureratio cannot be less than "
	                                    "0 or bigger than 1"));
}

static bool
key_is_valid(const char *key, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char) key[i];

		if (c != '_' && !isalpha(c) && (i == 0 || (!isdigit(c) && c != '-' && c != '.')))
			return false;
	}
	return n > 1;
}

/* Which part of a constraint it is that does not parse. */
static bool
constraint_refused(const char *text, struct route_answer *a)
{
	const char *sign = strstr(text, "==") != NULL ? strstr(text, "==") : strstr(text, "!=");
	const char *end = sign, *value;
	int n;

	if (sign == NULL)
		return refuse(a, 500,
		              route_message("rpc error: code = Unknown desc = constraint expected "
		                            "one operator from ==, !="));
	while (isspace((unsigned char) *text) && text < end)
		text++;
	while (end > text && isspace((unsigned char) end[-1]))
		end--;
	if (!key_is_valid(text, (size_t) (end - text)))
		return refuse(
		    a, 500,
		    route_message("rpc error: code = Unknown desc = key '%.*s' is invalid",
		                  (int) (end - text), text));
	for (value = sign + 2; isspace((unsigned char) *value); value++)
		;
	n = (int) strlen(value);
	while (n > 0 && isspace((unsigned char) value[n - 1]))
		n--;
	return refuse(
	    a, 500,
	    route_message("rpc error: code = Unknown desc = value '%.*s' is invalid", n, value));
}

static bool
constraints_refused(const json_t *spec, struct route_answer *a)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	const json_t *list = shape_at(spec, "TaskTemplate.Placement.Constraints");
	struct constraint c;
	json_t *text;
	size_t i;

	json_array_foreach (list, i, text) {
		const char *s = json_string_value(text);

		if (s == NULL || constraint_parse(arena, s, false, &c, NULL) != 0)
			return constraint_refused(s != NULL ? s : "", a);
	}
	return false;
}

bool
validate_spec(const json_t *spec, bool any_name, struct route_answer *a)
{
	if (translation_refused(spec, a) ||
	    (!any_name && name_refused(shape_text(spec, "Name", ""), a)) ||
	    amounts_refused(shape_at(spec, "TaskTemplate.Resources.Limits"), a) ||
	    amounts_refused(shape_at(spec, "TaskTemplate.Resources.Reservations"), a) ||
	    durations_refused(spec, a) || constraints_refused(spec, a) || ratio_refused(spec, a))
		return true;
	if (*shape_text(spec, "TaskTemplate.ContainerSpec.Image", "") != '\0')
		return false;
	return refuse(a, 400,
	              route_message(INVALID "ContainerSpec: image reference must be provided"));
}
