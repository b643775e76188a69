/*
 * What the fuzzed doors have in common. Each target is one function over arbitrary bytes: it must
 * not crash, and it holds what comes out against a property (FUZZ_CHECK). fuzzer.c makes a
 * libFuzzer program of one of them, replay.c runs all of them over the corpus in any build.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/util.h"

/* Aborts with the property that does not hold: libFuzzer keeps the input then. */
#define FUZZ_CHECK(holds, ...)                                                                     \
	do {                                                                                       \
		if (!(holds))                                                                      \
			fuzz_fail(#holds, __VA_ARGS__);                                            \
	} while (0)

typedef void fuzz_fn(const uint8_t *data, size_t size);

fuzz_fn fuzz_cli, fuzz_config, fuzz_constraint, fuzz_database, fuzz_decode, fuzz_http, fuzz_labels,
    fuzz_records, fuzz_spec, fuzz_stats, fuzz_weights;

void fuzz_fail(const char *property, const char *fmt, ...) _printf_(2, 3) __attribute__((noreturn));

/* The bytes as a C string, cut at the first NUL; free() it. */
char *fuzz_text(const uint8_t *data, size_t size);

/* The next part of the input up to a separator byte (or all of it), as fuzz_text. NULL at the end.
 */
char *fuzz_part(const uint8_t **data, size_t *size, uint8_t separator);

/* A failure must say what is wrong. */
void fuzz_said(int r, const struct error *err);

/* A folder in memory for the run, removed at exit. */
const char *fuzz_folder(void);
