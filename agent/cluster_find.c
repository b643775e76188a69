/* Looking things up in a poll's state, by id and as people name them; see cluster.h. */
#include "agent/cluster.h"

/* The shortest id prefix that a person may type. */
#define PREFIX_MIN 4

static int
compare_node(const void *id, const void *node)
{
	return strcmp(id, ((const struct docker_node *) node)->id);
}

static int
compare_service(const void *id, const void *service)
{
	return strcmp(id, ((const struct docker_service *) service)->id);
}

const struct docker_node *
cluster_find_node(const struct cluster_state *s, const char *id)
{
	return s->n_nodes == 0 ? NULL
	                       : bsearch(id, s->nodes, s->n_nodes, sizeof(*s->nodes), compare_node);
}

const struct docker_service *
cluster_find_service(const struct cluster_state *s, const char *id)
{
	return s->n_services == 0
	           ? NULL
	           : bsearch(id, s->services, s->n_services, sizeof(*s->services), compare_service);
}

/* Tasks stand by service first. */
const struct docker_task *
cluster_find_task(const struct cluster_state *s, const char *service_id, const char *task_id)
{
	size_t lo = 0, hi = s->n_tasks;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(s->tasks[mid].service_id, service_id) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < s->n_tasks && streq(s->tasks[lo].service_id, service_id); lo++)
		if (streq(s->tasks[lo].id, task_id))
			return &s->tasks[lo];
	return NULL;
}

/* A full id or name wins; else a prefix of one id only. */
const struct docker_node *
cluster_find_node_by_name(const struct cluster_state *s, const char *name)
{
	const struct docker_node *found = cluster_find_node(s, name);
	size_t n = 0;

	for (size_t i = 0; found == NULL && i < s->n_nodes; i++)
		if (streq(s->nodes[i].hostname, name))
			found = &s->nodes[i];
	if (found != NULL || strlen(name) < PREFIX_MIN)
		return found;
	for (size_t i = 0; i < s->n_nodes; i++) {
		if (str_has_prefix(s->nodes[i].id, name)) {
			found = &s->nodes[i];
			n++;
		}
	}
	return n == 1 ? found : NULL;
}

const struct docker_service *
cluster_find_service_by_name(const struct cluster_state *s, const char *name)
{
	const struct docker_service *found = cluster_find_service(s, name);
	size_t n = 0;

	for (size_t i = 0; found == NULL && i < s->n_services; i++)
		if (streq(s->services[i].name, name))
			found = &s->services[i];
	if (found != NULL || strlen(name) < PREFIX_MIN)
		return found;
	for (size_t i = 0; i < s->n_services; i++) {
		if (str_has_prefix(s->services[i].id, name)) {
			found = &s->services[i];
			n++;
		}
	}
	return n == 1 ? found : NULL;
}
