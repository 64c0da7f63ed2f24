/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/explain_page.h"

#include <jansson.h>
#include <string.h>

#include "report/explain_key.h"
#include "report/object.h"
#include "verdict/key_rule.h"

static json_t *promise_of(const struct promise *promise)
{
	json_t *object = json_object();

	object_put(object, "state", promise_state_name(promise->state));
	if (promise->source != SOURCE_NONE)
		object_put(object, "source", promise_source_name(promise->source));
	object_put(object, "detail", promise->detail);
	if (promise->only_alerts)
		(void)json_object_set_new(object, "only_alerts", json_true());
	return object;
}

static json_t *evidence_of(const struct explanation *explanation)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < explanation->evidence_count; i++) {
		const struct evidence *evidence = &explanation->evidence[i];
		json_t *object = json_object();

		object_put(object, "source", promise_source_name(evidence->source));
		object_put(object, "state", evidence_state_name(evidence->state));
		object_put(object, "detail", evidence->detail);
		if (evidence->age_s > 0)
			object_put_number(object, "age_s", evidence->age_s);
		if (evidence->left_s > 0)
			object_put_number(object, "left_s", evidence->left_s);
		(void)json_array_append_new(list, object);
	}
	return list;
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

/* Where no host is known: what the domain itself promised, or that it cannot be told. */
static struct facts facts_of_domain(const struct destination *destination)
{
	struct facts facts = {
		.ehlo = EHLO_ACCEPTED,
		.promise = destination->promise.state,
		.promise_source = destination->promise.source,
		.promise_only_alerts = destination->promise.only_alerts,
		.mx_security = destination->mx_security,
	};

	if (destination->mx_state == MX_UNAVAILABLE && facts.promise_source != SOURCE_LOCAL) {
		facts.promise = PROMISE_UNAVAILABLE;
		facts.promise_source = SOURCE_DANE;
	} else if (facts.promise == PROMISE_UNKNOWN) {
		facts.promise = PROMISE_NONE;
	}
	return facts;
}

/* host: an index; host_count for the domain itself. */
static struct facts facts_of(const struct explanation *explanation, size_t host)
{
	const struct destination *destination = explanation->destination;
	const struct mx_host *mx = &destination->hosts[host];

	if (host == destination->host_count)
		return facts_of_domain(destination);
	return (struct facts){
		.ehlo = EHLO_ACCEPTED,
		.promise = mx->promise.state,
		.promise_source = mx->promise.source,
		.promise_only_alerts = mx->promise.only_alerts,
		.place = mx->is_excluded ? PLACE_EXCLUDED : PLACE_MX,
		.mx_security = destination->mx_security,
		.was_offered_before = mx->offered_before[0] != '\0',
		.another_host_promises =
			mx->promise.state == PROMISE_NONE && sibling_promises(destination, host),
	};
}

static json_t *verdict_of(const struct verdict *verdict)
{
	json_t *object = json_object();

	object_put(object, "action", action_name(verdict->action));
	if (verdict->would != verdict->action)
		object_put(object, "would", action_name(verdict->would));
	if (verdict->reason != REASON_NONE)
		object_put(object, "reason", reason_name(verdict->reason));
	object_put(object, "rule", verdict->rule ? verdict->rule : "");
	return object;
}

/* A message about to leave in the clear, to this host, which answered EHLO without STARTTLS. */
static json_t *verdict_in_clear(const struct explanation *explanation, size_t host)
{
	struct facts facts = facts_of(explanation, host);
	struct verdict verdict;

	facts.commitment = COMMITMENT_RCPT;
	facts.starttls = STARTTLS_ABSENT;
	verdict = decide(&facts, explanation->stance);
	return verdict_of(&verdict);
}

/* What the key must be: host as above. */
static struct bytes rules_of(const struct explanation *explanation, size_t host)
{
	const struct destination *destination = explanation->destination;
	struct key_slice slice = host == destination->host_count ? destination->keys_anywhere
	                                                         : destination->hosts[host].keys;

	return bytes_of(destination->keys + slice.at, slice.len);
}

/* The same in TLS, before anything is known of the key. */
static struct facts facts_in_tls(const struct explanation *explanation, size_t host)
{
	struct facts facts = facts_of(explanation, host);
	const struct promise promise = { .state = facts.promise, .source = facts.promise_source };

	facts.commitment = COMMITMENT_TLS;
	facts.starttls = STARTTLS_OFFERED;
	facts.starttls_answer = STARTTLS_READY;
	facts.tls = TLS_ESTABLISHED;
	facts.asks_for_key = asks_for_key(&promise, explanation->stance);
	/* There was no room for them. */
	facts.is_inspection_cut_short =
		facts.promise == PROMISE_KEY && rules_of(explanation, host).len == 0;
	return facts;
}

/* What the verifier would call it. */
static enum key_outcome wrong_outcome(struct bytes rules)
{
	struct cursor rest = cursor_over(rules);
	struct key_rule rule;

	return key_rule_next(&rule, &rest) && rule.kind != KEY_RULE_PKIX ? KEY_MISMATCH
	                                                                 : KEY_UNTRUSTED;
}

static json_t *verdict_by_key(const struct explanation *explanation, const struct facts *facts,
                              enum key_outcome outcome, enum key_sight sight)
{
	struct facts completed = *facts;
	struct verdict verdict;

	completed.key = KEY_UNKNOWN;
	if (facts->asks_for_key)
		completed.key = outcome;
	completed.key_sight = sight;
	completed.is_hidden_accepted = sight == SIGHT_HIDDEN && explanation->is_hidden_accepted;
	verdict = decide(&completed, explanation->stance);
	return verdict_of(&verdict);
}

static void put_verdicts(json_t *object, const struct explanation *explanation, size_t host)
{
	const struct facts facts = facts_in_tls(explanation, host);
	enum key_outcome wrong = wrong_outcome(rules_of(explanation, host));

	(void)json_object_set_new(object, "without_starttls", verdict_in_clear(explanation, host));
	(void)json_object_set_new(object, "with_wrong_key",
	                          verdict_by_key(explanation, &facts, wrong, SIGHT_WIRE));
	(void)json_object_set_new(object, "with_tls13",
	                          verdict_by_key(explanation, &facts, KEY_UNKNOWN, SIGHT_HIDDEN));
	if (explanation->is_hidden_probed && facts.asks_for_key)
		(void)json_object_set_new(
			object, "with_tls13_probed",
			verdict_by_key(explanation, &facts, KEY_MET, SIGHT_PROBE));
}

static void put_key(json_t *object, const struct explanation *explanation, size_t host)
{
	explain_key_put_rules(object, "key_rules", rules_of(explanation, host));
	if (!explanation->last_keys || host >= explanation->destination->host_count)
		return;
	explain_key_put_last(object, "last_key", &explanation->last_keys[host]);
	explain_key_put_probe(object, "last_probe", &explanation->last_keys[host]);
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
	if (host->is_excluded)
		(void)json_object_set_new(object, "is_excluded", json_true());
	object_put(object, "offered_before", host->offered_before);
	put_verdicts(object, explanation, index);
	put_key(object, explanation, index);
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
	if (destination->promise.state != PROMISE_UNKNOWN)
		(void)json_object_set_new(object, "promise", promise_of(&destination->promise));
	if (destination->is_next_hop)
		(void)json_object_set_new(object, "is_next_hop", json_true());
	if (destination->is_established)
		(void)json_object_set_new(object, "is_established", json_true());
	(void)json_object_set_new(object, "evidence", evidence_of(explanation));
	for (i = 0; i < destination->host_count; i++)
		(void)json_array_append_new(hosts, host_of(explanation, i));
	(void)json_object_set_new(object, "hosts", hosts);
	if (destination->host_count == 0 && destination->mx_state != MX_UNKNOWN) {
		put_verdicts(object, explanation, 0);
		put_key(object, explanation, 0);
	}
	(void)json_object_set_new(object, "is_finding",
	                          json_boolean(explain_is_finding(explanation)));
	return object_print(text, EXPLAIN_JSON_MAX, object);
}

static bool is_broken(enum dns_security security)
{
	return security == DNS_BOGUS || security == DNS_FAILED;
}

bool explain_is_finding(const struct explanation *explanation)
{
	const struct destination *destination = explanation->destination;
	size_t i;

	for (i = 0; i < explanation->evidence_count; i++) {
		if (explanation->evidence[i].state == EVIDENCE_EXPIRED ||
		    explanation->evidence[i].state == EVIDENCE_FAILED)
			return true;
	}

	if (destination->mx_state == MX_UNAVAILABLE || is_broken(destination->mx_security))
		return true;
	for (i = 0; i < destination->host_count; i++) {
		if (is_broken(destination->hosts[i].address_security) ||
		    destination->hosts[i].promise.state == PROMISE_UNAVAILABLE)
			return true;
	}
	return false;
}
