/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/flush_page.h"

#include "report/object.h"

size_t flush_json_print(char text[FLUSH_JSON_MAX], uint32_t forgotten)
{
	json_t *object = json_object();

	object_put_number(object, "forgotten", forgotten);
	return object_print(text, FLUSH_JSON_MAX, object);
}

bool flush_text_print(FILE *out, const char *json, const char *name)
{
	json_t *object = json_loads(json, 0, NULL);
	long long forgotten = object_number(object, "forgotten");
	bool is_answer = json_is_integer(json_object_get(object, "forgotten"));

	json_decref(object);
	if (!is_answer)
		return false;
	if (forgotten == 0)
		fprintf(out, "nothing was known of %s\n", name);
	else
		fprintf(out, "%s forgotten (%lld entries): the next mail looks it up anew\n", name,
		        forgotten);
	return true;
}
