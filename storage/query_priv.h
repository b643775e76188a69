/* What the files of the query share. For storage/ only. */
#pragma once

#include <sqlite3.h>

#include "storage/query.h"

struct query {
	sqlite3 *db;
	int64_t timeout_ms, deadline_ms; /* deadline: mono_ms, 0 = none */
};
