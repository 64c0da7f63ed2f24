/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/flow_page.h"

#include <jansson.h>

#include "report/object.h"

size_t flow_json_print(char text[FLOW_JSON_MAX], const struct flow_row *row)
{
	char endpoint[ENDPOINT_TEXT_MAX];
	json_t *object = json_object();

	object_put(object, "client", endpoint_format(endpoint, &row->client));
	object_put(object, "server", endpoint_format(endpoint, &row->server));
	object_put(object, "state", row->state);
	object_put(object, "domain", row->domain);
	(void)json_object_set_new(object, "age_s", json_integer(row->age_s));
	(void)json_object_set_new(object, "idle_s", json_integer(row->idle_s));
	(void)json_object_set_new(object, "held_packets", json_integer(row->held_packets));
	(void)json_object_set_new(object, "guard", json_integer(row->guard));
	return object_print(text, FLOW_JSON_MAX, object);
}

void flow_text_head(FILE *out)
{
	fprintf(out, "%-28s %-28s %-16s %7s %7s %5s %s\n", "CLIENT", "SERVER", "STATE", "AGE s",
	        "IDLE s", "HELD", "DOMAIN");
}

bool flow_text_print(FILE *out, const char *json)
{
	json_t *flow = object_read(json);

	if (!object_text(flow, "client")[0]) {
		json_decref(flow);
		return false;
	}
	fprintf(out, "%-28s %-28s %-16s %7lld %7lld %5lld %s\n", object_text(flow, "client"),
	        object_text(flow, "server"), object_text(flow, "state"),
	        object_number(flow, "age_s"), object_number(flow, "idle_s"),
	        object_number(flow, "held_packets"), object_text(flow, "domain"));
	json_decref(flow);
	return true;
}
