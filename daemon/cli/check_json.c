/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_json.h"

#include <stdlib.h>
#include <string.h>

#include "cli/check_judge.h"
#include "report/object.h"

static const char *const strengths[] = {
	[STRENGTH_UNKNOWN] = "unknown", [STRENGTH_CLEAR] = "clear", [STRENGTH_TLS] = "tls",
	[STRENGTH_POLICY] = "policy",   [STRENGTH_DANE] = "dane",
};

static void put_bool(json_t *object, const char *key, bool value)
{
	(void)json_object_set_new(object, key, json_boolean(value));
}

static void put_list(json_t *object, const char *key, json_t *list)
{
	if (json_array_size(list) > 0)
		(void)json_object_set_new(object, key, list);
	else
		json_decref(list);
}

static void put_digest(json_t *object, const char *key, const uint8_t digest[STARTTLS_DIGEST_LEN])
{
	char text[2 * STARTTLS_DIGEST_LEN + 1];

	for (size_t i = 0; i < STARTTLS_DIGEST_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	object_put(object, key, text);
}

static json_t *chain_of(const struct check_chain *chain)
{
	json_t *list = json_array();

	for (size_t i = 0; i < chain->count; i++) {
		json_t *zone = json_object();

		object_put(zone, "zone", chain->zones[i].name[0] ? chain->zones[i].name : ".");
		object_put(zone, "security", dns_security_name(chain->zones[i].security));
		object_put(zone, "why", chain->zones[i].why);
		(void)json_array_append_new(list, zone);
	}
	return list;
}

static json_t *servers_of(const struct check_facts *facts)
{
	static const char *const states[] = { [SERVER_UNASKED] = "unasked",
		                              [SERVER_GOOD] = "good",
		                              [SERVER_SILENT] = "silent",
		                              [SERVER_WRONG] = "wrong" };
	json_t *list = json_array();
	char address[ADDRESS_TEXT_MAX];

	for (size_t i = 0; i < facts->server_count; i++) {
		const struct check_server *server = &facts->servers[i];
		json_t *object = json_object();

		object_put(object, "zone", facts->zones[server->zone].name);
		object_put(object, "name", server->name);
		object_put(object, "address", address_format(address, &server->address));
		object_put(object, "state", states[server->state]);
		object_put(object, "why", server->why);
		(void)json_array_append_new(list, object);
	}
	return list;
}

static void put_certificate(json_t *object, const struct check_shown *shown)
{
	const struct key_finding *pkix = &shown->key->pkix;

	object_put(object, "names", pkix->seen.names);
	object_put(object, "issuer", pkix->seen.issuer);
	(void)json_object_set_new(object, "not_before_s", json_integer(pkix->seen.not_before_s));
	(void)json_object_set_new(object, "not_after_s", json_integer(pkix->seen.not_after_s));
	object_put(object, "pkix", key_outcome_name(pkix->outcome));
	object_put(object, "pkix_why", pkix->why);
	object_put(object, "key_kind", starttls_key_name(shown->seen->leaf_key));
	put_digest(object, "key", shown->seen->leaf_digest);
	object_put_number(object, "certificates", shown->seen->certificate_count);
	put_bool(object, "tlsa_matches", shown->key->is_tlsa_met);
}

/* The second key stands in an object of its own. */
static void put_keys(json_t *object, const struct check_place *place)
{
	struct check_shown shown;
	json_t *second;

	if (check_shown(&shown, place, 0))
		put_certificate(object, &shown);
	if (!check_shown(&shown, place, 1))
		return;
	second = json_object();
	put_certificate(second, &shown);
	(void)json_object_set_new(object, "second", second);
}

static void put_dialogue(json_t *object, const struct starttls_result *seen)
{
	json_t *keywords = json_array();

	object_put(object, "banner", seen->banner);
	object_put(object, "ehlo", seen->ehlo);
	for (size_t i = 0; i < seen->keyword_count; i++)
		(void)json_array_append_new(keywords, json_string(seen->keywords[i]));
	put_list(object, "keywords", keywords);
	if (seen->code)
		object_put_number(object, "code", seen->code);
	object_put(object, "reply", seen->reply);
	if (seen->helo_code)
		object_put_number(object, "helo_code", seen->helo_code);
	if (seen->has_ehlo)
		put_bool(object, "offers_starttls", seen->is_offered);
}

static void put_tls(json_t *object, const struct check_place *place)
{
	const struct starttls_result *seen = place->seen;

	object_put(object, "tls_why", seen->tls_why);
	object_put(object, "anonymous_cipher", place->anonymous_name);
	if (seen->outcome != VISIT_DONE)
		return;
	object_put(object, "tls", check_version_name(seen->tls_version));
	object_put(object, "cipher", seen->cipher);
	object_put(object, "group", seen->group);
	if (place->old_version)
		object_put(object, "takes_old_tls", check_version_name(place->old_version));
	if (place->put_off_code)
		object_put_number(object, "put_off_code", place->put_off_code);
	object_put(object, "put_off_reply", place->put_off_reply);
	if (place->is_new_only)
		put_bool(object, "new_tls_only", true);
	put_keys(object, place);
}

static json_t *places_of(const struct check_facts *facts, size_t host)
{
	json_t *list = json_array();
	char address[ADDRESS_TEXT_MAX];

	for (size_t i = 0; i < facts->destination.place_count; i++) {
		const struct check_place *place = &facts->places[i];
		json_t *object;

		if (facts->destination.places[i].host != host)
			continue;
		object = json_object();
		object_put(object, "address",
		           address_format(address, &facts->destination.places[i].address));
		if (place->seen) {
			object_put(object, "outcome", starttls_outcome_name(place->seen->outcome));
			object_put(object, "step", starttls_step_name(place->seen->step));
			object_put_number(object, "latency_ms", place->seen->latency_ms);
			put_dialogue(object, place->seen);
			put_tls(object, place);
		}
		(void)json_array_append_new(list, object);
	}
	return list;
}

static json_t *records_of(const struct check_facts *facts, size_t host)
{
	const struct check_records *records = &facts->hosts[host].tlsa;
	json_t *list = json_array();

	for (size_t i = 0; i < records->count; i++) {
		json_t *object = json_object();
		size_t matches = 0;

		for (size_t j = 0; j < facts->destination.place_count; j++)
			matches += facts->destination.places[j].host == host &&
			           check_record_is_met(&facts->places[j], i);
		object_put(object, "record", records->records[i].text);
		put_bool(object, "usable", records->records[i].is_usable);
		if (check_key_is_seen(facts, host))
			object_put_number(object, "matches", matches);
		(void)json_array_append_new(list, object);
	}
	return list;
}

static json_t *promise_of(const struct promise *promise)
{
	json_t *object = json_object();

	object_put(object, "state", promise_state_name(promise->state));
	object_put(object, "detail", promise->detail);
	return object;
}

static json_t *hosts_of(const struct check_facts *facts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < facts->destination.host_count; i++) {
		const struct mx_host *mx = &facts->destination.hosts[i];
		json_t *object = json_object();

		object_put(object, "name", mx->name);
		object_put_number(object, "preference", mx->preference);
		object_put(object, "address_security", dns_security_name(mx->address_security));
		object_put(object, "alias_of", facts->hosts[i].target);
		object_put(object, "strength", strengths[check_strength_of_host(facts, i)]);
		(void)json_object_set_new(object, "dane", promise_of(&mx->promise));
		put_list(object, "tlsa", records_of(facts, i));
		put_list(object, "dnssec", chain_of(&facts->hosts[i].chain));
		put_list(object, "addresses", places_of(facts, i));
		(void)json_array_append_new(list, object);
	}
	return list;
}

static json_t *sts_of(const struct check_sts *sts)
{
	static const char *const states[] = {
		[STS_UNKNOWN] = "unknown",
		[STS_OFF] = "off",
		[STS_NONE] = "none",
		[STS_NO_LOOKUP] = "no-lookup",
		[STS_WRONG_RECORD] = "bad-record",
		[STS_NO_POLICY] = "no-policy",
		[STS_POLICY] = "policy",
	};
	json_t *object = json_object();
	json_t *patterns = json_array();

	object_put(object, "state", states[sts->state]);
	object_put(object, "why", sts->why);
	object_put(object, "id", sts->id);
	for (size_t i = 0; i < sts->pattern_count; i++)
		(void)json_array_append_new(patterns, json_string(sts->patterns[i].text));
	put_list(object, "mx", patterns);
	if (sts->state == STS_POLICY) {
		object_put(object, "mode", mx_policy_mode_name(sts->mode));
		object_put_number(object, "max_age_s", sts->max_age_s);
	}
	return object;
}

static json_t *tlsrpt_of(const struct check_tlsrpt *tlsrpt)
{
	static const char *const states[] = {
		[TLSRPT_NONE] = "none", [TLSRPT_FOUND] = "found", [TLSRPT_INVALID] = "invalid"
	};
	json_t *object = json_object();

	object_put(object, "state", tlsrpt->is_unknown ? "no-lookup" : states[tlsrpt->state]);
	object_put(object, "why", tlsrpt->why);
	object_put(object, "rua", tlsrpt->rua);
	return object;
}

static json_t *list_of(const struct check_list *list)
{
	static const char *const states[] = { [CHECK_NOT_LISTED] = "not-listed",
		                              [CHECK_LISTED_TESTING] = "testing",
		                              [CHECK_LISTED_ENFORCE] = "enforce",
		                              [CHECK_LISTED_EXPIRED] = "expired" };
	json_t *object = json_object();

	object_put(object, "state", states[list->state]);
	object_put(object, "path", list->path);
	object_put(object, "trouble", list->trouble);
	return object;
}

static json_t *findings_of(const struct check_findings *findings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < findings->count; i++) {
		const struct check_finding *finding = &findings->list[i];
		json_t *object = json_object();

		object_put(object, "kind", check_kind_name(finding->kind));
		object_put(object, "severity", check_severity_name(finding->severity));
		object_put(object, "where", finding->where);
		object_put(object, "detail", finding->detail);
		object_put(object, "what", check_kind_what(finding->kind));
		object_put(object, "why", check_kind_why(finding->kind));
		object_put(object, "mend", check_kind_mend(finding->kind));
		(void)json_array_append_new(list, object);
	}
	return list;
}

bool check_json_print(FILE *out, const struct check_facts *facts,
                      const struct check_findings *findings)
{
	enum check_severity worst = check_worst(findings);
	json_t *object = json_object();
	bool is_whole;
	char *text;

	object_put(object, "domain", facts->destination.name);
	object_put(object, "result", worst == CHECK_NOTE ? "good" : check_severity_name(worst));
	object_put(object, "strength", strengths[check_strength_of_domain(facts)]);
	object_put(object, "mx", mx_state_name(facts->destination.mx_state));
	object_put(object, "mx_security", dns_security_name(facts->destination.mx_security));
	object_put(object, "mx_why", facts->destination.why);
	put_list(object, "dnssec", chain_of(&facts->chain));
	put_list(object, "nameservers", servers_of(facts));
	put_list(object, "hosts", hosts_of(facts));
	(void)json_object_set_new(object, "mta_sts", sts_of(&facts->sts));
	(void)json_object_set_new(object, "tlsrpt", tlsrpt_of(&facts->tlsrpt));
	(void)json_object_set_new(object, "list", list_of(&facts->list));
	(void)json_object_set_new(object, "findings", findings_of(findings));
	object_put_number(object, "took_ms", facts->took_ms);
	text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	is_whole = text != NULL;
	if (is_whole)
		fprintf(out, "%s\n", text);
	free(text);
	return is_whole;
}
