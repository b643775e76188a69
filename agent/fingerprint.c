/* Hashes of the parts of a service's spec; see fingerprint.h. */
#include "agent/fingerprint.h"

const char *const fingerprint_names[FINGERPRINT_N] = {
    "image", "constraints", "replicas", "labels", "update-config", "spec",
};

/* A stream of strings and numbers into one hash; lengths keep "ab","c" apart from "a","bc". */
static uint64_t
mix(uint64_t h, const void *data, size_t size)
{
	uint64_t in[3] = {h, (uint64_t) size, hash64(data, size)};

	return hash64(in, sizeof(in));
}

static uint64_t
mix_text(uint64_t h, const char *s)
{
	return mix(h, s, strlen(s));
}

static uint64_t
mix_number(uint64_t h, int64_t n)
{
	return mix(h, &n, sizeof(n));
}

static uint64_t
hash_labels(const struct docker_service *v)
{
	uint64_t h = 0;

	for (size_t i = 0; i < v->labels.n; i++) {
		h = mix_text(h, v->labels.items[i].key);
		h = mix_text(h, v->labels.items[i].value);
	}
	return h;
}

static uint64_t
hash_update(const struct docker_update_config *u)
{
	uint64_t h = mix_number(0, u->present);

	h = mix_number(h, u->start_first);
	h = mix_number(h, (int64_t) u->parallelism);
	h = mix_number(h, u->delay_ns);
	h = mix_number(h, u->monitor_ns);
	return mix_number(h, (int64_t) u->failure);
}

static uint64_t
hash_resources(uint64_t h, const struct docker_resources *r)
{
	return mix_number(mix_number(h, r->cpu_nano), r->mem_bytes);
}

static uint64_t
hash_rest(const struct docker_service *v)
{
	uint64_t h = hash_resources(hash_resources(0, &v->reserve), &v->limit);

	h = mix_number(h, (int64_t) v->max_replicas);
	h = mix_number(h, (int64_t) v->n_preferences);
	for (size_t i = 0; i < v->n_mounts; i++) {
		h = mix_text(mix_text(h, v->mounts[i].type), v->mounts[i].source);
		h = mix_text(mix_text(h, v->mounts[i].target), v->mounts[i].driver);
		h = mix_number(h, v->mounts[i].read_only);
	}
	for (size_t i = 0; i < v->n_networks; i++)
		h = mix_text(h, v->networks[i]);
	for (size_t i = 0; i < v->n_ports; i++)
		h = mix_number(mix_number(h, v->ports[i].published), v->ports[i].target);
	h = mix_number(mix_number(h, v->dnsrr), v->has_healthcheck);
	return mix_number(mix_number(h, (int64_t) v->restart), v->stop_grace_ns);
}

void
fingerprint_of(const struct docker_service *v, uint64_t ret[static FINGERPRINT_N])
{
	uint64_t constraints = 0;

	for (size_t i = 0; i < v->n_constraints; i++)
		constraints = mix_text(constraints, v->constraints[i]);
	ret[FINGERPRINT_IMAGE] = mix_text(0, v->image);
	ret[FINGERPRINT_CONSTRAINTS] = constraints;
	ret[FINGERPRINT_REPLICAS] = mix_number(0, (int64_t) v->replicas);
	ret[FINGERPRINT_LABELS] = hash_labels(v);
	ret[FINGERPRINT_UPDATE] = hash_update(&v->update);
	ret[FINGERPRINT_REST] = hash_rest(v);
}
