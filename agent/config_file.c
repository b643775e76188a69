/* Files of the configuration, through libinih; see config.h. */
#include "agent/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* What whoever writes the file can grow. */
#define FILE_BYTES_MAX (1024 * 1024)

/* One file on its way through libinih, which asks for lines and hands keys back. */
struct parse {
	struct config *config;
	const char *file, *next;
	int line;
	char **seen; /* "section\nname" of this file: a key given twice is a mistake */
	size_t n_seen;
	struct error *err;
	int result;
};

static int fail(struct parse *p, const char *fmt, ...) _printf_(2, 3);

static int
fail(struct parse *p, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (p->result == 0)
		p->result = error_set(p->err, EINVAL, "%s:%d: %s", p->file, p->line, text);
	return p->result;
}

/*
 * fgets for libinih. It has a fixed line buffer (200 bytes in Debian) and would take the rest of a
 * longer line for a line of its own: refused instead. Indentation is taken away, because libinih
 * reads an indented line as the continuation of the value before.
 */
static char *
read_line(char *buf, int size, void *stream)
{
	struct parse *p = stream;
	size_t n, skip;

	if (*p->next == '\0' || p->result < 0)
		return NULL;
	p->line++;
	n = strcspn(p->next, "\n");
	skip = MIN(strspn(p->next, " \t"), n);
	if (n - skip + 2 > (size_t) size) {
		(void) fail(p,
		            "the line is longer than the %d characters that libinih can read: "
		            "shorten it",
		            size - 2);
		return NULL;
	}
	/* libinih would go on, and complain of the keys below it only. */
	if (p->next[skip] == '[' && memchr(p->next + skip, ']', n - skip) == NULL) {
		(void) fail(p, "the [section] does not end with ]");
		return NULL;
	}
	memcpy(buf, p->next + skip, n - skip);
	buf[n - skip] = '\n';
	buf[n - skip + 1] = '\0';
	p->next += n + (p->next[n] == '\n');
	return buf;
}

static int
handle(void *user, const char *section, const char *name, const char *value)
{
	struct parse *p = user;
	_cleanup_(freep) char *where = NULL;
	struct error err = {0};
	char *key;

	if (p->result < 0)
		return 0;
	key = xasprintf("%s\n%s", section, name);
	for (size_t i = 0; i < p->n_seen; i++) {
		if (streq(p->seen[i], key)) {
			free(key);
			(void) fail(p, "'%s' is given twice in [%s] of this file", name, section);
			return 0;
		}
	}
	p->seen = xrealloc(p->seen, p->n_seen + 1, sizeof(*p->seen));
	p->seen[p->n_seen++] = key;
	where = xasprintf("%s:%d", p->file, p->line);
	if (config_set(p->config, section, name, value, where, &err) < 0) {
		p->result = error_set(p->err, -err.code, "%s", err.text);
		return 0;
	}
	return 1;
}

int
config_parse(struct config *c, const char *file, const char *text, struct error *err)
{
	struct parse p = {.config = c, .file = file, .next = text, .err = err};
	int r = ini_parse_stream(read_line, &p, handle, &p);

	for (size_t i = 0; i < p.n_seen; i++)
		free(p.seen[i]);
	free(p.seen);
	if (p.result < 0)
		return p.result;
	if (r > 0) {
		p.line = r;
		return fail(&p, "neither a [section], nor a key = value, nor a # comment");
	}
	if (r < 0)
		return error_set(err, EIO, "%s: libinih gave up (%d)", file, r);
	return 0;
}

/* The whole file as text; a NUL inside is refused, because what follows it would be lost. */
static int
read_file(const char *path, char **ret, struct error *err)
{
	_cleanup_(freep) char *text = NULL;
	struct stat st;
	size_t n = 0;
	ssize_t got = 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), r = 0;

	if (fd < 0)
		return error_set(err, errno, "cannot read '%s': %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		r = error_set(err, EINVAL, "'%s' is not a file", path);
	text = xcalloc(FILE_BYTES_MAX + 2, 1);
	while (r == 0 && got > 0 && n <= FILE_BYTES_MAX) {
		got = read(fd, text + n, FILE_BYTES_MAX + 1 - n);
		if (got > 0)
			n += (size_t) got;
		else if (got < 0)
			r = error_set(err, errno, "cannot read '%s': %s", path, strerror(errno));
	}
	(void) close(fd);
	if (r == 0 && n > FILE_BYTES_MAX)
		r = error_set(err, EFBIG, "'%s' is larger than 1 MiB: is it a configuration?",
		              path);
	if (r == 0 && strlen(text) != n)
		r = error_set(err, EINVAL, "'%s' holds a NUL character: is it a text file?", path);
	if (r == 0)
		*ret = take_ptr(text);
	return r;
}

static int
parse_file(struct config *c, const char *path, struct error *err)
{
	_cleanup_(freep) char *text = NULL;
	int r = read_file(path, &text, err);

	return r < 0 ? r : config_parse(c, path, text, err);
}

static int
is_conf(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot != NULL && streq(dot, ".conf");
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
parse_folder(struct config *c, const char *folder, struct error *err)
{
	struct dirent **entries = NULL;
	int n = scandir(folder, &entries, is_conf, by_name), r = 0;

	if (n < 0)
		return errno == ENOENT
		           ? 0
		           : error_set(err, errno, "cannot read '%s': %s", folder, strerror(errno));
	for (int i = 0; i < n; i++) {
		_cleanup_(freep) char *path = xasprintf("%s/%s", folder, entries[i]->d_name);

		if (r == 0)
			r = parse_file(c, path, err);
		free(entries[i]);
	}
	free(entries);
	return r;
}

int
config_load(const char *path, struct config **ret, struct error *err)
{
	_cleanup_(config_freep) struct config *c = config_new();
	const char *file = path == NULL ? CONFIG_FILE : path;
	_cleanup_(freep) char *copy = xstrdup(file);
	_cleanup_(freep) char *folder = xasprintf("%s/conf.d", dirname(copy));
	int r = 0;

	/* Without -c a missing file means "all defaults", which only observe. */
	if (path != NULL || access(file, F_OK) == 0 || errno != ENOENT)
		r = parse_file(c, file, err);
	if (r == 0)
		r = parse_folder(c, folder, err);
	if (r == 0)
		r = config_check(c, err);
	if (r < 0)
		return r;
	*ret = take_ptr(c);
	return 0;
}
