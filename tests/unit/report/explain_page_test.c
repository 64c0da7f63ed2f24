/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/explain_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/explain_text.h"
#include "verdict/key_rule.h"

static const struct stance enforcing = { .mode = MODE_ENFORCE, .blocks_inability = true };

/* Of the first host. */
static void ask_for_key(struct destination *destination, enum key_rule_kind kind,
                        enum promise_source source)
{
	static struct key_rules rules;
	struct key_rule rule = {
		.kind = kind,
		.source = source,
		.names = bytes_of_string("mx1.example.org"),
		.record_count = kind != KEY_RULE_PKIX,
		.records = { { 3, 1, 1, bytes_of("\x60\xb8", 2) } },
	};

	rules.count = rules.len = 0;
	assert_true(key_rules_add(&rules, &rule));
	memcpy(destination->keys, rules.octets, rules.len);
	destination->keys_len = (uint16_t)rules.len;
	destination->hosts[0].keys = (struct key_slice){ 0, (uint16_t)rules.len };
}

/* Two hosts, the first with DANE. */
static void fill(struct destination *destination)
{
	memset(destination, 0, sizeof(*destination));
	strcpy(destination->name, "example.org");
	destination->mx_state = MX_FOUND;
	destination->mx_security = DNS_SECURE;
	destination->ttl_s = 300;
	destination->host_count = 2;
	destination->place_count = 2;
	strcpy(destination->hosts[0].name, "mx1.example.org");
	destination->hosts[0].preference = 10;
	destination->hosts[0].address_security = DNS_SECURE;
	destination->hosts[0].promise =
		(struct promise){ .state = PROMISE_KEY,
		                  .source = SOURCE_DANE,
		                  .detail = "_25._tcp.mx1.example.org 3 1 1 60b8" };
	ask_for_key(destination, KEY_RULE_TLSA, SOURCE_DANE);
	strcpy(destination->hosts[1].name, "mx2.example.org");
	destination->hosts[1].preference = 20;
	destination->hosts[1].address_security = DNS_INSECURE;
	destination->hosts[1].promise.state = PROMISE_NONE;
	destination->places[0] =
		(struct mx_place){ { .family = 4, .octets = { 198, 51, 100, 25 } }, 0 };
	destination->places[1] =
		(struct mx_place){ { .family = 4, .octets = { 203, 0, 113, 7 } }, 1 };
}

static const char *json_of(const struct destination *destination, const struct stance *stance)
{
	static char text[EXPLAIN_JSON_MAX];
	struct explanation explanation = {
		.destination = destination, .stance = stance, .age_s = 7, .is_cached = true
	};

	assert_true(explain_json_print(text, &explanation) > 0);
	return text;
}

static const char *text_of(const char *json, bool is_coloured)
{
	static char text[EXPLAIN_JSON_MAX];
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_true(explain_text_print(out, json, is_coloured));
	fclose(out);
	return text;
}

static bool is_finding(const struct destination *destination)
{
	const struct explanation explanation = { .destination = destination };

	return explain_is_finding(&explanation);
}

static void each_host_has_its_addresses_promise_and_verdict(void **state)
{
	struct destination *destination = malloc(sizeof(*destination));
	const char *json;

	(void)state;
	fill(destination);
	json = json_of(destination, &enforcing);
	assert_non_null(strstr(
		json,
		"{\"name\":\"mx1.example.org\",\"preference\":10,"
		"\"address_security\":\"secure\",\"addresses\":[\"198.51.100.25\"],"
		"\"promise\":{\"state\":\"key\",\"source\":\"dane\","
		"\"detail\":\"_25._tcp.mx1.example.org 3 1 1 60b8\"},"
		"\"without_starttls\":{\"action\":\"block\",\"reason\":\"starttls-stripped\","));
	/* The weaker MX of a domain that promises at another. */
	assert_non_null(strstr(json,
	                       "\"addresses\":[\"203.0.113.7\"],\"promise\":{\"state\":\"none\"},"
	                       "\"without_starttls\":{\"action\":\"alert\","));
	assert_non_null(strstr(json, "\"is_finding\":false"));
	free(destination);
}

static void monitor_mode_says_what_enforce_would_do(void **state)
{
	const struct stance monitoring = { .mode = MODE_MONITOR };
	struct destination *destination = malloc(sizeof(*destination));
	const char *text;

	(void)state;
	fill(destination);
	text = text_of(json_of(destination, &monitoring), false);
	assert_non_null(strstr(text, "without STARTTLS  alert (enforce would block), "
	                             "starttls-stripped"));
	free(destination);
}

static void the_text_shows_evidence_and_age(void **state)
{
	struct destination *destination = malloc(sizeof(*destination));
	const char *text;

	(void)state;
	fill(destination);
	text = text_of(json_of(destination, &enforcing), false);
	assert_non_null(strstr(text, "example.org: mx found, secure\n"));
	assert_non_null(strstr(text, "looked up 7 s ago (cached), kept for 300 s\n"));
	assert_non_null(strstr(text, "mx1.example.org (preference 10)\n  addresses  198.51.100.25 "
	                             "(secure)\n  promise    key by dane: _25._tcp"));
	assert_null(strchr(text, '\033'));
	assert_non_null(strchr(text_of(json_of(destination, &enforcing), true), '\033'));
	free(destination);
}

static void what_is_bogus_or_failed_is_a_finding_with_its_reason(void **state)
{
	struct destination *destination = malloc(sizeof(*destination));

	(void)state;
	fill(destination);
	destination->mx_security = DNS_BOGUS;
	assert_true(is_finding(destination));
	fill(destination);
	destination->mx_state = MX_UNAVAILABLE;
	strcpy(destination->why, "signature expired");
	assert_true(is_finding(destination));
	assert_non_null(strstr(text_of(json_of(destination, &enforcing), false),
	                       "mx unavailable, secure: signature expired"));
	fill(destination);
	destination->hosts[1].promise.state = PROMISE_UNAVAILABLE;
	assert_true(is_finding(destination));
	assert_non_null(strstr(json_of(destination, &enforcing),
	                       "\"action\":\"defer\",\"reason\":\"policy-unavailable\""));
	fill(destination);
	destination->hosts[1].address_security = DNS_FAILED;
	assert_true(is_finding(destination));
	free(destination);
}

static const char *text_by(const struct destination *destination, const struct stance *stance,
                           bool is_probed, bool is_accepted)
{
	static char text[EXPLAIN_JSON_MAX];
	struct explanation explanation = {
		.destination = destination,
		.stance = stance,
		.is_hidden_probed = is_probed,
		.is_hidden_accepted = is_accepted,
	};

	assert_true(explain_json_print(text, &explanation) > 0);
	return text_of(text, false);
}

static void what_becomes_of_another_key_is_said_of_each_kind_of_promise(void **state)
{
	const struct stance verifying = { .mode = MODE_ENFORCE, .default_level = LEVEL_VERIFY };
	struct destination *destination = malloc(sizeof(*destination));
	const char *text;

	(void)state;
	fill(destination);
	assert_non_null(strstr(text_by(destination, &enforcing, true, false),
	                       "  with another key  block, key-mismatch: "));
	ask_for_key(destination, KEY_RULE_PKIX, SOURCE_MTA_STS);
	assert_non_null(strstr(text_by(destination, &enforcing, true, false),
	                       "  with another key  block, cert-untrusted: "));
	/* There was no room for what it asks. */
	destination->hosts[0].keys.len = 0;
	assert_non_null(strstr(text_by(destination, &enforcing, true, false),
	                       "  with another key  block, inspection-limit: "));
	fill(destination);
	destination->hosts[0].promise.state = PROMISE_TLS;
	destination->hosts[0].keys.len = 0;
	text = text_by(destination, &enforcing, true, false);
	assert_non_null(
		strstr(text, "  with another key  pass: promise kept\n  with TLS 1.3      pass"));
	assert_null(strstr(text, "unprobed"));
	/* Of who promised nothing a name is asked where the operator wants that. */
	text = strstr(text_by(destination, &verifying, true, false), "mx2.example.org");
	assert_non_null(strstr(text, "  with another key  block, cert-untrusted: "));
	free(destination);
}

static void what_becomes_of_a_hidden_key_is_as_the_operator_chose(void **state)
{
	struct destination *destination = malloc(sizeof(*destination));

	(void)state;
	fill(destination);
	assert_non_null(strstr(text_by(destination, &enforcing, true, false),
	                       "  TLS 1.3, probed   pass: promise kept\n"
	                       "  TLS 1.3, unprobed defer, key-hidden: "));
	assert_non_null(strstr(text_by(destination, &enforcing, false, false),
	                       "  with TLS 1.3      defer, key-hidden: "));
	assert_non_null(strstr(text_by(destination, &enforcing, false, true),
	                       "  with TLS 1.3      pass: key hidden, tls13 = pass\n"));
	free(destination);
}

static void the_key_is_shown_as_it_must_be_and_as_it_was_seen(void **state)
{
	struct last_key keys[MX_HOSTS_MAX] = {
		[0] = { .sight = SIGHT_WIRE,
		        .age_s = 5,
		        .server = { .family = 4, .octets = { 198, 51, 100, 25 } },
		        .finding = { .outcome = KEY_MET,
		                     .source = SOURCE_DANE,
		                     .matched = "3 1 1 60b8" } },
	};
	struct destination *destination = malloc(sizeof(*destination));
	static char json[EXPLAIN_JSON_MAX];
	const struct explanation explanation = { .destination = destination,
		                                 .stance = &enforcing,
		                                 .last_keys = keys };

	(void)state;
	fill(destination);
	assert_true(explain_json_print(json, &explanation) > 0);
	assert_non_null(strstr(json, "\"key_rules\":[{\"kind\":\"tlsa\",\"source\":\"dane\","
	                             "\"names\":\"mx1.example.org\",\"records\":[\"3 1 1 60b8\"]}],"
	                             "\"last_key\":{\"outcome\":\"met\",\"matched\":\"3 1 1 60b8\","
	                             "\"server\":\"198.51.100.25\",\"age_s\":5,\"source\":\"dane\","
	                             "\"assurance\":\"proven\"}"));
	assert_non_null(strstr(text_of(json, false),
	                       "  key, by dane: one of these TLSA records\n"
	                       "             3 1 1 60b8 (the server's own key, SHA-256)\n"
	                       "  last key   met by dane 3 1 1 60b8\n"));
	free(destination);
}

/* All that the key of the first host may come to. */
static void fill_keys(struct destination *destination, struct last_key *key)
{
	static struct key_rules rules;
	static uint8_t data[100];
	struct key_rule rule = { .kind = KEY_RULE_TLSA,
		                 .source = SOURCE_MTA_STS,
		                 .record_count = KEY_RECORDS_MAX };
	char names[KEY_NAMES_MAX];

	memset(names, '"', sizeof(names));
	rule.names = bytes_of(names, sizeof(names));
	for (size_t i = 0; i < KEY_RECORDS_MAX; i++)
		rule.records[i] =
			(struct key_record){ 255, 255, 255, bytes_of(data, sizeof(data)) };
	rules.count = rules.len = 0;
	for (size_t i = 0; i < 2; i++)
		assert_true(key_rules_add(&rules, &rule));
	memcpy(destination->keys, rules.octets, rules.len);
	destination->keys_len = (uint16_t)rules.len;
	memset(key, 0, sizeof(*key));
	key->sight = SIGHT_PROBE;
	key->server.family = 6;
	memset(key->server.octets, 0xab, 16);
	key->finding.outcome = KEY_NAME_MISMATCH;
	key->finding.source = SOURCE_MTA_STS;
	key->finding.seen.has_leaf = key->finding.seen.has_anchor = true;
	key->finding.seen.not_before_s = key->finding.seen.not_after_s = 1767225600;
	memset(key->finding.matched, '"', KEY_TEXT_MAX - 1);
	memset(key->finding.why, '"', KEY_TEXT_MAX - 1);
	memset(key->finding.seen.names, '"', KEY_TEXT_MAX - 1);
	memset(key->finding.seen.issuer, '"', KEY_TEXT_MAX - 1);
	memset(key->probe, '"', PROBE_WHY_MAX - 1);
}

static void fill_hosts(struct destination *destination, struct last_key keys[MX_HOSTS_MAX])
{
	fill(destination);
	destination->host_count = MX_HOSTS_MAX;
	destination->place_count = MX_PLACES_MAX;
	fill_keys(destination, &keys[0]);
	for (size_t i = 0; i < MX_HOSTS_MAX; i++) {
		memset(destination->hosts[i].name, '"', DOMAIN_NAME_MAX - 1);
		memset(destination->hosts[i].promise.detail, '"', PROMISE_DETAIL_MAX - 1);
		memset(destination->hosts[i].offered_before, '"', OFFERED_BEFORE_MAX - 1);
		destination->hosts[i].promise.state = PROMISE_KEY;
		destination->hosts[i].promise.source = SOURCE_MTA_STS;
		destination->hosts[i].keys = (struct key_slice){ 0, destination->keys_len };
		keys[i] = keys[0];
	}
	for (size_t i = 0; i < MX_PLACES_MAX; i++) {
		destination->places[i].host = (uint8_t)(i % MX_HOSTS_MAX);
		destination->places[i].address.family = 6;
		memset(destination->places[i].address.octets, 0xab, 16);
	}
}

static void the_largest_destination_fits(void **state)
{
	static struct last_key keys[MX_HOSTS_MAX];
	static struct evidence evidence[EVIDENCE_MAX];
	static char json[EXPLAIN_JSON_MAX];
	const struct stance stance = { .mode = MODE_MONITOR };
	struct destination *destination = calloc(1, sizeof(*destination));
	const struct explanation explanation = {
		.destination = destination,
		.stance = &stance,
		.evidence = evidence,
		.evidence_count = EVIDENCE_MAX,
		.last_keys = keys,
		.is_hidden_probed = true,
	};

	(void)state;
	fill_hosts(destination, keys);
	for (size_t i = 0; i < EVIDENCE_MAX; i++)
		memset(evidence[i].detail, '"', EVIDENCE_DETAIL_MAX - 1);
	assert_true(explain_json_print(json, &explanation) > 0);
	assert_non_null(strstr(json, "\"is_finding\":false}"));
	free(destination);
}

static const struct evidence sources[] = {
	{ .source = SOURCE_LOCAL, .state = EVIDENCE_NONE },
	{ .source = SOURCE_MTA_STS,
	  .state = EVIDENCE_BINDS,
	  .age_s = 3 * 60 * 60,
	  .left_s = 7 * 24 * 60 * 60,
	  .detail = "enforce mx1.example.org, id 20260101" },
};

static void each_source_says_its_state_its_age_and_its_evidence(void **state)
{
	struct destination *destination = malloc(sizeof(*destination));
	static char json[EXPLAIN_JSON_MAX];
	struct explanation explanation = {
		.destination = destination,
		.evidence = sources,
		.evidence_count = 2,
		.stance = &enforcing,
	};

	(void)state;
	fill(destination);
	destination->hosts[1].is_excluded = true;
	destination->hosts[1].promise =
		(struct promise){ .state = PROMISE_KEY, .source = SOURCE_MTA_STS };
	assert_true(explain_json_print(json, &explanation) > 0);
	assert_non_null(strstr(text_of(json, false),
	                       "local     none\nmta-sts   binds, age 3 h, left 7 d: enforce "
	                       "mx1.example.org, id 20260101\n"));
	/* In TLS, too, an excluded host is refused. */
	assert_non_null(strstr(text_of(json, false), "  with TLS 1.3      block, mx-mismatch"));
	free(destination);
}

static void where_no_host_is_known_it_is_said_what_becomes_of_mail_all_the_same(void **state)
{
	struct destination *destination = calloc(1, sizeof(*destination));
	const char *text;

	(void)state;
	strcpy(destination->name, "example.org");
	destination->mx_state = MX_UNAVAILABLE;
	destination->mx_security = DNS_FAILED;
	destination->promise = (struct promise){ .state = PROMISE_KEY, .source = SOURCE_MTA_STS };
	text = text_of(json_of(destination, &enforcing), false);
	assert_non_null(strstr(text, "  without STARTTLS  defer, policy-unavailable"));
	assert_non_null(strstr(text, "  with TLS 1.3      pass"));
	destination->promise.source = SOURCE_LOCAL;
	text = text_of(json_of(destination, &enforcing), false);
	assert_non_null(strstr(text, "  without STARTTLS  block, starttls-stripped"));
	free(destination);
}

static void a_source_that_failed_or_expired_is_a_finding(void **state)
{
	struct destination *destination = malloc(sizeof(*destination));
	struct evidence evidence = { .source = SOURCE_LIST, .state = EVIDENCE_EXPIRED };
	struct explanation explanation = { .destination = destination,
		                           .evidence = &evidence,
		                           .evidence_count = 1 };

	(void)state;
	fill(destination);
	assert_true(explain_is_finding(&explanation));
	evidence.state = EVIDENCE_FAILED;
	assert_true(explain_is_finding(&explanation));
	evidence.state = EVIDENCE_BINDS;
	assert_false(explain_is_finding(&explanation));
	free(destination);
}

static void words_of_strangers_do_not_steer_the_terminal(void **state)
{
	struct destination *destination = malloc(sizeof(*destination));
	const char *text;

	(void)state;
	fill(destination);
	strcpy(destination->why, "why\033[2J\n");
	strcpy(destination->hosts[0].promise.detail, "3 1 1 \033]0;owned\007\xc2\x9b");
	text = text_of(json_of(destination, &enforcing), false);
	assert_null(strchr(text, '\033'));
	assert_null(strchr(text, '\007'));
	assert_null(strstr(text, "\x9b"));
	assert_non_null(strstr(text, "why?[2J?\n"));
	free(destination);
}

static void what_is_no_explanation_is_refused(void **state)
{
	(void)state;
	assert_false(explain_text_print(stderr, "{}", false));
	assert_false(explain_text_print(stderr, "{", false));
	assert_false(explain_text_print(stderr, "{\"hosts\":1}", false));
}

static void what_limits_the_verdict_is_shown_as_text(void **state)
{
	struct destination *destination = malloc(sizeof(*destination));
	const char *text;

	(void)state;
	fill(destination);
	destination->is_truncated = true;
	destination->hosts[0].promise.only_alerts = true;
	text_copy(destination->hosts[1].offered_before,
	          sizeof(destination->hosts[1].offered_before), "since 2026-01-02");
	text = text_of(json_of(destination, &enforcing), false);
	assert_non_null(strstr(text, " by dane (told, not enforced)"));
	assert_non_null(strstr(text, "memory     offered STARTTLS since 2026-01-02\n"));
	assert_non_null(strstr(text, "(more hosts than are kept: only the best preferences)\n"));
	free(destination);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_host_has_its_addresses_promise_and_verdict),
		cmocka_unit_test(monitor_mode_says_what_enforce_would_do),
		cmocka_unit_test(the_text_shows_evidence_and_age),
		cmocka_unit_test(what_is_bogus_or_failed_is_a_finding_with_its_reason),
		cmocka_unit_test(what_becomes_of_another_key_is_said_of_each_kind_of_promise),
		cmocka_unit_test(what_becomes_of_a_hidden_key_is_as_the_operator_chose),
		cmocka_unit_test(the_key_is_shown_as_it_must_be_and_as_it_was_seen),
		cmocka_unit_test(the_largest_destination_fits),
		cmocka_unit_test(each_source_says_its_state_its_age_and_its_evidence),
		cmocka_unit_test(
			where_no_host_is_known_it_is_said_what_becomes_of_mail_all_the_same),
		cmocka_unit_test(a_source_that_failed_or_expired_is_a_finding),
		cmocka_unit_test(words_of_strangers_do_not_steer_the_terminal),
		cmocka_unit_test(what_is_no_explanation_is_refused),
		cmocka_unit_test(what_limits_the_verdict_is_shown_as_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
