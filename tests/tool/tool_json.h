/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tool_json.h: reads what the tool says with --json: one object a line.
 */
#ifndef CHUTE_TESTS_TOOL_JSON_H
#define CHUTE_TESTS_TOOL_JSON_H

#include "tool_run.h"

#include <json-c/json.h>

/* The object of the line number @number, from 0, of what is nothing but lines of one
 * object each; NULL after the last. The caller's, for json_object_put(). */
struct json_object *tool_json_line(const char *out, size_t number);

/* Run the tool, which must succeed and say @err, and find the object whose field "ring"
 * is @ring; NULL if none is. */
struct json_object *tool_json_ring(const char *ring, const char *err, const char *const *args);

/* A field, which must be there and be of that type. */
__u64 tool_json_number(struct json_object *object, const char *key);
double tool_json_quantity(struct json_object *object, const char *key);
const char *tool_json_text(struct json_object *object, const char *key);
bool tool_json_bool(struct json_object *object, const char *key);
struct json_object *tool_json_array(struct json_object *object, const char *key);

/* Is in that array an object whose field @key is @id? Then @name_key must be @name. */
bool tool_json_holds(struct json_object *object, const char *array, const char *key, __u64 id,
		     const char *name_key, const char *name);

/* Is it there at all? */
bool tool_json_has(struct json_object *object, const char *key);

#endif
