/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/event_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "findings.h"
#include "report/event_json.h"

static void print(char text[EVENT_SENTENCE_MAX], const struct event *event, bool is_coloured)
{
	char json[EVENT_JSON_MAX];

	assert_true(event_json_print(json, event) > 0);
	assert_true(event_text_print(text, json, is_coloured));
}

static void a_finding_reads_like_a_sentence(void **state)
{
	static const char want[] =
		"10:00:00Z block starttls-stripped: mail for example.org from 192.0.2.2:40112 to "
		"198.51.100.25:25 (mx1.example.org): STARTTLS was not offered, though the "
		"destination promised TLS; the server calls itself mx1.example.org; promised by "
		"dane: _25._tcp.mx1.example.org 3 1 1 60b875. ";
	struct event event = a_finding();
	char text[EVENT_SENTENCE_MAX];

	(void)state;
	print(text, &event, false);
	assert_memory_equal(text, want, sizeof(want) - 1);
	assert_non_null(strstr(text, " [0123456789abcdef]"));
}

static void the_name_that_the_client_asked_for_is_said(void **state)
{
	struct event event = a_finding();
	char text[EVENT_SENTENCE_MAX];

	(void)state;
	strcpy(event.sni, "mx9.example.org");
	print(text, &event, false);
	assert_non_null(strstr(text, "; the client asks for mx9.example.org; promised by "));
	strcpy(event.probe, "from 192.0.2.1: nothing in time");
	print(text, &event, false);
	assert_non_null(strstr(text, "; our own look could not tell: from 192.0.2.1: nothing in "
	                             "time; promised by "));
}

static void a_wrong_key_is_told_with_whose_it_seems_to_be(void **state)
{
	struct event event = a_key_finding();
	char text[EVENT_SENTENCE_MAX];

	(void)state;
	print(text, &event, false);
	assert_non_null(strstr(text, "; none of its names is mx1.example.org; its names: "
	                             "*.thief.example; issued by CN=An Authority; digest of its "
	                             "key: 0a00"));
	assert_non_null(strstr(text, "; good until 2027-01-01, proven; promised by dane"));
}

static void a_right_key_is_told_with_how_sure_that_is(void **state)
{
	struct event event = a_met_key(SIGHT_PROBE);
	char text[EVENT_SENTENCE_MAX];

	(void)state;
	print(text, &event, false);
	assert_non_null(strstr(text, "; the key is the promised one (3 1 1 60b875), probed; "));
	event = a_met_key(SIGHT_HIDDEN);
	memset(&event.key, 0, sizeof(event.key));
	print(text, &event, false);
	assert_non_null(strstr(text, "; its key is hidden, and assumed to be right; "));
}

static void a_probe_that_differs_names_what_it_differs_from(void **state)
{
	struct event event = a_met_key(SIGHT_PROBE);
	char text[EVENT_SENTENCE_MAX];

	(void)state;
	event.action = event.would = ACTION_ALERT;
	event.reason = REASON_PROBE_DIFFERS;
	strcpy(event.cause, "key-mismatch on the sender's own connection, 2 s before");
	print(text, &event, false);
	assert_non_null(strstr(text, "alert probe-differs: mail for example.org"));
	assert_non_null(strstr(text, "; the key is the promised one (3 1 1 60b875), probed; "));
	assert_non_null(
		strstr(text, "; after key-mismatch on the sender's own connection, 2 s before. "));
}

static void a_wrong_place_is_called_what_is_wrong_with_it(void **state)
{
	struct event event = a_finding();
	char text[EVENT_SENTENCE_MAX];

	(void)state;
	event.reason = REASON_MX_MISMATCH;
	event.place = PLACE_UNRELATED;
	print(text, &event, false);
	assert_non_null(strstr(text, ": this address is none of the destination's mail servers; "));
	event.place = PLACE_EXCLUDED;
	print(text, &event, false);
	assert_non_null(
		strstr(text, ": the domain's policy names other mail servers, and not this one; "));
	assert_null(strstr(text, "none of"));
}

static void monitor_mode_and_repetition_are_said(void **state)
{
	struct event event = a_finding();
	char text[EVENT_SENTENCE_MAX];

	(void)state;
	event.mode = MODE_MONITOR;
	event.action = ACTION_ALERT;
	event.count = 17;
	print(text, &event, false);
	assert_memory_equal(text, "10:00:00Z alert (would block) 17 times starttls-stripped:", 57);
}

static void colour_is_for_terminals_and_closed_again(void **state)
{
	struct event event = a_finding();
	char text[EVENT_SENTENCE_MAX];

	(void)state;
	print(text, &event, true);
	assert_memory_equal(text, "10:00:00Z \033[1;31mblock\033[0m starttls-stripped", 42);
	print(text, &event, false);
	assert_null(strchr(text, '\033'));
}

static void the_far_end_cannot_steer_the_terminal(void **state)
{
	struct event event = a_finding();
	char text[EVENT_SENTENCE_MAX];

	(void)state;
	strcpy(event.ehlo_name, "\033[2Jmx\n");
	print(text, &event, false);
	assert_null(strchr(text, '\033'));
	assert_null(strchr(text, '\n'));
	/* Nor by way of JSON that somebody else wrote. */
	assert_true(
		event_text_print(text, "{\"event\":\"ready\",\"text\":\"\\u001b[2J\\n\"}", false));
	assert_null(strchr(text, '\033'));
}

static void the_longest_event_is_cut_to_a_line(void **state)
{
	struct event event = the_longest_finding();
	char *text = malloc(EVENT_SENTENCE_MAX);

	(void)state;
	print(text, &event, true);
	assert_true(strlen(text) < EVENT_SENTENCE_MAX);
	free(text);
}

static void colour_never_passes_the_end_of_the_room(void **state)
{
	char *text = malloc(EVENT_SENTENCE_MAX);
	char *json = malloc(2 * EVENT_SENTENCE_MAX);
	size_t len;

	(void)state;
	for (len = EVENT_SENTENCE_MAX - 40; len < EVENT_SENTENCE_MAX + 4; len++) {
		char *at =
			json +
			sprintf(json, "{\"event\":\"verdict\",\"would\":\"block\",\"action\":\"");

		memset(at, 'a', len);
		strcpy(at + len, "\"}");
		assert_true(event_text_print(text, json, true));
		assert_true(strlen(text) < EVENT_SENTENCE_MAX);
	}
	free(json);
	free(text);
}

static void what_is_no_event_is_refused(void **state)
{
	static const char *const others[] = { "",
		                              "{",
		                              "[]",
		                              "null",
		                              "{}",
		                              "{\"event\":1}",
		                              "{\"event\":\"ready\",\"event\":\"ready\"}" };
	char text[EVENT_SENTENCE_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(event_text_print(text, others[i], false));
}

static void a_finding_about_a_policy_reads_like_a_sentence(void **state)
{
	static const char want[] = "00:00:00Z alert policy-unavailable: mail for example.org: "
				   "the policy cannot be fetched. ";
	struct event event = a_policy_event();
	char text[EVENT_SENTENCE_MAX];

	(void)state;
	print(text, &event, false);
	assert_memory_equal(text, want, sizeof(want) - 1);
	event.reason = REASON_NONE;
	print(text, &event, false);
	assert_memory_equal(text, "00:00:00Z alert: mail for example.org: the policy", 49);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_finding_reads_like_a_sentence),
		cmocka_unit_test(the_name_that_the_client_asked_for_is_said),
		cmocka_unit_test(a_wrong_key_is_told_with_whose_it_seems_to_be),
		cmocka_unit_test(a_right_key_is_told_with_how_sure_that_is),
		cmocka_unit_test(a_probe_that_differs_names_what_it_differs_from),
		cmocka_unit_test(a_wrong_place_is_called_what_is_wrong_with_it),
		cmocka_unit_test(monitor_mode_and_repetition_are_said),
		cmocka_unit_test(colour_is_for_terminals_and_closed_again),
		cmocka_unit_test(the_far_end_cannot_steer_the_terminal),
		cmocka_unit_test(the_longest_event_is_cut_to_a_line),
		cmocka_unit_test(colour_never_passes_the_end_of_the_room),
		cmocka_unit_test(a_finding_about_a_policy_reads_like_a_sentence),
		cmocka_unit_test(what_is_no_event_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
