/*
 * Stands before every file of the coverage build (configure --enable-coverage). A branch inside a
 * library's macro is the library's: jansson's type tests and loops, which hide a second test for
 * NULL in each use, become functions and loops of the same meaning without it.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

static inline bool
coverage_is(const json_t *value, json_type type)
{
	return value != NULL && json_typeof(value) == type;
}

static inline bool
coverage_is_bool(const json_t *value)
{
	return coverage_is(value, JSON_TRUE) || coverage_is(value, JSON_FALSE);
}

static inline bool
coverage_is_number(const json_t *value)
{
	return coverage_is(value, JSON_INTEGER) || coverage_is(value, JSON_REAL);
}

#undef json_is_object
#undef json_is_array
#undef json_is_string
#undef json_is_integer
#undef json_is_real
#undef json_is_number
#undef json_is_true
#undef json_is_false
#undef json_is_boolean
#undef json_is_null
#define json_is_object(v)  coverage_is(v, JSON_OBJECT)
#define json_is_array(v)   coverage_is(v, JSON_ARRAY)
#define json_is_string(v)  coverage_is(v, JSON_STRING)
#define json_is_integer(v) coverage_is(v, JSON_INTEGER)
#define json_is_real(v)    coverage_is(v, JSON_REAL)
#define json_is_number(v)  coverage_is_number(v)
#define json_is_true(v)    coverage_is(v, JSON_TRUE)
#define json_is_false(v)   coverage_is(v, JSON_FALSE)
#define json_is_boolean(v) coverage_is_bool(v)
#define json_is_null(v)    coverage_is(v, JSON_NULL)

/* Beyond the end json_array_get gives NULL; so do the iterator's functions for NULL. */
#undef json_array_foreach
#define json_array_foreach(array, index, value)                                                    \
	for ((index) = 0; ((value) = json_array_get(array, index)) != NULL; (index)++)
#undef json_object_foreach
#define json_object_foreach(object, key, value)                                                    \
	for ((key) = json_object_iter_key(json_object_iter(object));                               \
	     ((value) = json_object_iter_value(json_object_key_to_iter(key))) != NULL;             \
	     (key) = json_object_iter_key(                                                         \
	         json_object_iter_next(object, json_object_key_to_iter(key))))
