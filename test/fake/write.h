/* The endpoints that change the Swarm (swarmkit manager/controlapi). */
#pragma once

#include "test/fake/route.h"

void write_node(struct route_request *r, struct route_answer *a);
void write_service_create(struct route_request *r, struct route_answer *a);
void write_service_update(struct route_request *r, struct route_answer *a);
void write_service_remove(struct route_request *r, struct route_answer *a);
void write_config_create(struct route_request *r, struct route_answer *a);
void write_config_update(struct route_request *r, struct route_answer *a);
void write_config_remove(struct route_request *r, struct route_answer *a);
