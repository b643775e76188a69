/*
 * The engines of a world on the wire: a socket for each node, the control socket, event streams,
 * the record, and the clock that drives it all.
 */
#pragma once

#include <stdio.h>

#include "test/fake/fault.h"
#include "test/fake/world.h"
#include "test/unit/http_server.h"

struct engine;
struct stream; /* one subscription of /events */

struct engine_port {
	struct engine *engine;
	struct world_node *node;
	struct http_server *server, *tcp; /* NULL: refuses connections */
};

struct engine_event {
	char *line;
	int64_t at_ns;
	const struct world_node *local; /* NULL: of the Swarm, told by managers */
	char type[16], action[16];
};

struct engine {
	uv_loop_t loop;
	uv_timer_t timer;
	uv_signal_t term, interrupt;
	struct world *world;
	struct http_server *control;
	struct engine_port *ports;
	size_t n_ports;
	const char *dir;
	int tcp_port;              /* 0 = none */
	double speed;              /* seconds of the world in one of ours */
	double stats_s;            /* a reading takes so long, in the world */
	int64_t real_ns, world_ns; /* the world's clock stood at world_ns at real_ns */
	struct fault_table faults;
	FILE *record;
	struct engine_event ring[WORLD_EVENTS];
	size_t n_events;
	struct stream *streams;
	uint64_t n_requests;
	struct exchange *exchanges;
	bool closing;
};

/* Aborts when it cannot listen. Sockets: DIR/HOSTNAME.sock and DIR/control.sock. */
void engine_open(struct engine *e, struct world *w, const char *dir, int tcp_port);
void engine_run(struct engine *e);
void engine_close(struct engine *e);

/* Lets the world catch up with the clock, and sets the timer for what comes next. */
void engine_tick(struct engine *e);
/* Opens or closes a node's sockets as its state asks. */
void engine_ports_follow(struct engine *e);

/* engine_stream.c */
void engine_stream_open(struct engine *e, struct world_node *here, struct http_server_conn *conn,
                        const char *filters, const char *since);
void engine_stream_close_all(struct engine *e);
void engine_event(void *data, const struct world_node *local, const char *type, const char *action,
                  const char *id, json_t *attributes);

/* wire.c: one answer on its way out */
struct wire_answer {
	int status;
	const char *headers; /* more lines, each with \r\n */
	char *body;          /* taken */
	bool head;           /* HEAD: no body */
	double delay_s;      /* world time */
};
void wire_send(struct engine *e, struct http_server_conn *conn, struct wire_answer *a,
               struct fault *fault, const char *target);
void wire_close_all(struct engine *e);

void engine_record(void *data, const char *kind, json_t *facts);
