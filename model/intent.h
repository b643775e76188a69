/* A change of the Swarm, from the plan to its end. The journal keeps it. Plain data. */
#pragma once

#include "base/util.h"

enum move_kind { MOVE_KIND_MOVE, MOVE_KIND_UNDO, MOVE_KIND_RELEASE, MOVE_KIND_N };

extern const char *const move_kind_names[MOVE_KIND_N];

enum move_state {
	MOVE_PLANNED,   /* journalled, nothing sent yet */
	MOVE_STEERED,   /* the steering POST may have reached the Swarm */
	MOVE_VERIFIED,  /* every copy runs where it should */
	MOVE_SETTLED,   /* the owner's placement stands again; our labels may still be there */
	MOVE_DONE,      /* end: as asked */
	MOVE_REVERTING, /* revert step (a): original constraints plus node.id!=target */
	MOVE_BLOCKED,   /* revert step (a) stands; waiting for one task a slot, then step (b) */
	MOVE_REVERTED,  /* end: the spec is as before */
	MOVE_GAVE_UP,   /* end: could neither finish nor revert; says why */
	MOVE_FOREIGN,   /* end: someone else changed the service; theirs stands */
	MOVE_REFUSED,   /* end: a check refused it, nothing was sent */
	MOVE_STATE_N
};

extern const char *const move_state_names[MOVE_STATE_N];

struct intent {
	uint64_t id;          /* of the journal row; 0 = not stored yet */
	uint64_t decision_id; /* 0 = asked for by a person */
	uint64_t undo_of;     /* UNDO: the move that it takes back; else 0 */
	enum move_kind kind;
	enum move_state state;
	char service_id[SWARM_ID_SIZE], from_id[SWARM_ID_SIZE], to_id[SWARM_ID_SIZE];
	char *service_name, *from_name, *to_name;
	uint64_t version_before, version_ours; /* Version.Index before, and after our newest POST */
	char *added;                           /* JSON array: the constraints that we added */
	char *before; /* JSON object of the owned fields before; a missing key = absent, null = null
	               */
	char *written; /* the same, as we wrote them last */
	uint64_t
	    rest_hash;   /* hash of the spec without the owned fields: a change of it is foreign */
	char *old_tasks; /* JSON array of the task ids on from when planned */
	int64_t created_wall_ms, deadline_wall_ms, ended_wall_ms;
	char *reason; /* why it ended as it did, for people; NULL while open */
};
