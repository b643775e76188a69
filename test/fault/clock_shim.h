#pragma once

/* The clock that clock_ctl writes and every program under clock_shim.so reads (mmap of one file).
 * At the machine's real CLOCK_MONOTONIC real_mono_ns, it was fake_mono_ns and fake_wall_ns; since
 * then both have gone on at scale times the real speed, and the wall clock has jumped by jump_ns
 * each time that jump_every_ns had passed (0: never). scale 0: time stands still. */

#include <stdatomic.h>
#include <stdint.h>

#define CLOCK_SHIM_MAGIC 0x666f726167657231

struct clock_face {
	int64_t real_mono_ns, fake_mono_ns, fake_wall_ns;
	double scale;
	int64_t jump_ns, jump_every_ns;
};

struct clock_file {
	uint64_t magic;
	_Atomic uint32_t turn; /* odd while face is being written */
	uint32_t unused;
	struct clock_face face;
};

/* The face as a whole, never half of two. */
static inline struct clock_face
clock_file_read(const struct clock_file *file)
{
	for (;;) {
		uint32_t before = atomic_load(&file->turn);
		struct clock_face face = file->face;

		atomic_thread_fence(memory_order_acquire);
		if (before % 2 == 0 && atomic_load(&file->turn) == before)
			return face;
	}
}

/* Both clocks at the given real one. */
static inline void
clock_face_at(const struct clock_face *face, int64_t real_mono_ns, int64_t *mono_ns,
              int64_t *wall_ns)
{
	int64_t passed = (int64_t) ((double) (real_mono_ns - face->real_mono_ns) * face->scale);

	*mono_ns = face->fake_mono_ns + passed;
	*wall_ns = face->fake_wall_ns + passed;
	if (face->jump_every_ns > 0)
		*wall_ns += passed / face->jump_every_ns * face->jump_ns;
}
