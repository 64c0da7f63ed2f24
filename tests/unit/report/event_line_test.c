/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/event_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <syslog.h>

#include "findings.h"

static void a_finding_is_one_line_of_pairs_with_the_names_that_json_has(void **state)
{
	static const char want[] =
		"verdict action=block reason=starttls-stripped client=192.0.2.2:40112 "
		"server=198.51.100.25:25 domain=example.org mx=mx1.example.org "
		"promise=\"dane _25._tcp.mx1.example.org 3 1 1 60b875\" "
		"seen=\"starttls absent, ehlo accepted by mx1.example.org, tls none\" "
		"id=0123456789abcdef count=1 advice=\"";
	struct event event = a_finding();
	char text[EVENT_LINE_MAX];
	size_t len;

	(void)state;
	len = event_line_print(text, &event);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(text, want, sizeof(want) - 1);
}

static void the_handshake_is_part_of_what_was_seen(void **state)
{
	struct event event = a_finding();
	char text[EVENT_LINE_MAX];

	(void)state;
	event.tls = TLS_BROKEN;
	event.tls_version = 0x0303;
	strcpy(event.sni, "mx9.example.org");
	event_line_print(text, &event);
	assert_non_null(strstr(text, ", tls broken 1.2, sni mx9.example.org\" "));
	event.place = PLACE_EXCLUDED;
	event_line_print(text, &event);
	assert_non_null(strstr(text, ", sni mx9.example.org, place excluded\" "));
	strcpy(event.probe, "from 192.0.2.1: the server answered EHLO with 450 (later): \"x\"\r\n");
	event_line_print(text, &event);
	assert_non_null(strstr(text, ", place excluded, no probe could tell: from 192.0.2.1: the "
	                             "server answered EHLO with 450 (later): \\\"x\\\"??\" "));
}

static void the_key_is_one_pair(void **state)
{
	struct event event = a_key_finding();
	char text[EVENT_LINE_MAX];

	(void)state;
	event_line_print(text, &event);
	assert_non_null(strstr(text, " key=\"name-mismatch, proven, none of its names is "
	                             "mx1.example.org, names *.thief.example, issued by "
	                             "CN=An Authority\" "));
	event = a_met_key(SIGHT_PROBE);
	event_line_print(text, &event);
	assert_non_null(strstr(text, " key=\"met, probed, 3 1 1 60b875\" "));
	event = a_met_key(SIGHT_HIDDEN);
	memset(&event.key, 0, sizeof(event.key));
	event_line_print(text, &event);
	assert_non_null(strstr(text, " key=\"hidden, assumed\" "));
}

static void the_far_end_cannot_write_pairs_of_its_own(void **state)
{
	struct event event = a_finding();
	char text[EVENT_LINE_MAX];

	(void)state;
	strcpy(event.ehlo_name, "x\" action=pass\nhopguard: ");
	event_line_print(text, &event);
	assert_null(strchr(text, '\n'));
	assert_non_null(strstr(text, "x\\\" action=pass?hopguard: "));
}

static void other_events_are_a_word_and_a_sentence(void **state)
{
	struct event event = { .kind = EVENT_READY, .count = 1 };
	char text[EVENT_LINE_MAX];

	(void)state;
	strcpy(event.text, "monitor: port 25");
	event_line_print(text, &event);
	assert_string_equal(text, "ready text=\"monitor: port 25\"");
}

static void the_longest_event_is_cut_to_what_syslog_takes(void **state)
{
	struct event event = the_longest_finding();
	char *text = malloc(EVENT_LINE_MAX);

	(void)state;
	assert_int_equal(event_line_print(text, &event), EVENT_LINE_MAX - 1);
	assert_int_equal(strlen(text), EVENT_LINE_MAX - 1);
	free(text);
}

static void what_somebody_should_look_at_has_a_priority_that_is_seen(void **state)
{
	struct event event = a_finding();

	(void)state;
	assert_int_equal(event_line_priority(&event), LOG_WARNING);
	event.action = ACTION_PASS;
	assert_int_equal(event_line_priority(&event), LOG_INFO);
	event.kind = EVENT_CHILD_DIED;
	assert_int_equal(event_line_priority(&event), LOG_ERR);
	event.kind = EVENT_READY;
	assert_int_equal(event_line_priority(&event), LOG_NOTICE);
}

static void a_finding_about_a_policy_names_its_source(void **state)
{
	static const char want[] =
		"policy action=alert reason=policy-unavailable domain=example.org promise=mta-sts "
		"text=\"the policy cannot be fetched\" advice=\"";
	struct event event = a_policy_event();
	char text[EVENT_LINE_MAX];

	(void)state;
	event_line_print(text, &event);
	assert_memory_equal(text, want, sizeof(want) - 1);
	assert_int_equal(event_line_priority(&event), LOG_WARNING);
	event.promise.source = SOURCE_NONE;
	event_line_print(text, &event);
	assert_null(strstr(text, "promise="));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_finding_is_one_line_of_pairs_with_the_names_that_json_has),
		cmocka_unit_test(the_handshake_is_part_of_what_was_seen),
		cmocka_unit_test(the_key_is_one_pair),
		cmocka_unit_test(the_far_end_cannot_write_pairs_of_its_own),
		cmocka_unit_test(other_events_are_a_word_and_a_sentence),
		cmocka_unit_test(the_longest_event_is_cut_to_what_syslog_takes),
		cmocka_unit_test(a_finding_about_a_policy_names_its_source),
		cmocka_unit_test(what_somebody_should_look_at_has_a_priority_that_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
