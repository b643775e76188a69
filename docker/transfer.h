/*
 * One HTTP request and what has come of it so far, and the queues on which it travels: running,
 * bytes to be told (streams), finished. For docker/http.c only, which does the rest with libcurl.
 */
#pragma once

#include "docker/http.h"

/* Of an answer: more is not what an engine sends. libcurl itself caps each one at 100 KiB. */
#define TRANSFER_MAX_HEADERS 64

struct curl_slist;

struct transfer_list {
	struct http_transfer *first, *last;
};

enum transfer_stage {
	STAGE_RUNNING,  /* libcurl has it */
	STAGE_FINISHED, /* on the finished queue */
	STAGE_TOLD      /* its on_done runs or ran */
};

struct transfer_buffer {
	char *bytes;
	size_t size, room;
};

struct transfer_queues {
	struct transfer_list running, finished;
	struct http_transfer *ready, **ready_end;
	size_t n_in_flight; /* on_done has not run */
};

struct http_transfer {
	struct http *http;
	struct transfer_queues *queues;
	struct http_transfer *prev, *next; /* in running or finished */
	struct http_transfer *next_ready;  /* in ready */
	bool is_ready;                     /* is on that queue */
	void *easy;                        /* libcurl's handle */
	struct curl_slist *headers;        /* of the request */
	char curl_text[256];
	char *url; /* for messages */
	enum transfer_stage stage;
	bool streams;   /* the answer is 2xx and goes to on_data */
	bool told_open; /* on_data was told of the header */
	bool cancelled;
	size_t max_bytes;
	http_data_fn *on_data;
	http_done_fn *on_done;
	void *data;
	struct transfer_buffer body;
	struct http_header answer[TRANSFER_MAX_HEADERS];
	size_t n_answer;
	int status;
	int64_t took_ms;
	struct error err;
};

void transfer_queues_init(struct transfer_queues *q);

/* On the running queue from the start. */
struct http_transfer *transfer_new(struct http *http, struct transfer_queues *q,
                                   const struct http_request *request);

void transfer_add_body(struct http_transfer *t, const char *bytes, size_t size);
void transfer_add_header(struct http_transfer *t, const char *line, size_t size);
void transfer_drop_headers(struct http_transfer *t);

void transfer_queue_data(struct http_transfer *t); /* there is something for on_data */
void transfer_queue_end(struct http_transfer *t);  /* there is something for on_done */

/* Runs callbacks and frees what has ended, until both queues are empty. */
void transfer_deliver(struct transfer_queues *q);
