/* The printable names of the model's enumerations. */
#include "model/decision.h"
#include "model/forecast.h"
#include "model/intent.h"
#include "model/rows.h"
#include "model/snapshot.h"

const char *const behaviour_names[BEHAVIOUR_N] = {
    [BEHAVIOUR_UNKNOWN] = "unknown",     [BEHAVIOUR_IDLE] = "idle",
    [BEHAVIOUR_STEADY] = "steady",       [BEHAVIOUR_BURSTY] = "bursty",
    [BEHAVIOUR_CPU_BOUND] = "cpu-bound", [BEHAVIOUR_MEMORY_HEAVY] = "memory-heavy",
    [BEHAVIOUR_IO_BOUND] = "io-bound",   [BEHAVIOUR_NETWORK_CHATTY] = "network-chatty",
};

const char *const task_state_names[TASK_STATE_N] = {
    [TASK_NEW] = "new",           [TASK_PENDING] = "pending",     [TASK_ASSIGNED] = "assigned",
    [TASK_ACCEPTED] = "accepted", [TASK_PREPARING] = "preparing", [TASK_READY] = "ready",
    [TASK_STARTING] = "starting", [TASK_RUNNING] = "running",     [TASK_COMPLETE] = "complete",
    [TASK_SHUTDOWN] = "shutdown", [TASK_FAILED] = "failed",       [TASK_REJECTED] = "rejected",
    [TASK_REMOVE] = "remove",     [TASK_ORPHANED] = "orphaned",
};

const char *const act_mode_names[ACT_MODE_N] = {
    [ACT_NONE] = "none",
    [ACT_OBSERVE] = "observe",
    [ACT_RECOMMEND] = "recommend",
    [ACT_AUTO] = "auto",
};

const char *const action_names[ACTION_N] = {
    [ACTION_STAY] = "stay",
    [ACTION_MOVE] = "move",
    [ACTION_RESIZE] = "resize",
};

const char *const goal_names[GOAL_N] = {
    [GOAL_NONE] = "none",   [GOAL_RELIEF] = "relief",       [GOAL_IMPROVE] = "improve",
    [GOAL_DRAIN] = "drain", [GOAL_SETTLE_IN] = "settle-in", [GOAL_REVERT] = "revert",
};

#define X(id, name, text) [VERDICT_##id] = {name, text},
const struct verdict_info verdict_infos[VERDICT_N] = {VERDICTS(X)};
#undef X

const char *const move_state_names[MOVE_STATE_N] = {
    [MOVE_PLANNED] = "planned", [MOVE_STEERED] = "steered",   [MOVE_VERIFIED] = "verified",
    [MOVE_SETTLED] = "settled", [MOVE_DONE] = "done",         [MOVE_REVERTING] = "reverting",
    [MOVE_BLOCKED] = "blocked", [MOVE_REVERTED] = "reverted", [MOVE_GAVE_UP] = "gave-up",
    [MOVE_FOREIGN] = "foreign", [MOVE_REFUSED] = "refused",
};

const char *const move_kind_names[MOVE_KIND_N] = {
    [MOVE_KIND_MOVE] = "move",
    [MOVE_KIND_UNDO] = "undo",
    [MOVE_KIND_RELEASE] = "release",
};

const char *const profile_kind_names[PROFILE_KIND_N] = {
    [PROFILE_CONTAINER] = "container",
    [PROFILE_SERVICE] = "service",
    [PROFILE_NODE] = "node",
};

const char *const execution_names[EXECUTION_N] = {
    [EXECUTION_STAYED] = "stayed",           [EXECUTION_OBSERVED] = "observed",
    [EXECUTION_RECOMMENDED] = "recommended", [EXECUTION_STARTED] = "started",
    [EXECUTION_REFUSED] = "refused",
};
