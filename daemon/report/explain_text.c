/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/explain_text.h"

#include <jansson.h>
#include <string.h>

#include "report/explain_key.h"
#include "report/object.h"

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

static void print_verdict(FILE *out, const char *when, const json_t *verdict, bool is_coloured)
{
	const char *would = object_text(verdict, "would");
	const char *action = object_text(verdict, "action");
	bool stops = strcmp(action, "block") == 0 || strcmp(action, "defer") == 0;

	fprintf(out, "  %-17s %s%s%s", when, is_coloured && stops ? "\033[1;31m" : "", action,
	        is_coloured && stops ? "\033[0m" : "");
	if (would[0])
		fprintf(out, " (enforce would %s)", would);
	if (object_text(verdict, "reason")[0])
		fprintf(out, ", %s", object_text(verdict, "reason"));
	fprintf(out, ": %s\n", object_text(verdict, "rule"));
}

static void print_promise(FILE *out, const char *head, const json_t *promise)
{
	fprintf(out, "%s%s", head, object_text(promise, "state"));
	if (object_text(promise, "source")[0])
		fprintf(out, " by %s", object_text(promise, "source"));
	if (json_is_true(json_object_get(promise, "only_alerts")))
		fprintf(out, " (told, not enforced)");
	if (object_text(promise, "detail")[0])
		fprintf(out, ": %s", object_text(promise, "detail"));
	fprintf(out, "\n");
}

/* "2 h", "9 d": one unit is enough for a person. */
static void print_span(FILE *out, const char *what, long long span_s)
{
	if (span_s <= 0)
		return;
	if (span_s < 120)
		fprintf(out, ", %s %lld s", what, span_s);
	else if (span_s < 2LL * 60 * 60)
		fprintf(out, ", %s %lld min", what, span_s / 60);
	else if (span_s < 2LL * 24 * 60 * 60)
		fprintf(out, ", %s %lld h", what, span_s / (60 * 60));
	else
		fprintf(out, ", %s %lld d", what, span_s / (24 * 60 * 60));
}

static void print_evidence(FILE *out, const json_t *list)
{
	const json_t *evidence;
	size_t i;

	json_array_foreach(list, i, evidence)
	{
		fprintf(out, "%-9s %s", object_text(evidence, "source"),
		        object_text(evidence, "state"));
		print_span(out, "age", object_number(evidence, "age_s"));
		print_span(out, "left", object_number(evidence, "left_s"));
		if (object_text(evidence, "detail")[0])
			fprintf(out, ": %s", object_text(evidence, "detail"));
		fprintf(out, "\n");
	}
}

/* Of a host; of the domain where none is known. */
static void print_verdicts(FILE *out, const json_t *object, bool is_coloured)
{
	const json_t *probed = json_object_get(object, "with_tls13_probed");

	print_verdict(out, "without STARTTLS", json_object_get(object, "without_starttls"),
	              is_coloured);
	print_verdict(out, "with another key", json_object_get(object, "with_wrong_key"),
	              is_coloured);
	if (!probed) {
		print_verdict(out, "with TLS 1.3", json_object_get(object, "with_tls13"),
		              is_coloured);
		return;
	}
	print_verdict(out, "TLS 1.3, probed", probed, is_coloured);
	print_verdict(out, "TLS 1.3, unprobed", json_object_get(object, "with_tls13"), is_coloured);
}

static void print_key(FILE *out, const json_t *object)
{
	explain_key_print_rules(out, json_object_get(object, "key_rules"));
	explain_key_print_last(out, json_object_get(object, "last_key"));
	explain_key_print_probe(out, json_object_get(object, "last_probe"));
}

static void print_host(FILE *out, const json_t *host, bool is_coloured)
{
	const json_t *promise = json_object_get(host, "promise");

	fprintf(out, "%s", object_text(host, "name"));
	if (json_object_get(host, "preference"))
		fprintf(out, " (preference %lld)", object_number(host, "preference"));
	fprintf(out, "\n");
	print_addresses(out, host);
	if (json_is_true(json_object_get(host, "is_excluded")))
		fprintf(out, "  excluded   the domain's policy names other hosts\n");
	print_promise(out, "  promise    ", promise);
	if (object_text(host, "offered_before")[0])
		fprintf(out, "  memory     offered STARTTLS %s\n",
		        object_text(host, "offered_before"));
	print_verdicts(out, host, is_coloured);
	print_key(out, host);
}

bool explain_text_print(FILE *out, const char *json, bool is_coloured)
{
	json_t *object = object_read(json);
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
	if (json_is_true(json_object_get(object, "is_next_hop")))
		fprintf(out, "a smart host: it is the hop of all mail that goes there\n");
	if (json_object_get(object, "promise"))
		print_promise(out, "the domain promises ", json_object_get(object, "promise"));
	print_evidence(out, json_object_get(object, "evidence"));
	json_array_foreach(hosts, i, host) print_host(out, host, is_coloured);
	if (json_object_get(object, "without_starttls")) {
		print_verdicts(out, object, is_coloured);
		print_key(out, object);
	}
	if (json_is_true(json_object_get(object, "is_truncated")))
		fprintf(out, "(more hosts than are kept: only the best preferences)\n");
	json_decref(object);
	return true;
}
