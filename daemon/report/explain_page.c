/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/explain_page.h"

#include <jansson.h>
#include <string.h>

#include "report/object.h"

static json_t *promise_of(const struct promise *promise)
{
	json_t *object = json_object();

	object_put(object, "state", promise_state_name(promise->state));
	if (promise->source != SOURCE_NONE)
		object_put(object, "source", promise_source_name(promise->source));
	object_put(object, "detail", promise->detail);
	return object;
}

static json_t *addresses_of(const struct destination *destination, size_t host)
{
	json_t *list = json_array();
	char text[ADDRESS_TEXT_MAX];
	size_t i;

	for (i = 0; i < destination->place_count; i++) {
		const struct mx_place *place = &destination->places[i];

		if (place->host == host)
			(void)json_array_append_new(
				list, json_string(address_format(text, &place->address)));
	}
	return list;
}

static bool sibling_promises(const struct destination *destination, size_t host)
{
	size_t i;

	for (i = 0; i < destination->host_count; i++) {
		enum promise_state state = destination->hosts[i].promise.state;

		if (i != host && (state == PROMISE_TLS || state == PROMISE_KEY))
			return true;
	}
	return false;
}

/* A message about to leave in the clear, to this host, which answered EHLO without STARTTLS. */
static json_t *verdict_of(const struct explanation *explanation, size_t host)
{
	const struct destination *destination = explanation->destination;
	const struct promise *promise = &destination->hosts[host].promise;
	struct facts facts = {
		.commitment = COMMITMENT_RCPT,
		.ehlo = EHLO_ACCEPTED,
		.starttls = STARTTLS_ABSENT,
		.promise = promise->state,
		.promise_source = promise->source,
		.place = PLACE_MX,
		.mx_security = destination->mx_security,
		.another_host_promises =
			promise->state == PROMISE_NONE && sibling_promises(destination, host),
	};
	struct verdict verdict = decide(&facts, explanation->stance);
	json_t *object = json_object();

	object_put(object, "action", action_name(verdict.action));
	if (verdict.would != verdict.action)
		object_put(object, "would", action_name(verdict.would));
	if (verdict.reason != REASON_NONE)
		object_put(object, "reason", reason_name(verdict.reason));
	object_put(object, "rule", verdict.rule ? verdict.rule : "");
	return object;
}

static json_t *host_of(const struct explanation *explanation, size_t index)
{
	const struct mx_host *host = &explanation->destination->hosts[index];
	json_t *object = json_object();

	object_put(object, "name", host->name);
	if (explanation->destination->mx_state == MX_FOUND)
		object_put_number(object, "preference", host->preference);
	object_put(object, "address_security", dns_security_name(host->address_security));
	(void)json_object_set_new(object, "addresses",
	                          addresses_of(explanation->destination, index));
	(void)json_object_set_new(object, "promise", promise_of(&host->promise));
	(void)json_object_set_new(object, "without_starttls", verdict_of(explanation, index));
	return object;
}

size_t explain_json_print(char text[EXPLAIN_JSON_MAX], const struct explanation *explanation)
{
	const struct destination *destination = explanation->destination;
	json_t *object = json_object();
	json_t *hosts = json_array();
	size_t i;

	object_put(object, "name", destination->name);
	object_put(object, "mx", mx_state_name(destination->mx_state));
	object_put(object, "mx_security", dns_security_name(destination->mx_security));
	object_put(object, "why", destination->why);
	object_put_number(object, "age_s", explanation->age_s);
	object_put_number(object, "ttl_s", destination->ttl_s);
	(void)json_object_set_new(object, "is_cached", json_boolean(explanation->is_cached));
	if (destination->is_truncated)
		(void)json_object_set_new(object, "is_truncated", json_true());
	for (i = 0; i < destination->host_count; i++)
		(void)json_array_append_new(hosts, host_of(explanation, i));
	(void)json_object_set_new(object, "hosts", hosts);
	(void)json_object_set_new(object, "is_finding",
	                          json_boolean(explain_is_finding(destination)));
	return object_print(text, EXPLAIN_JSON_MAX, object);
}

static bool is_broken(enum dns_security security)
{
	return security == DNS_BOGUS || security == DNS_FAILED;
}

bool explain_is_finding(const struct destination *destination)
{
	size_t i;

	if (destination->mx_state == MX_UNAVAILABLE || is_broken(destination->mx_security))
		return true;
	for (i = 0; i < destination->host_count; i++) {
		if (is_broken(destination->hosts[i].address_security) ||
		    destination->hosts[i].promise.state == PROMISE_UNAVAILABLE)
			return true;
	}
	return false;
}

static void print_addresses(FILE *out, const json_t *host)
{
	const json_t *list = json_object_get(host, "addresses");
	const json_t *address;
	size_t i;

	fprintf(out, "  addresses  ");
	json_array_foreach(list, i, address)
		fprintf(out, "%s%s", i > 0 ? " " : "", json_string_value(address));
	fprintf(out, "%s(%s)\n", json_array_size(list) > 0 ? " " : "none ",
	        object_text(host, "address_security"));
}

static void print_verdict(FILE *out, const json_t *verdict, bool is_coloured)
{
	const char *would = object_text(verdict, "would");
	const char *action = object_text(verdict, "action");
	bool stops = strcmp(action, "block") == 0 || strcmp(action, "defer") == 0;

	fprintf(out, "  without STARTTLS  %s%s%s", is_coloured && stops ? "\033[1;31m" : "", action,
	        is_coloured && stops ? "\033[0m" : "");
	if (would[0])
		fprintf(out, " (enforce would %s)", would);
	if (object_text(verdict, "reason")[0])
		fprintf(out, ", %s", object_text(verdict, "reason"));
	fprintf(out, ": %s\n", object_text(verdict, "rule"));
}

static void print_host(FILE *out, const json_t *host, bool is_coloured)
{
	const json_t *promise = json_object_get(host, "promise");

	fprintf(out, "%s", object_text(host, "name"));
	if (json_object_get(host, "preference"))
		fprintf(out, " (preference %lld)", object_number(host, "preference"));
	fprintf(out, "\n");
	print_addresses(out, host);
	fprintf(out, "  promise    %s", object_text(promise, "state"));
	if (object_text(promise, "source")[0])
		fprintf(out, " by %s", object_text(promise, "source"));
	if (object_text(promise, "detail")[0])
		fprintf(out, ": %s", object_text(promise, "detail"));
	fprintf(out, "\n");
	print_verdict(out, json_object_get(host, "without_starttls"), is_coloured);
}

bool explain_text_print(FILE *out, const char *json, bool is_coloured)
{
	json_t *object = json_loads(json, 0, NULL);
	const json_t *hosts = json_object_get(object, "hosts");
	const json_t *host;
	size_t i;

	if (!json_is_array(hosts)) {
		json_decref(object);
		return false;
	}
	fprintf(out, "%s: mx %s, %s", object_text(object, "name"), object_text(object, "mx"),
	        object_text(object, "mx_security"));
	if (object_text(object, "why")[0])
		fprintf(out, ": %s", object_text(object, "why"));
	fprintf(out, "\nlooked up %lld s ago%s, kept for %lld s\n", object_number(object, "age_s"),
	        json_is_true(json_object_get(object, "is_cached")) ? " (cached)" : "",
	        object_number(object, "ttl_s"));
	json_array_foreach(hosts, i, host) print_host(out, host, is_coloured);
	if (json_is_true(json_object_get(object, "is_truncated")))
		fprintf(out, "(more hosts than are kept: only the best preferences)\n");
	json_decref(object);
	return true;
}
