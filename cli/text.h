/* Words for people: sizes, ages, short ids. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters of a short id, as Docker prints. */
#define TEXT_SHORT_ID 12

/* Cuts s, which utf8_clean made, in place to `most` characters: the last one is "…" then. */
void text_cut(char *s, size_t most);

/* Each of these returns a string to free(). */
char *text_bytes(double bytes);                  /* "512B", "1.5KiB", "12.3MiB" */
char *text_duration(int64_t ms);                 /* "Less than a second", "3 minutes", … */
char *text_ago(int64_t then_ms, int64_t now_ms); /* "3 minutes ago"; "in 3 minutes" */
char *text_time(int64_t ms);                     /* "2026-11-22 15:59:25 UTC" */
