/*
 * Runs the targets over files without a fuzzer, in any build: the corpus is a table of cases, known
 * crashes among them. Usage: replay CORPUS-DIR (all targets), or replay TARGET FILE…
 */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "docker/api.h"
#include "test/fuzz/fuzz.h"

#define FILE_MOST ((size_t) 1024 * 1024)

struct fuzz_target {
	const char *name; /* also of its folder in the corpus */
	fuzz_fn *fn;
};

static const struct fuzz_target targets[] = {
    {"cli", fuzz_cli},           {"config", fuzz_config},   {"constraint", fuzz_constraint},
    {"database", fuzz_database}, {"decode", fuzz_decode},   {"http", fuzz_http},
    {"labels", fuzz_labels},     {"records", fuzz_records}, {"spec", fuzz_spec},
    {"stats", fuzz_stats},       {"weights", fuzz_weights},
};

static size_t files;

static void
run_file(const struct fuzz_target *t, const char *path)
{
	_cleanup_(freep) uint8_t *bytes = xcalloc(FILE_MOST, 1), *exact = NULL;
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		fuzz_fail("the file opens", "%s: %s", path, strerror(errno));
	n = fread(bytes, 1, FILE_MOST, f);
	(void) fclose(f);
	/* No byte more: reading behind the end must be seen. */
	exact = xcalloc(MAX(n, 1), 1);
	memcpy(exact, bytes, n);
	(void) fprintf(stderr, "%s %s\n", t->name, path);
	t->fn(exact, n);
	files++;
}

static void
run_folder(const struct fuzz_target *t, const char *corpus)
{
	_cleanup_(freep) char *dir = xasprintf("%s/%s", corpus, t->name);
	struct dirent **names = NULL;
	int n = scandir(dir, &names, NULL, alphasort);

	/* A target without a single case would pass by itself. */
	if (n <= 2)
		fuzz_fail("the target has a corpus", "%s", dir);
	for (int i = 0; i < n; i++) {
		_cleanup_(freep) char *path = xasprintf("%s/%s", dir, names[i]->d_name);

		if (names[i]->d_name[0] != '.')
			run_file(t, path);
		free(names[i]);
	}
	free(names);
}

int
main(int argc, char **argv)
{
	if (argc < 2) {
		(void) fprintf(stderr, "usage: replay CORPUS-DIR | replay TARGET FILE...\n");
		return 2;
	}
	api_global_init();
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		if (argc == 2)
			run_folder(&targets[i], argv[1]);
		for (int k = 2; k < argc && streq(targets[i].name, argv[1]); k++)
			run_file(&targets[i], argv[k]);
	}
	(void) printf("%zu files\n", files);
	return files > 0 ? 0 : 1;
}
