/* Helpers of the fuzzed doors; see fuzz.h. */
#include "test/fuzz/fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

void
fuzz_fail(const char *property, const char *fmt, ...)
{
	va_list ap;

	(void) fprintf(stderr, "fuzz: does not hold: %s: ", property);
	va_start(ap, fmt);
	(void) vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void) fputc('\n', stderr);
	abort();
}

char *
fuzz_text(const uint8_t *data, size_t size)
{
	char *text = xcalloc(size + 1, 1);

	if (size > 0)
		memcpy(text, data, size);
	return text;
}

char *
fuzz_part(const uint8_t **data, size_t *size, uint8_t separator)
{
	const uint8_t *end;
	size_t n;
	char *text;

	if (*size == 0)
		return NULL;
	end = memchr(*data, separator, *size);
	n = end != NULL ? (size_t) (end - *data) : *size;
	text = fuzz_text(*data, n);
	n += end != NULL;
	*data += n;
	*size -= n;
	return text;
}

void
fuzz_said(int r, const struct error *err)
{
	if (r >= 0)
		return;
	FUZZ_CHECK(err->code == r, "returned %d, the error says %d", r, err->code);
	FUZZ_CHECK(err->text[0] != '\0', "failed with %d and said nothing", r);
	FUZZ_CHECK(memchr(err->text, '\0', sizeof(err->text)) != NULL, "not ended");
}

static void
remove_folder(void)
{
	DIR *d = opendir(folder);
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		(void) unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		(void) closedir(d);
	(void) rmdir(folder);
}

const char *
fuzz_folder(void)
{
	if (folder[0] != '\0')
		return folder;
	(void) snprintf(folder, sizeof(folder), "%s/forager-fuzz-XXXXXX",
	                access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(folder) == NULL)
		fuzz_fail("a folder for the run", "%s", folder);
	(void) atexit(remove_folder);
	return folder;
}
