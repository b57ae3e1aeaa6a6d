// SPDX-License-Identifier: BSD-2-Clause
/* json.c: see json.h. */
#include "cli/json.h"
#include "cli/text.h"
#include "cli/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

static struct json_object *got(struct json_object *object)
{
	if (!object)
		exit(tool_complain("no memory"));
	return object;
}

struct json_object *json_new(void)
{
	return got(json_object_new_object());
}

struct json_object *json_new_array(void)
{
	return got(json_object_new_array());
}

static struct json_object *new_text(const char *value)
{
	const size_t size = strlen(value) * strlen(REPLACEMENT) + 1;
	struct json_object *object;
	char *text = malloc(size), *out = text;
	size_t bytes;

	if (!text)
		exit(tool_complain("no memory"));
	for (; *value; value += bytes ? bytes : 1) {
		bytes = text_character(value);
		out = mempcpy(out, bytes ? value : REPLACEMENT,
			      bytes ? bytes : strlen(REPLACEMENT));
	}
	*out = '\0';
	object = got(json_object_new_string(text));
	free(text);
	return object;
}

void json_add(struct json_object *object, const char *key, struct json_object *value)
{
	if (json_object_object_add(object, key, value))
		exit(tool_complain("no memory"));
}

void json_add_number(struct json_object *object, const char *key, __u64 value)
{
	json_add(object, key, got(json_object_new_uint64(value)));
}

void json_add_quantity(struct json_object *object, const char *key, double value)
{
	char text[64];
	char *end;

	/* Infinite or not a number: JSON has no word for it. */
	if (!(value > -1e30 && value < 1e30))
		value = 0;
	end = text + snprintf(text, sizeof(text), "%.6f", value);
	while (end[-1] == '0')
		*--end = '\0';
	if (end[-1] == '.')
		end[-1] = '\0';
	json_add(object, key, got(json_object_new_double_s(value, text)));
}

void json_add_bool(struct json_object *object, const char *key, bool value)
{
	json_add(object, key, got(json_object_new_boolean(value)));
}

void json_add_text(struct json_object *object, const char *key, const char *value)
{
	json_add(object, key, new_text(value));
}

void json_append(struct json_object *array, struct json_object *value)
{
	if (json_object_array_add(array, value))
		exit(tool_complain("no memory"));
}

void json_append_number(struct json_object *array, __u64 value)
{
	json_append(array, got(json_object_new_uint64(value)));
}

void json_append_text(struct json_object *array, const char *value)
{
	json_append(array, new_text(value));
}

int json_print(struct json_object *object)
{
	const char *text = json_object_to_json_string_ext(
		object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	int status;

	if (!text)
		exit(tool_complain("no memory"));
	status = fputs(text, stdout) < 0 || putchar('\n') < 0 ? tool_flush() : TOOL_OK;
	json_object_put(object);
	return status;
}
