/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/object.h"

#include <stdbool.h>
#include <string.h>

#include "report/line.h"

/* Longer than any string of an event, a destination or a counter's name. */
enum { VALUE_MAX = 1024 };

void object_put(json_t *object, const char *key, const char *value)
{
	char clean[VALUE_MAX];

	if (value[0] != '\0')
		(void)json_object_set_new(object, key,
		                          json_string(line_clean(clean, sizeof(clean), value)));
}

void object_put_number(json_t *object, const char *key, uint64_t value)
{
	(void)json_object_set_new(object, key, json_integer((json_int_t)value));
}

static bool is_clean(const char *text)
{
	char clean[VALUE_MAX];

	return strcmp(line_clean(clean, sizeof(clean), text), text) == 0;
}

static void clean(json_t *value)
{
	char text[VALUE_MAX];
	const char *key;
	json_t *part;
	void *next;
	size_t i;

	if (json_is_string(value))
		(void)json_string_set(value,
		                      line_clean(text, sizeof(text), json_string_value(value)));
	json_array_foreach(value, i, part) clean(part);
	json_object_foreach_safe(value, next, key, part)
	{
		if (is_clean(key))
			clean(part);
		else
			(void)json_object_del(value, key);
	}
}

json_t *object_read(const char *json)
{
	json_t *object = json_loads(json, 0, NULL);

	clean(object);
	return object;
}

const char *object_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

long long object_number(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

size_t object_print(char *text, size_t room, json_t *object)
{
	size_t len = object ? json_dumpb(object, text, room - 1, JSON_COMPACT) : 0;

	json_decref(object);
	if (len > room - 1)
		len = 0;
	text[len] = '\0';
	return len;
}
