/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/explain_key.h"

#include <stdlib.h>
#include <string.h>

#include "report/key_object.h"
#include "report/object.h"
#include "verdict/key_rule.h"

enum { RECORD_TEXT_MAX = 3 * 4 + 2 * EXPLAIN_DATA_MAX + 4 };

static const char *kind_name(enum key_rule_kind kind)
{
	switch (kind) {
	case KEY_RULE_TLSA:
		return "tlsa";
	case KEY_RULE_PKIX:
		return "pkix";
	case KEY_RULE_FINGERPRINT:
		return "fingerprint";
	}
	return "";
}

/* "3 1 1 60b875…" in full; of a fingerprint the digest alone. */
static json_t *record_of(const struct key_record *record, enum key_rule_kind kind)
{
	char text[RECORD_TEXT_MAX];
	size_t len = 0;

	if (kind == KEY_RULE_TLSA)
		len = (size_t)snprintf(text, sizeof(text), "%u %u %u ", record->usage,
		                       record->selector, record->matching);
	text[len] = '\0';
	for (size_t i = 0; i < record->data.len && i < EXPLAIN_DATA_MAX; i++, len += 2)
		snprintf(text + len, sizeof(text) - len, "%02x", record->data.data[i]);
	if (record->data.len > EXPLAIN_DATA_MAX)
		snprintf(text + len, sizeof(text) - len, "...");
	return json_string(text);
}

static void put_names(json_t *object, struct bytes names)
{
	char text[EXPLAIN_NAMES_MAX];
	size_t len = names.len < sizeof(text) ? names.len : sizeof(text) - 4;

	for (size_t i = 0; i < len; i++)
		text[i] = names.data[i] == ':' ? ' ' : (char)names.data[i];
	snprintf(text + len, sizeof(text) - len, "%s", len < names.len ? "..." : "");
	object_put(object, "names", text);
}

static json_t *rule_of(const struct key_rule *rule)
{
	json_t *object = json_object(), *records;
	size_t count = rule->record_count;

	object_put(object, "kind", kind_name(rule->kind));
	object_put(object, "source", promise_source_name(rule->source));
	put_names(object, rule->names);
	if (rule->kind == KEY_RULE_PKIX)
		return object;
	records = json_array();
	for (size_t i = 0; i < count && i < EXPLAIN_RECORDS_MAX; i++)
		(void)json_array_append_new(records, record_of(&rule->records[i], rule->kind));
	(void)json_object_set_new(object, "records", records);
	if (count > EXPLAIN_RECORDS_MAX)
		object_put_number(object, "records_left", count - EXPLAIN_RECORDS_MAX);
	return object;
}

void explain_key_put_rules(json_t *object, const char *name, struct bytes packed)
{
	struct cursor rest = cursor_over(packed);
	json_t *rules = json_array();
	struct key_rule rule;

	while (json_array_size(rules) < EXPLAIN_RULES_MAX && key_rule_next(&rule, &rest))
		(void)json_array_append_new(rules, rule_of(&rule));
	if (json_array_size(rules) > 0)
		(void)json_object_set_new(object, name, rules);
	else
		json_decref(rules);
}

void explain_key_put_last(json_t *object, const char *name, const struct last_key *key)
{
	char text[ADDRESS_TEXT_MAX];
	json_t *part;

	if (key->sight == SIGHT_NONE)
		return;
	key_object_put(object, name, &key->finding);
	part = json_object_get(object, name);
	if (!part)
		return;
	if (key->server.family != 0)
		object_put(part, "server", address_format(text, &key->server));
	object_put_number(part, "age_s", key->age_s);
	if (key->finding.source != SOURCE_NONE)
		object_put(part, "source", promise_source_name(key->finding.source));
	object_put(part, "assurance", key->sight == SIGHT_PROBE ? "probed" : "proven");
}

void explain_key_put_probe(json_t *object, const char *name, const struct last_key *key)
{
	json_t *part;

	if (key->probe[0] == '\0')
		return;
	part = json_object();
	object_put(part, "why", key->probe);
	object_put_number(part, "age_s", key->probe_age_s);
	(void)json_object_set_new(object, name, part);
}

/* RFC 7218 has names for these numbers; here are words. */
static void print_record(FILE *out, const char *record, const char *names)
{
	static const char *const matchings[] = { "in full", "SHA-256", "SHA-512" };
	unsigned usage = 0, selector = 0, matching = 0;
	char *end;

	usage = (unsigned)strtoul(record, &end, 10);
	selector = (unsigned)strtoul(end, &end, 10);
	matching = (unsigned)strtoul(end, &end, 10);
	fprintf(out, "             %s (%s %s, %s", record,
	        usage == 2 ? "an issuer's" : "the server's own",
	        selector == 1 ? "key" : "certificate", matching <= 2 ? matchings[matching] : "?");
	if (usage == 2)
		fprintf(out, ", and one of the names %s", names);
	fprintf(out, ")\n");
}

static void print_records(FILE *out, const json_t *rule)
{
	bool is_tlsa = strcmp(object_text(rule, "kind"), "tlsa") == 0;
	const json_t *record;
	size_t i;

	fprintf(out, is_tlsa ? "one of these TLSA records\n" : "one of these fingerprints\n");
	json_array_foreach(json_object_get(rule, "records"), i, record)
	{
		if (is_tlsa)
			print_record(out, json_string_value(record), object_text(rule, "names"));
		else
			fprintf(out, "             %s\n", json_string_value(record));
	}
	if (object_number(rule, "records_left") > 0)
		fprintf(out, "             and %lld more\n", object_number(rule, "records_left"));
}

void explain_key_print_rules(FILE *out, const json_t *json)
{
	const json_t *rule;
	size_t i;

	json_array_foreach(json, i, rule)
	{
		fprintf(out, "  %s %s: ", i == 0 ? "key, by" : "and, by",
		        object_text(rule, "source"));
		if (strcmp(object_text(rule, "kind"), "pkix") == 0)
			fprintf(out,
			        "a certificate of a trusted authority for one of the names %s\n",
			        object_text(rule, "names"));
		else
			print_records(out, rule);
	}
}

/* Each on a line of its own: the digests are long. */
static void print_part(FILE *out, const char *head, const json_t *json, const char *key)
{
	if (object_text(json, key)[0])
		fprintf(out, "             %s%s\n", head, object_text(json, key));
}

void explain_key_print_last(FILE *out, const json_t *json)
{
	if (!json)
		return;
	fprintf(out, "  last key   %s",
	        object_text(json, "source")[0] ? object_text(json, "outcome")
	                                       : "nothing was asked of it");
	if (object_text(json, "matched")[0])
		fprintf(out, " by %s %s", object_text(json, "source"),
		        object_text(json, "matched"));
	if (object_text(json, "why")[0])
		fprintf(out, ": %s", object_text(json, "why"));
	fprintf(out, "\n             %s, %lld s ago at %s\n", object_text(json, "assurance"),
	        object_number(json, "age_s"), object_text(json, "server"));
	print_part(out, "names ", json, "names");
	print_part(out, "issued by ", json, "issuer");
	if (object_text(json, "not_before")[0] && object_text(json, "not_after")[0])
		fprintf(out, "             from %s to %s\n", object_text(json, "not_before"),
		        object_text(json, "not_after"));
	print_part(out, "key ", json, "spki");
	print_part(out, "anchor's key ", json, "anchor_spki");
}

void explain_key_print_probe(FILE *out, const json_t *json)
{
	if (json)
		fprintf(out, "  probe      could not tell, %lld s ago: %s\n",
		        object_number(json, "age_s"), object_text(json, "why"));
}
