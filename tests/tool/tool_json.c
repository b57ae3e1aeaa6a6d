// SPDX-License-Identifier: BSD-2-Clause
/* tool_json.c: see tool_json.h. */
#include "tool_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* json-c 0.18 takes every byte above 0x7f for a control character when it is strict. */
#if JSON_C_MAJOR_VERSION == 0 && JSON_C_MINOR_VERSION == 18
#define FLAGS JSON_TOKENER_VALIDATE_UTF8
#else
#define FLAGS (JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8)
#endif

struct json_object *tool_json_line(const char *out, size_t number)
{
	struct json_tokener *tokener = json_tokener_new_ex(32);
	struct json_object *object;
	const char *end;

	json_tokener_set_flags(tokener, FLAGS);
	for (; *out; out = end + 1) {
		end = strchr(out, '\n');
		assert_non_null(end);
		object = json_tokener_parse_ex(tokener, out, (int)(end - out) + 1);
		if (!object || !json_object_is_type(object, json_type_object))
			fail_msg("no object: %.*s", (int)(end - out), out);
		if (!number--) {
			json_tokener_free(tokener);
			return object;
		}
		json_object_put(object);
	}
	json_tokener_free(tokener);
	return NULL;
}

struct json_object *tool_json_ring(const char *ring, const char *err, const char *const *args)
{
	struct json_object *object;
	struct tool_output o;
	size_t i = 0;

	tool_run(&o, "", 0, args);
	tool_said(&o, 0, err);
	while ((object = tool_json_line(o.out, i++))) {
		if (!strcmp(tool_json_text(object, "ring"), ring))
			break;
		json_object_put(object);
	}
	tool_free(&o);
	return object;
}

static struct json_object *field(struct json_object *object, const char *key, enum json_type type)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value))
		fail_msg("no %s in %s", key, json_object_to_json_string(object));
	if (!json_object_is_type(value, type))
		fail_msg("%s: wrong type in %s", key, json_object_to_json_string(object));
	return value;
}

__u64 tool_json_number(struct json_object *object, const char *key)
{
	return json_object_get_uint64(field(object, key, json_type_int));
}

double tool_json_quantity(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value))
		fail_msg("no %s in %s", key, json_object_to_json_string(object));
	return json_object_get_double(value);
}

const char *tool_json_text(struct json_object *object, const char *key)
{
	return json_object_get_string(field(object, key, json_type_string));
}

bool tool_json_bool(struct json_object *object, const char *key)
{
	return json_object_get_boolean(field(object, key, json_type_boolean));
}

struct json_object *tool_json_array(struct json_object *object, const char *key)
{
	return field(object, key, json_type_array);
}

bool tool_json_has(struct json_object *object, const char *key)
{
	return json_object_object_get_ex(object, key, NULL);
}

bool tool_json_holds(struct json_object *object, const char *array, const char *key, __u64 id,
		     const char *name_key, const char *name)
{
	struct json_object *all = tool_json_array(object, array), *one;
	size_t i;

	for (i = 0; i < json_object_array_length(all); i++) {
		one = json_object_array_get_idx(all, i);
		if (tool_json_number(one, key) != id)
			continue;
		assert_string_equal(tool_json_text(one, name_key), name);
		return true;
	}
	return false;
}
