/*
 * A damaged database: opened by the reader and by the store. Never a crash; what the store refuses
 * stays as it is, byte for byte; what it takes can be written to and closed.
 *
 * The input is a list of wounds to a small good database as a crash leaves it, with commits in its
 * log: offset (3 bytes, little endian; the highest bit: of the log), length (1), bytes; length 255
 * cuts the file there. When it begins with "SQLite format 3" it is the whole file, without a log.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/journal.h"
#include "storage/query.h"
#include "storage/request.h"
#include "storage/store.h"
#include "test/fuzz/fuzz.h"

#define MAGIC  "SQLite format 3"
#define CUT    255
#define IN_LOG 0x800000
#define NODE   "node1aaaaaaaaaaaaaaaaaaaa"
#define NOW_MS INT64_C(1795000000000)

struct bytes {
	uint8_t *data;
	size_t size;
};

struct files {
	struct bytes db, log; /* log.data NULL: none */
};

static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};

static char *
path_of(const char *suffix)
{
	return xasprintf("%s/forager.db%s", fuzz_folder(), suffix);
}

static struct bytes
read_all(const char *path)
{
	struct bytes b = {0};
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return b;
	if (fstat(fd, &st) == 0) {
		ssize_t n;

		b.data = xcalloc((size_t) st.st_size + 1, 1);
		n = read(fd, b.data, (size_t) st.st_size);
		b.size = n > 0 ? (size_t) n : 0;
	}
	(void) close(fd);
	return b;
}

static void
remove_all(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		_cleanup_(freep) char *path = path_of(suffixes[i]);

		(void) unlink(path);
	}
}

static void
must(int r, const struct error *err)
{
	if (r < 0)
		fuzz_fail("a good database can be made", "%s", err->text);
}

static void
put_rows(struct store *s)
{
	const struct node_row node = {.id = NODE, .hostname = "alpha", .seen_ms = NOW_MS};
	const struct service_row service = {.id = "svcwebaaaaaaaaaaaaaaaaaaa",
	                                    .name = "web",
	                                    .image = "busybox:1",
	                                    .seen_ms = NOW_MS};
	struct intent in = {.kind = MOVE_KIND_MOVE,
	                    .service_id = "svcwebaaaaaaaaaaaaaaaaaaa",
	                    .from_id = NODE,
	                    .to_id = "node2bbbbbbbbbbbbbbbbbbbb",
	                    .created_wall_ms = NOW_MS};
	struct error err = {0};
	uint64_t id;

	must(store_put_nodes(s, &node, 1, &err), &err);
	must(store_put_services(s, &service, 1, &err), &err);
	must(store_put_meta(s, "warm_since_ms", "1795000000000", &err), &err);
	must(journal_add(s, &in, NOW_MS, &id, &err), &err);
	must(request_add(s, "pause", "{}", "root", NOW_MS, &id, &err), &err);
}

static struct files
good(void)
{
	static struct files made;
	_cleanup_(freep) char *path = path_of(""), *log = path_of("-wal");
	struct store *s = NULL;
	struct error err = {0};

	if (made.db.data != NULL)
		return made;
	remove_all();
	must(store_open(path, &s, &err), &err);
	must(store_wal_checkpoint(s, true, &err), &err);
	put_rows(s);
	/* Before it is closed: these rows are in the log only. */
	made.db = read_all(path);
	made.log = read_all(log);
	store_close(s);
	FUZZ_CHECK(made.db.size > 0 && made.log.size > 0, "%zu, %zu bytes", made.db.size,
	           made.log.size);
	return made;
}

static struct bytes
copy(struct bytes from)
{
	struct bytes b = {.data = xcalloc(from.size, 1), .size = from.size};

	memcpy(b.data, from.data, from.size);
	return b;
}

static struct files
wounded(const uint8_t *data, size_t size)
{
	struct files from = good(), f = {.db = copy(from.db), .log = copy(from.log)};

	while (size >= 4) {
		size_t at = (size_t) data[0] | (size_t) data[1] << 8 | (size_t) data[2] << 16;
		struct bytes *b = (at & IN_LOG) != 0 ? &f.log : &f.db;
		size_t n = data[3] == CUT ? 0 : MIN(data[3], size - 4);

		if (b->size > 0) {
			at = (at & ~(size_t) IN_LOG) % b->size;
			memcpy(b->data + at, data + 4, MIN(n, b->size - at));
			b->size = data[3] == CUT ? at : b->size;
		}
		data += 4 + n;
		size -= 4 + n;
	}
	return f;
}

static void
lay_down(const char *suffix, const struct bytes *b)
{
	_cleanup_(freep) char *path = path_of(suffix);
	int fd;

	if (b->data == NULL)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0 || write(fd, b->data, b->size) != (ssize_t) b->size)
		fuzz_fail("the file is written", "%s", path);
	(void) close(fd);
}

static void
same(const char *who, const char *suffix, const struct bytes *before)
{
	_cleanup_(freep) char *path = path_of(suffix);
	struct bytes now = read_all(path);

	FUZZ_CHECK(now.size == before->size && memcmp(now.data, before->data, now.size) == 0,
	           "by %s: '%s', %zu bytes of %zu", who, suffix, now.size, before->size);
	free(now.data);
}

static void
untouched(const char *who, const struct files *before)
{
	same(who, "", &before->db);
	if (before->log.data != NULL)
		same(who, "-wal", &before->log);
}

static int
row(void *data, size_t n, const char *const *names, const struct query_value *values)
{
	(void) data;
	for (size_t i = 0; i < n; i++) {
		FUZZ_CHECK(names[i] != NULL, "%zu", i);
		FUZZ_CHECK(values[i].type != QUERY_TEXT || values[i].text[values[i].size] == '\0',
		           "%s", names[i]);
	}
	return 0;
}

static void
read_it(void)
{
	static const char *const views[] = {
	    "SELECT * FROM v_nodes",     "SELECT * FROM v_services", "SELECT * FROM v_moves",
	    "SELECT * FROM v_decisions", "SELECT * FROM v_profiles", "SELECT * FROM request",
	};
	_cleanup_(query_closep) struct query *q = NULL;
	_cleanup_(freep) char *path = path_of("");
	struct error err = {0};
	int r = query_open(path, 2000, &q, &err);

	fuzz_said(r, &err);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(views); i++) {
		struct error why = {0};

		fuzz_said(query_each(q, views[i], NULL, 0, row, NULL, &why), &why);
	}
}

static int
profile(void *data, const struct profile_row *p)
{
	(void) data;
	FUZZ_CHECK(p->id != NULL, "a profile without an id");
	return 0;
}

/* As foragerd does when it starts and in a cycle; each may fail, and says so then. */
static void
use(struct store *s)
{
	const struct node_row node = {.id = NODE, .hostname = "beta", .seen_ms = NOW_MS + 1};
	const struct retention keep = {86400000, 14 * 86400000LL, 400 * 86400000LL};
	struct journal_list open = {0};
	struct request q = {0};
	struct error e[6] = {0};

	fuzz_said(store_load_profiles(s, profile, NULL, &e[0]), &e[0]);
	fuzz_said(journal_list(s, JOURNAL_OPEN, 0, &open, &e[1]), &e[1]);
	for (size_t i = 0; i < open.n; i++)
		FUZZ_CHECK(memchr(open.items[i].service_id, '\0', SWARM_ID_SIZE) != NULL, "%zu", i);
	journal_list_done(&open);
	if (request_take(s, NOW_MS + 1, 0, &q, &e[2]) > 0)
		FUZZ_CHECK(q.kind != NULL && q.args != NULL, "a request without words");
	request_done(&q);
	fuzz_said(store_put_nodes(s, &node, 1, &e[3]), &e[3]);
	fuzz_said(store_mark_gone(s, NOW_MS, NOW_MS + 1, &e[4]), &e[4]);
	fuzz_said(store_prune(s, NOW_MS + 1, &keep, &e[5]), &e[5]);
}

void
fuzz_database(const uint8_t *data, size_t size)
{
	_cleanup_(freep) char *path = path_of("");
	bool whole = size >= sizeof(MAGIC) && memcmp(data, MAGIC, sizeof(MAGIC)) == 0;
	struct files f = whole ? (struct files){.db = {(uint8_t *) fuzz_text(data, size), size}}
	                       : wounded(data, size);
	struct store *s = NULL;
	struct error err = {0};
	int r;

	remove_all();
	lay_down("", &f.db);
	lay_down("-wal", &f.log);
	read_it();
	untouched("the reader", &f);
	r = store_open(path, &s, &err);
	fuzz_said(r, &err);
	FUZZ_CHECK(r >= 0 || size > 0, "a good one is refused: %s", err.text);
	if (r < 0)
		untouched("the store", &f);
	else
		use(s);
	store_close(s);
	remove_all();
	free(f.db.data);
	free(f.log.data);
}
