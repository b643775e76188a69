/* Every write of refuse.h on both sides; see there. */
#include <stdio.h>

#include "docker/document.h"
#include "test/fake/shape.h"
#include "test/rig/differ/draw.h"
#include "test/rig/differ/form.h"
#include "test/rig/differ/refuse.h"

static const char spec_text[] =
    "{\"Name\":\"refusals\",\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"forager/hold:1\"},"
    "\"Resources\":{},\"RestartPolicy\":{},\"Placement\":{\"Constraints\":[\"node.role==none\"]}},"
    "\"Mode\":{\"Replicated\":{\"Replicas\":1}},\"EndpointSpec\":{\"Mode\":\"dnsrr\"}}";

/* "STATUS text". The caller frees. */
static char *
answer_of(struct side *s, const char *how)
{
	json_auto_t *service = side_get(s, "/services/refusals"), *answer = NULL;
	int status = refuse_ask(s, how, service, &answer);
	_cleanup_(freep) char *text = form_text(shape_text(answer, "message", ""));

	return xasprintf("%d %s", status, text);
}

static struct world *
world_of_one(void)
{
	const struct resources capacity = {.cpu_nano = NS_PER_S, .mem_bytes = 1 << 30};
	struct world *w = world_new(1, 1000 * NS_PER_S, 41);

	(void) world_node_add(w, "m1", true, &capacity);
	return w;
}

size_t
refuse_all(struct side *real, size_t *ret_asked)
{
	struct side fake = {.world = world_of_one()};
	size_t different = 0;

	(void) side_ask(real, "POST", "/services/create", spec_text, NULL);
	(void) side_ask(&fake, "POST", "/services/create", spec_text, NULL);
	for (size_t i = 0; i < draw_n_refusals; i++) {
		_cleanup_(freep) char *a = answer_of(real, draw_refusals[i]);
		_cleanup_(freep) char *b = answer_of(&fake, draw_refusals[i]);

		if (streq(a, b))
			continue;
		different++;
		(void) printf("# a write that is wrong (%s)\n#   real: %s\n#   fake: %s\n",
		              draw_refusals[i], a, b);
	}
	*ret_asked = draw_n_refusals;
	world_free(fake.world);
	return different;
}
