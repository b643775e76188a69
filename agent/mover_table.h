/*
 * What follows what while the Swarm is being changed: a pure table (state, event) → state, and for
 * each state the one effect that is started when it is entered. The only place where a change's
 * progress is decided; every boundary between two states is a point where we may be killed.
 */
#pragma once

#include <stdio.h>

#include "model/intent.h"

/* id, name, effect on entry, the journal's state while in it, text for people */
#define MOVER_STATES(X)                                                                            \
	X(CHECK, CHECK, PLANNED, "reads the Swarm anew and asks every rule")                       \
	X(PLAN, STORE, PLANNED, "writes the intent down, before anything is sent")                 \
	X(PLAN_MERGE, STORE, PLANNED, "the same for undo and release: no task is to move")         \
	X(CONFIRM, CONFIRM, PLANNED,                                                               \
	  "we lead and hold the lease, and it is still the service that was checked")              \
	X(LEAD, LEAD, PLANNED, "the same for undo and release: we lead and hold the lease")        \
	X(ARM, STORE, STEERED, "writes down that the steering may be sent from now on")            \
	X(STEER, POST_STEER, STEERED, "the constraints that leave only the target")                \
	X(VERIFY, WATCH_MOVE, STEERED, "waits until every copy runs where it should")              \
	X(LANDED, STORE, VERIFIED, "writes down that they do")                                     \
	X(CALM, WATCH_CALM, VERIFIED, "waits for Swarm's own update to end")                       \
	X(SETTLE, POST_SETTLE, VERIFIED, "the owner's spec again, without our labels")             \
	X(SETTLED, STORE, SETTLED, "writes down that only the previous spec is still ours")        \
	X(CLEAN, POST_CLEAN, SETTLED, "the same once more, so that the previous spec is it, too")  \
	X(PROVE, PROVE, SETTLED, "reads it all back")                                              \
	X(TAKE_BACK, STORE, REVERTING, "writes down that it is being taken back")                  \
	X(BLOCK, POST_BLOCK, REVERTING, "the owner's constraints, and not the target")             \
	X(BLOCKED, STORE, BLOCKED, "writes down that the target is blocked")                       \
	X(GIVE_BACK, STORE, BLOCKED,                                                               \
	  "writes down that the owner's spec comes back as things stand")                          \
	X(UNWIND, WATCH_UNWIND, BLOCKED, "waits until each slot has one task again")               \
	X(RESTORE, POST_RESTORE, BLOCKED, "the owner's spec again, without our labels")            \
	X(RESTORED, WATCH_OTHER, BLOCKED, "waits for what Swarm makes of that to end")             \
	X(UNLABEL, POST_CLEAN, BLOCKED,                                                            \
	  "the same once more, so that the previous spec is it, too")                              \
	X(PROVE_BACK, PROVE, BLOCKED, "reads it all back")                                         \
	X(YIELD_WAIT, WATCH_OTHER, KEEP, "waits for the other one's update to end")                \
	X(YIELD, POST_YIELD, KEEP, "takes away what is still literally ours, nothing else")        \
	X(YIELD_CALM, WATCH_OTHER, KEEP, "waits for what Swarm makes of that to end")              \
	X(YIELD_CLEAN, POST_UNSIGN, KEEP, "the same for what stands there now")                    \
	X(ARM_MERGE, STORE, VERIFIED, "writes down that the merge may be sent from now on")        \
	X(MERGE, POST_MERGE, VERIFIED, "three-way: what is still ours goes")                       \
	X(MERGED, STORE, SETTLED, "writes down that it did")                                       \
	X(PUSH, POST_PUSH, SETTLED, "the same once more, so that the previous spec is it, too")    \
	X(RECOVER, RECOVER, KEEP, "finds out where an earlier run stopped")                        \
	X(END_DONE, STORE, DONE, "as asked")                                                       \
	X(END_NOTHING, STORE, DONE, "there was nothing to do")                                     \
	X(END_REFUSED, STORE, REFUSED, "a check said no, nothing was sent")                        \
	X(END_REVERTED, STORE, REVERTED, "taken back, the spec is as before")                      \
	X(END_FOREIGN, STORE, FOREIGN,                                                             \
	  "someone else changed or removed the service; theirs stands")                            \
	X(END_GAVE_UP, STORE, GAVE_UP, "could neither be finished nor taken back")                 \
	X(LEFT_OPEN, REST, KEEP, "the Swarm or the disk does not answer: taken up later")          \
	X(OVER, FINISH, KEEP, "tells the one who asked")

enum mover_state {
#define X(id, effect, journal, text) MOVER_##id,
	MOVER_STATES(X)
#undef X
	    MOVER_STATE_N
};

/* id, text: what the driver does; each ends in exactly one event */
#define MOVER_EFFECTS(X)                                                                           \
	X(CHECK, "read the Swarm, ask the rules, make the plan")                                   \
	X(CONFIRM, "be the Raft leader, take the lease, read the service")                         \
	X(LEAD, "be the Raft leader, take the lease")                                              \
	X(STORE, "write the journal")                                                              \
	X(POST_STEER, "change the service: steering")                                              \
	X(POST_SETTLE, "change the service: the owner's placement")                                \
	X(POST_RESTORE, "change the service: the owner's placement, as before")                    \
	X(POST_CLEAN, "change the service: nothing, so that the previous spec is this one")        \
	X(POST_BLOCK, "change the service: the target excluded")                                   \
	X(POST_YIELD, "change the service: three-way, what is still ours")                         \
	X(POST_UNSIGN, "the same after a yield")                                                   \
	X(POST_MERGE, "change the service: three-way, ours goes")                                  \
	X(POST_PUSH, "the same after a merge")                                                     \
	X(WATCH_MOVE, "watch the tasks: landed?")                                                  \
	X(WATCH_CALM, "watch the service: update ended?")                                          \
	X(WATCH_UNWIND, "watch the tasks: one a slot?")                                            \
	X(WATCH_OTHER, "watch the service: the other one's update ended?")                         \
	X(PROVE, "read the service back")                                                          \
	X(RECOVER, "read the service and its tasks")                                               \
	X(REST, "wait before the next try, where there is to be one")                              \
	X(FINISH, "call back")

enum mover_effect {
#define X(id, text) MOVER_EFFECT_##id,
	MOVER_EFFECTS(X)
#undef X
	    MOVER_EFFECT_N
};

/* id, text */
#define MOVER_EVENTS(X)                                                                            \
	X(OK, "the effect did what it should")                                                     \
	X(MERGE, "checked: only constraints and labels are to go, no task is to move")             \
	X(NOTHING, "there is nothing of ours to change")                                           \
	X(REFUSED, "a rule, or the Swarm in so many words, said no")                               \
	X(FAILING, "a new task cannot get there")                                                  \
	X(ASTRAY, "the tasks run, but not where we said")                                          \
	X(DEADLINE, "time is up")                                                                  \
	X(FOREIGN, "someone else changed the service")                                             \
	X(GONE, "the service was removed")                                                         \
	X(STUCK, "no answer, or out of tries")                                                     \
	X(UNLED, "this manager may not act: not the Raft leader, or the lease is another's")       \
	X(STOP, "we are asked to stop")                                                            \
	X(FOUND_STEERED, "our steering stands")                                                    \
	X(FOUND_BLOCKED, "our block of the target stands")                                         \
	X(FOUND_SETTLED, "the owner's spec stands, the previous one is ours; it was settling")     \
	X(FOUND_RESTORED, "the same; it was being taken back")                                     \
	X(FOUND_CLEAN, "nothing of ours is there; it had landed")                                  \
	X(FOUND_BEFORE, "nothing of ours is there; it had not landed")

enum mover_event {
#define X(id, text) MOVER_EVENT_##id,
	MOVER_EVENTS(X)
#undef X
	    MOVER_EVENT_N
};

struct mover_row {
	enum mover_state state;
	enum mover_event event;
	enum mover_state next;
};

struct mover_state_info {
	const char *name, *text;
	enum mover_effect effect;
	int journal; /* enum move_state that the journal holds, -1: whatever it held */
};

struct mover_name {
	const char *name, *text;
};

extern const struct mover_state_info mover_state_infos[MOVER_STATE_N];
extern const struct mover_name mover_effect_names[MOVER_EFFECT_N];
extern const struct mover_name mover_event_names[MOVER_EVENT_N];
extern const struct mover_row mover_rows[];
extern const size_t mover_rows_n;

/* The next state, or -1: this event cannot happen in this state (then it is our bug). */
int mover_table_next(enum mover_state state, enum mover_event event);

/*
 * Whether an effect can end in this event. What it cannot end in is impossible in every state that
 * has this effect; what it can must have a row there. STOP (SIGTERM) interrupts those effects only
 * that can end in it: the others are short, or half of them would be worse than all.
 */
bool mover_effect_gives(enum mover_effect effect, enum mover_event event);

/* The effects that send a change to the Swarm. */
bool mover_effect_posts(enum mover_effect effect);

/* States, events and the table itself as Markdown. Returns 0 or -EIO. */
int mover_table_print(FILE *to);
