/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/event_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "findings.h"

static void a_finding_has_the_fields_of_the_contract_in_their_order(void **state)
{
	static const char want[] =
		"{\"time\":\"2026-11-22T10:00:00.123Z\",\"event\":\"verdict\","
		"\"id\":\"0123456789abcdef\",\"action\":\"block\",\"reason\":\"starttls-stripped\","
		"\"kind\":\"attack\",\"mode\":\"enforce\",\"client\":\"192.0.2.2:40112\","
		"\"server\":\"198.51.100.25:25\",\"domain\":\"example.org\","
		"\"mx\":\"mx1.example.org\","
		"\"promise\":{\"state\":\"key\",\"source\":\"dane\","
		"\"detail\":\"_25._tcp.mx1.example.org 3 1 1 60b875\"},"
		"\"seen\":{\"starttls\":\"absent\",\"ehlo\":\"mx1.example.org\","
		"\"ehlo_outcome\":\"accepted\",\"tls\":\"none\"},\"assurance\":\"proven\","
		"\"rule\":\"EHLO reply without STARTTLS\",\"held_ms\":0,\"hook\":\"forward\","
		"\"queue\":2500,\"pid\":4711,\"count\":1,\"advice\":\"";
	struct event event = a_finding();
	char text[EVENT_JSON_MAX];
	size_t len;

	(void)state;
	len = event_json_print(text, &event);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(text, want, sizeof(want) - 1);
}

static void what_is_unknown_is_absent_and_never_null(void **state)
{
	struct event event = { .kind = EVENT_VERDICT, .action = ACTION_PASS, .would = ACTION_PASS };
	char text[EVENT_JSON_MAX];

	(void)state;
	event_json_print(text, &event);
	assert_string_equal(text,
	                    "{\"time\":\"1970-01-01T00:00:00.000Z\",\"event\":\"verdict\","
	                    "\"action\":\"pass\",\"mode\":\"monitor\",\"seen\":{\"tls\":\"none\"},"
	                    "\"held_ms\":0,\"count\":1}");
}

static void in_monitor_mode_it_says_what_would_have_been_done(void **state)
{
	struct event event = a_finding();
	char text[EVENT_JSON_MAX];

	(void)state;
	event.mode = MODE_MONITOR;
	event.action = ACTION_ALERT;
	event_json_print(text, &event);
	assert_non_null(strstr(text, "\"action\":\"alert\",\"would\":\"block\","));
}

static void what_could_not_be_looked_up_is_not_called_proven(void **state)
{
	struct event event = a_finding();
	char text[EVENT_JSON_MAX];

	(void)state;
	event.reason = REASON_POLICY_UNAVAILABLE;
	event.action = event.would = ACTION_DEFER;
	event_json_print(text, &event);
	assert_null(strstr(text, "assurance"));
}

static void our_own_lack_of_authorities_is_nobodys_attack(void **state)
{
	struct event event = a_finding();
	char text[EVENT_JSON_MAX];

	(void)state;
	event.reason = REASON_UNDECIDED;
	event.action = event.would = ACTION_DEFER;
	event_json_print(text, &event);
	assert_non_null(strstr(text, "\"kind\":\"attack\""));
	event.key_sight = SIGHT_WIRE;
	event.key.outcome = KEY_UNJUDGED;
	event_json_print(text, &event);
	assert_null(strstr(text, "\"kind\""));
	assert_null(strstr(text, "assurance"));
	assert_non_null(strstr(text, "\"outcome\":\"unjudged\""));
	assert_non_null(strstr(text, "install the package ca-certificates"));
}

static void the_answer_to_starttls_is_told_with_its_code(void **state)
{
	struct event event = a_finding();
	char text[EVENT_JSON_MAX];

	(void)state;
	event.starttls = STARTTLS_OFFERED;
	event.starttls_answer = STARTTLS_REFUSED;
	event.starttls_code = 454;
	event_json_print(text, &event);
	assert_non_null(strstr(text,
	                       "\"seen\":{\"starttls\":\"offered\",\"starttls_answer\":\"refused\","
	                       "\"starttls_code\":454,"));
}

static void the_handshake_is_told_with_its_version_and_the_name_asked_for(void **state)
{
	struct event event = a_finding();
	char text[EVENT_JSON_MAX];

	(void)state;
	event.tls = TLS_ESTABLISHED;
	event.tls_version = 0x0304;
	strcpy(event.sni, "mx9.example.org");
	event_json_print(text, &event);
	assert_non_null(strstr(text, "\"tls\":\"established\",\"tls_version\":\"1.3\","
	                             "\"sni\":\"mx9.example.org\"}"));
	event.tls_version = 0x0305;
	event.place = PLACE_UNRELATED;
	event_json_print(text, &event);
	assert_null(strstr(text, "tls_version"));
	assert_non_null(strstr(text, "\"sni\":\"mx9.example.org\",\"place\":\"unrelated\"}"));
}

#define ZEROS62 "00000000000000000000000000000000000000000000000000000000000000"

static void the_key_is_told_with_all_that_its_certificate_says(void **state)
{
	struct event event = a_key_finding();
	char text[EVENT_JSON_MAX];

	(void)state;
	event_json_print(text, &event);
	assert_non_null(strstr(text,
	                       "\"key\":{\"outcome\":\"name-mismatch\","
	                       "\"why\":\"none of its names is mx1.example.org\","
	                       "\"spki\":\"0a" ZEROS62 "\",\"names\":\"*.thief.example\","
	                       "\"issuer\":\"CN=An Authority\","
	                       "\"not_before\":\"2026-01-01T00:00:00Z\","
	                       "\"not_after\":\"2027-01-01T00:00:00Z\","
	                       "\"anchor_spki\":\"0b" ZEROS62 "\"}},\"assurance\":\"proven\""));
	event = a_met_key(SIGHT_PROBE);
	event_json_print(text, &event);
	assert_non_null(strstr(text, "\"key\":{\"outcome\":\"met\",\"matched\":\"3 1 1 60b875\","));
	assert_non_null(strstr(text, "\"assurance\":\"probed\""));
}

static void a_hidden_key_is_assumed_where_it_passes_and_nothing_where_not(void **state)
{
	struct event event = a_met_key(SIGHT_HIDDEN);
	char text[EVENT_JSON_MAX];

	(void)state;
	memset(&event.key, 0, sizeof(event.key));
	event_json_print(text, &event);
	assert_non_null(strstr(text, "\"assurance\":\"assumed\""));
	assert_null(strstr(text, "\"key\":{"));
	event.action = event.would = ACTION_DEFER;
	event.reason = REASON_KEY_HIDDEN;
	event_json_print(text, &event);
	assert_null(strstr(text, "assurance"));
}

static void other_events_carry_a_sentence_and_no_verdict(void **state)
{
	struct event event = { .kind = EVENT_CHILD_DIED, .pid = 7, .count = 1 };
	char text[EVENT_JSON_MAX];

	(void)state;
	strcpy(event.text, "guard[0] (pid 12) was killed by signal 9 (Killed)");
	event_json_print(text, &event);
	assert_string_equal(
		text, "{\"time\":\"1970-01-01T00:00:00.000Z\",\"event\":\"child-died\",\"pid\":7,"
		      "\"text\":\"guard[0] (pid 12) was killed by signal 9 (Killed)\","
		      "\"count\":1}");
}

static void octets_that_are_no_text_do_not_get_into_json(void **state)
{
	struct event event = a_finding();
	char text[EVENT_JSON_MAX];

	(void)state;
	strcpy(event.ehlo_name, "\xff\xfe\n\001\"x");
	event_json_print(text, &event);
	assert_non_null(strstr(text, "\"ehlo\":\"????\\\"x\""));
}

static void the_longest_event_fits(void **state)
{
	struct event event = the_longest_finding();
	char *text = malloc(EVENT_JSON_MAX);
	size_t len = event_json_print(text, &event);

	(void)state;
	assert_true(len > 3000);
	assert_int_equal(text[len - 1], '}');
	free(text);
}

static void a_finding_about_a_policy_names_its_source_and_no_connection(void **state)
{
	static const char want[] =
		"{\"time\":\"1970-01-01T00:00:00.000Z\",\"event\":\"policy\",\"action\":\"alert\","
		"\"reason\":\"policy-unavailable\",\"kind\":\"attack\",\"domain\":\"example.org\","
		"\"promise\":{\"source\":\"mta-sts\"},"
		"\"text\":\"the policy cannot be fetched\",\"count\":1,\"advice\":\"";
	struct event event = a_policy_event();
	char text[EVENT_JSON_MAX];

	(void)state;
	event_json_print(text, &event);
	assert_memory_equal(text, want, sizeof(want) - 1);
	/* Nobody promised anything: nothing is said of it. */
	event.promise.source = SOURCE_NONE;
	event.reason = REASON_NONE;
	event_json_print(text, &event);
	assert_null(strstr(text, "promise"));
	assert_null(strstr(text, "reason"));
}

static void the_source_of_a_promise_that_is_not_known_yet_is_not_told_of_a_connection(void **state)
{
	struct event event = a_finding();
	char text[EVENT_JSON_MAX];

	(void)state;
	event.promise.state = PROMISE_UNKNOWN;
	event_json_print(text, &event);
	assert_null(strstr(text, "\"promise\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_finding_has_the_fields_of_the_contract_in_their_order),
		cmocka_unit_test(what_is_unknown_is_absent_and_never_null),
		cmocka_unit_test(in_monitor_mode_it_says_what_would_have_been_done),
		cmocka_unit_test(what_could_not_be_looked_up_is_not_called_proven),
		cmocka_unit_test(our_own_lack_of_authorities_is_nobodys_attack),
		cmocka_unit_test(the_answer_to_starttls_is_told_with_its_code),
		cmocka_unit_test(the_handshake_is_told_with_its_version_and_the_name_asked_for),
		cmocka_unit_test(the_key_is_told_with_all_that_its_certificate_says),
		cmocka_unit_test(a_hidden_key_is_assumed_where_it_passes_and_nothing_where_not),
		cmocka_unit_test(other_events_carry_a_sentence_and_no_verdict),
		cmocka_unit_test(octets_that_are_no_text_do_not_get_into_json),
		cmocka_unit_test(the_longest_event_fits),
		cmocka_unit_test(a_finding_about_a_policy_names_its_source_and_no_connection),
		cmocka_unit_test(
			the_source_of_a_promise_that_is_not_known_yet_is_not_told_of_a_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
