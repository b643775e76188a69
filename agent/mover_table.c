/* The table of mover_table.h. It has no code beside itself but look-ups and its own printing. */
#include "agent/mover_table.h"

#include <errno.h>

#include "base/error.h"

enum { JOURNAL_KEEP = -1 };
#define JOURNAL_PLANNED   MOVE_PLANNED
#define JOURNAL_STEERED   MOVE_STEERED
#define JOURNAL_VERIFIED  MOVE_VERIFIED
#define JOURNAL_SETTLED   MOVE_SETTLED
#define JOURNAL_DONE      MOVE_DONE
#define JOURNAL_REVERTING MOVE_REVERTING
#define JOURNAL_BLOCKED   MOVE_BLOCKED
#define JOURNAL_REVERTED  MOVE_REVERTED
#define JOURNAL_GAVE_UP   MOVE_GAVE_UP
#define JOURNAL_FOREIGN   MOVE_FOREIGN
#define JOURNAL_REFUSED   MOVE_REFUSED

#define X(id, effect, journal, text)                                                               \
	[MOVER_##id] = {#id, text, MOVER_EFFECT_##effect, JOURNAL_##journal},
const struct mover_state_info mover_state_infos[MOVER_STATE_N] = {MOVER_STATES(X)};
#undef X

#define X(id, text) [MOVER_EFFECT_##id] = {#id, text},
const struct mover_name mover_effect_names[MOVER_EFFECT_N] = {MOVER_EFFECTS(X)};
#undef X

#define X(id, text) [MOVER_EVENT_##id] = {#id, text},
const struct mover_name mover_event_names[MOVER_EVENT_N] = {MOVER_EVENTS(X)};
#undef X

#define EV(e) (1u << MOVER_EVENT_##e)

/* A change of the service can be refused, overtaken, come too late, or remain without answer. */
#define POST_EVENTS (EV(OK) | EV(REFUSED) | EV(FOREIGN) | EV(GONE) | EV(STUCK) | EV(UNLED))

static const uint32_t effect_events[MOVER_EFFECT_N] = {
    [MOVER_EFFECT_CHECK] =
        EV(OK) | EV(MERGE) | EV(NOTHING) | EV(REFUSED) | EV(GONE) | EV(STUCK) | EV(STOP),
    [MOVER_EFFECT_CONFIRM] = EV(OK) | EV(REFUSED) | EV(FOREIGN) | EV(GONE) | EV(STUCK) | EV(STOP),
    [MOVER_EFFECT_LEAD] = EV(OK) | EV(REFUSED) | EV(STUCK) | EV(STOP),
    [MOVER_EFFECT_STORE] = EV(OK) | EV(STUCK),
    [MOVER_EFFECT_POST_STEER] = POST_EVENTS,
    [MOVER_EFFECT_POST_SETTLE] = POST_EVENTS,
    [MOVER_EFFECT_POST_RESTORE] = POST_EVENTS,
    [MOVER_EFFECT_POST_CLEAN] = POST_EVENTS,
    [MOVER_EFFECT_POST_BLOCK] = POST_EVENTS,
    /* FOREIGN: their update is not to be disturbed, or has brought our steering back. */
    [MOVER_EFFECT_POST_YIELD] =
        EV(OK) | EV(NOTHING) | EV(REFUSED) | EV(FOREIGN) | EV(GONE) | EV(STUCK) | EV(UNLED),
    [MOVER_EFFECT_POST_UNSIGN] =
        EV(OK) | EV(NOTHING) | EV(REFUSED) | EV(FOREIGN) | EV(GONE) | EV(STUCK) | EV(UNLED),
    [MOVER_EFFECT_POST_MERGE] = EV(OK) | EV(REFUSED) | EV(GONE) | EV(STUCK) | EV(UNLED),
    [MOVER_EFFECT_POST_PUSH] =
        EV(OK) | EV(NOTHING) | EV(REFUSED) | EV(GONE) | EV(STUCK) | EV(UNLED),
    [MOVER_EFFECT_WATCH_MOVE] = EV(OK) | EV(FAILING) | EV(ASTRAY) | EV(DEADLINE) | EV(FOREIGN) |
                                EV(GONE) | EV(STUCK) | EV(UNLED) | EV(STOP),
    [MOVER_EFFECT_WATCH_CALM] =
        EV(OK) | EV(FAILING) | EV(DEADLINE) | EV(FOREIGN) | EV(GONE) | EV(STUCK) | EV(UNLED),
    [MOVER_EFFECT_WATCH_UNWIND] =
        EV(OK) | EV(FAILING) | EV(DEADLINE) | EV(FOREIGN) | EV(GONE) | EV(STUCK) | EV(UNLED),
    [MOVER_EFFECT_WATCH_OTHER] =
        EV(OK) | EV(DEADLINE) | EV(GONE) | EV(STUCK) | EV(UNLED) | EV(STOP),
    [MOVER_EFFECT_PROVE] = EV(OK) | EV(FOREIGN) | EV(GONE) | EV(STUCK),
    [MOVER_EFFECT_RECOVER] = EV(FOUND_STEERED) | EV(FOUND_BLOCKED) | EV(FOUND_SETTLED) |
                             EV(FOUND_RESTORED) | EV(FOUND_CLEAN) | EV(FOUND_BEFORE) | EV(MERGE) |
                             EV(FAILING) | EV(FOREIGN) | EV(GONE) | EV(STUCK) | EV(UNLED) |
                             EV(STOP),
    [MOVER_EFFECT_REST] = EV(OK) | EV(NOTHING) | EV(STOP),
    [MOVER_EFFECT_FINISH] = 0,
};

#define ROW(state, event, next)                                                                    \
	{                                                                                          \
		MOVER_##state, MOVER_EVENT_##event, MOVER_##next                                   \
	}
/* clang-format off */
const struct mover_row mover_rows[] = {
	ROW(CHECK, OK, PLAN),
	ROW(CHECK, MERGE, PLAN_MERGE),
	ROW(CHECK, NOTHING, END_NOTHING),
	ROW(CHECK, REFUSED, END_REFUSED),
	ROW(CHECK, GONE, END_REFUSED),
	ROW(CHECK, STUCK, END_REFUSED),
	ROW(CHECK, STOP, END_REFUSED),

	/* What cannot be written down first is not done. */
	ROW(PLAN, OK, CONFIRM),
	ROW(PLAN, STUCK, END_REFUSED),
	ROW(PLAN_MERGE, OK, LEAD),
	ROW(PLAN_MERGE, STUCK, END_REFUSED),
	ROW(LEAD, OK, ARM_MERGE),
	ROW(LEAD, REFUSED, END_REFUSED),
	ROW(LEAD, STUCK, END_REFUSED),
	ROW(LEAD, STOP, END_REFUSED),
	ROW(ARM_MERGE, OK, MERGE),
	ROW(ARM_MERGE, STUCK, END_REFUSED),
	ROW(MERGE, OK, MERGED),
	ROW(MERGE, REFUSED, END_REFUSED),
	ROW(MERGE, GONE, END_NOTHING),
	ROW(MERGE, STUCK, LEFT_OPEN),
	ROW(MERGE, UNLED, LEFT_OPEN),
	ROW(MERGED, OK, PUSH),
	ROW(MERGED, STUCK, PUSH),
	/* The merge itself stands: what the push wins is comfort only. */
	ROW(PUSH, OK, PROVE),
	ROW(PUSH, NOTHING, PROVE),
	ROW(PUSH, REFUSED, PROVE),
	ROW(PUSH, GONE, END_DONE),
	ROW(PUSH, STUCK, PROVE),
	ROW(PUSH, UNLED, PROVE),

	ROW(CONFIRM, OK, ARM),
	ROW(CONFIRM, REFUSED, END_REFUSED),
	ROW(CONFIRM, FOREIGN, END_REFUSED),
	ROW(CONFIRM, GONE, END_REFUSED),
	ROW(CONFIRM, STUCK, END_REFUSED),
	ROW(CONFIRM, STOP, END_REFUSED),
	ROW(ARM, OK, STEER),
	ROW(ARM, STUCK, END_REFUSED),

	ROW(STEER, OK, VERIFY),
	ROW(STEER, REFUSED, END_REFUSED),
	ROW(STEER, FOREIGN, YIELD_WAIT),
	ROW(STEER, GONE, END_FOREIGN),
	ROW(STEER, STUCK, LEFT_OPEN),
	ROW(STEER, UNLED, LEFT_OPEN),

	ROW(VERIFY, OK, LANDED),
	ROW(VERIFY, FAILING, TAKE_BACK),
	/* To block the target would restart what did land there: leave every task where it is. */
	ROW(VERIFY, ASTRAY, GIVE_BACK),
	ROW(VERIFY, DEADLINE, TAKE_BACK),
	ROW(VERIFY, FOREIGN, YIELD_WAIT),
	ROW(VERIFY, GONE, END_FOREIGN),
	ROW(VERIFY, STUCK, LEFT_OPEN),
	ROW(VERIFY, UNLED, LEFT_OPEN),
	ROW(VERIFY, STOP, TAKE_BACK),

	/* From here on the Swarm's own labels tell what a full disk could not be told. */
	ROW(LANDED, OK, CALM),
	ROW(LANDED, STUCK, CALM),
	ROW(CALM, OK, SETTLE),
	ROW(CALM, FAILING, TAKE_BACK),
	ROW(CALM, DEADLINE, GIVE_BACK),
	ROW(CALM, FOREIGN, YIELD_WAIT),
	ROW(CALM, GONE, END_FOREIGN),
	ROW(CALM, STUCK, LEFT_OPEN),
	ROW(CALM, UNLED, LEFT_OPEN),

	ROW(SETTLE, OK, SETTLED),
	ROW(SETTLE, REFUSED, END_GAVE_UP),
	ROW(SETTLE, FOREIGN, YIELD_WAIT),
	ROW(SETTLE, GONE, END_FOREIGN),
	ROW(SETTLE, STUCK, LEFT_OPEN),
	ROW(SETTLE, UNLED, LEFT_OPEN),
	ROW(SETTLED, OK, CLEAN),
	ROW(SETTLED, STUCK, CLEAN),
	ROW(CLEAN, OK, PROVE),
	ROW(CLEAN, REFUSED, END_GAVE_UP),
	ROW(CLEAN, FOREIGN, YIELD_WAIT),
	ROW(CLEAN, GONE, END_FOREIGN),
	ROW(CLEAN, STUCK, LEFT_OPEN),
	ROW(CLEAN, UNLED, LEFT_OPEN),
	ROW(PROVE, OK, END_DONE),
	ROW(PROVE, FOREIGN, END_FOREIGN),
	ROW(PROVE, GONE, END_DONE),
	ROW(PROVE, STUCK, END_DONE),

	ROW(TAKE_BACK, OK, BLOCK),
	ROW(TAKE_BACK, STUCK, BLOCK),
	ROW(BLOCK, OK, BLOCKED),
	ROW(BLOCK, REFUSED, RESTORE),
	ROW(BLOCK, FOREIGN, YIELD_WAIT),
	ROW(BLOCK, GONE, END_FOREIGN),
	ROW(BLOCK, STUCK, LEFT_OPEN),
	ROW(BLOCK, UNLED, LEFT_OPEN),
	ROW(BLOCKED, OK, UNWIND),
	ROW(BLOCKED, STUCK, UNWIND),
	ROW(GIVE_BACK, OK, UNWIND),
	ROW(GIVE_BACK, STUCK, UNWIND),
	/* The owner's spec is owed in any case; waiting only makes its return gentler. */
	ROW(UNWIND, OK, RESTORE),
	ROW(UNWIND, FAILING, RESTORE),
	ROW(UNWIND, DEADLINE, RESTORE),
	ROW(UNWIND, FOREIGN, YIELD_WAIT),
	ROW(UNWIND, GONE, END_FOREIGN),
	ROW(UNWIND, STUCK, LEFT_OPEN),
	ROW(UNWIND, UNLED, LEFT_OPEN),
	ROW(RESTORE, OK, RESTORED),
	ROW(RESTORE, REFUSED, END_GAVE_UP),
	ROW(RESTORE, FOREIGN, YIELD_WAIT),
	ROW(RESTORE, GONE, END_FOREIGN),
	ROW(RESTORE, STUCK, LEFT_OPEN),
	ROW(RESTORE, UNLED, LEFT_OPEN),
	ROW(RESTORED, OK, UNLABEL),
	ROW(RESTORED, DEADLINE, UNLABEL),
	ROW(RESTORED, STOP, UNLABEL),
	ROW(RESTORED, GONE, END_FOREIGN),
	ROW(RESTORED, STUCK, LEFT_OPEN),
	ROW(RESTORED, UNLED, LEFT_OPEN),
	ROW(UNLABEL, OK, PROVE_BACK),
	ROW(UNLABEL, REFUSED, END_GAVE_UP),
	ROW(UNLABEL, FOREIGN, YIELD_WAIT),
	ROW(UNLABEL, GONE, END_FOREIGN),
	ROW(UNLABEL, STUCK, LEFT_OPEN),
	ROW(UNLABEL, UNLED, LEFT_OPEN),
	ROW(PROVE_BACK, OK, END_REVERTED),
	ROW(PROVE_BACK, FOREIGN, END_FOREIGN),
	ROW(PROVE_BACK, GONE, END_REVERTED),
	ROW(PROVE_BACK, STUCK, END_REVERTED),

	ROW(YIELD_WAIT, OK, YIELD),
	ROW(YIELD_WAIT, DEADLINE, YIELD),
	ROW(YIELD_WAIT, GONE, END_FOREIGN),
	ROW(YIELD_WAIT, STUCK, LEFT_OPEN),
	ROW(YIELD_WAIT, UNLED, LEFT_OPEN),
	ROW(YIELD_WAIT, STOP, LEFT_OPEN),
	ROW(YIELD, OK, YIELD_CALM),
	ROW(YIELD, NOTHING, YIELD_CLEAN),
	ROW(YIELD, REFUSED, END_GAVE_UP),
	ROW(YIELD, FOREIGN, END_FOREIGN),
	ROW(YIELD, GONE, END_FOREIGN),
	ROW(YIELD, STUCK, LEFT_OPEN),
	ROW(YIELD, UNLED, LEFT_OPEN),
	ROW(YIELD_CALM, OK, YIELD_CLEAN),
	ROW(YIELD_CALM, DEADLINE, YIELD_CLEAN),
	ROW(YIELD_CALM, GONE, END_FOREIGN),
	ROW(YIELD_CALM, STUCK, LEFT_OPEN),
	ROW(YIELD_CALM, UNLED, LEFT_OPEN),
	ROW(YIELD_CALM, STOP, LEFT_OPEN),
	ROW(YIELD_CLEAN, OK, END_FOREIGN),
	ROW(YIELD_CLEAN, NOTHING, END_FOREIGN),
	ROW(YIELD_CLEAN, REFUSED, END_GAVE_UP),
	ROW(YIELD_CLEAN, FOREIGN, YIELD_WAIT),
	ROW(YIELD_CLEAN, GONE, END_FOREIGN),
	ROW(YIELD_CLEAN, STUCK, LEFT_OPEN),
	ROW(YIELD_CLEAN, UNLED, LEFT_OPEN),

	ROW(RECOVER, FOUND_STEERED, VERIFY),
	ROW(RECOVER, FOUND_BLOCKED, UNWIND),
	ROW(RECOVER, FOUND_SETTLED, CLEAN),
	ROW(RECOVER, FOUND_RESTORED, RESTORED),
	ROW(RECOVER, FOUND_CLEAN, END_DONE),
	ROW(RECOVER, FOUND_BEFORE, END_REVERTED),
	ROW(RECOVER, MERGE, MERGE),
	ROW(RECOVER, FAILING, TAKE_BACK),
	ROW(RECOVER, FOREIGN, YIELD_WAIT),
	ROW(RECOVER, GONE, END_FOREIGN),
	ROW(RECOVER, STUCK, LEFT_OPEN),
	ROW(RECOVER, UNLED, LEFT_OPEN),
	ROW(RECOVER, STOP, LEFT_OPEN),

	ROW(END_DONE, OK, OVER),
	ROW(END_DONE, STUCK, OVER),
	ROW(END_NOTHING, OK, OVER),
	ROW(END_NOTHING, STUCK, OVER),
	ROW(END_REFUSED, OK, OVER),
	ROW(END_REFUSED, STUCK, OVER),
	ROW(END_REVERTED, OK, OVER),
	ROW(END_REVERTED, STUCK, OVER),
	ROW(END_FOREIGN, OK, OVER),
	ROW(END_FOREIGN, STUCK, OVER),
	ROW(END_GAVE_UP, OK, OVER),
	ROW(END_GAVE_UP, STUCK, OVER),
	ROW(LEFT_OPEN, OK, RECOVER),
	ROW(LEFT_OPEN, NOTHING, OVER),
	ROW(LEFT_OPEN, STOP, OVER),
};
/* clang-format on */
const size_t mover_rows_n = ARRAY_SIZE(mover_rows);

int
mover_table_next(enum mover_state state, enum mover_event event)
{
	for (size_t i = 0; i < mover_rows_n; i++)
		if (mover_rows[i].state == state && mover_rows[i].event == event)
			return (int) mover_rows[i].next;
	return -1;
}

bool
mover_effect_gives(enum mover_effect effect, enum mover_event event)
{
	return (effect_events[effect] & (1u << event)) != 0;
}

bool
mover_effect_posts(enum mover_effect effect)
{
	switch (effect) {
	case MOVER_EFFECT_POST_STEER:
	case MOVER_EFFECT_POST_SETTLE:
	case MOVER_EFFECT_POST_RESTORE:
	case MOVER_EFFECT_POST_CLEAN:
	case MOVER_EFFECT_POST_BLOCK:
	case MOVER_EFFECT_POST_YIELD:
	case MOVER_EFFECT_POST_UNSIGN:
	case MOVER_EFFECT_POST_MERGE:
	case MOVER_EFFECT_POST_PUSH:
		return true;
	default:
		return false;
	}
}

static void
print_names(FILE *to, const char *title, const struct mover_name *names, size_t n)
{
	(void) fprintf(to, "\n| %s | means |\n| --- | --- |\n", title);
	for (size_t i = 0; i < n; i++)
		(void) fprintf(to, "| %s | %s |\n", names[i].name, names[i].text);
}

int
mover_table_print(FILE *to)
{
	(void) fprintf(to, "| state | on entry | the journal says | means |\n"
	                   "| --- | --- | --- | --- |\n");
	for (size_t i = 0; i < MOVER_STATE_N; i++) {
		const struct mover_state_info *s = &mover_state_infos[i];

		(void) fprintf(
		    to, "| %s | %s | %s | %s |\n", s->name, mover_effect_names[s->effect].name,
		    s->journal == JOURNAL_KEEP ? "–" : move_state_names[s->journal], s->text);
	}
	print_names(to, "effect", mover_effect_names, MOVER_EFFECT_N);
	print_names(to, "event", mover_event_names, MOVER_EVENT_N);
	(void) fprintf(to, "\n| state | event | next |\n| --- | --- | --- |\n");
	for (size_t i = 0; i < mover_rows_n; i++)
		(void) fprintf(to, "| %s | %s | %s |\n",
		               mover_state_infos[mover_rows[i].state].name,
		               mover_event_names[mover_rows[i].event].name,
		               mover_state_infos[mover_rows[i].next].name);
	return fflush(to) == 0 && !ferror(to) ? 0 : -EIO;
}
