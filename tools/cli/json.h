/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json.h: what a verb says with --json: one object a line, numbers without units.
 *
 *	struct json_object *line = json_new();
 *
 *	json_add_number(line, "position", pos);
 *	status = json_print(line);
 *
 * Without memory these complain and end the program.
 */
#ifndef CHUTE_TOOLS_CLI_JSON_H
#define CHUTE_TOOLS_CLI_JSON_H

#include <json-c/json.h>
#include <linux/types.h>
#include <stdbool.h>

/* An object without fields; an empty array. */
struct json_object *json_new(void);
struct json_object *json_new_array(void);

/* Add a field to an object. What is no UTF-8 in a text becomes U+FFFD. A quantity has
 * up to six decimals. */
void json_add_number(struct json_object *object, const char *key, __u64 value);
void json_add_quantity(struct json_object *object, const char *key, double value);
void json_add_bool(struct json_object *object, const char *key, bool value);
void json_add_text(struct json_object *object, const char *key, const char *value);

/* Add @value, which is the object's from then on. */
void json_add(struct json_object *object, const char *key, struct json_object *value);

/* Append to an array. */
void json_append(struct json_object *array, struct json_object *value);
void json_append_number(struct json_object *array, __u64 value);
void json_append_text(struct json_object *array, const char *value);

/* Print it as a line, and free it. The line may stay in a buffer until tool_flush().
 * Returns an exit status. */
int json_print(struct json_object *object);

#endif
