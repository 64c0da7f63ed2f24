/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hellos.h"
#include "support/simulation.h"

/* Who only watches: nothing waits, so that verdicts come behind what they are about. */

/* A connection to a host that promised a key, up to an EHLO reply without STARTTLS. */
static struct simulation *start_stripped(const char *recipients_host)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 7);

	simulation->config.stance.mode = MODE_MONITOR;
	simulation_promise(simulation, "example.org", recipients_host, PROMISE_KEY);
	simulation_promise(simulation, "example.net", recipients_host, PROMISE_KEY);
	assert_true(simulation_open(simulation));
	assert_true(simulation_server(simulation, "220 mx1.example.org ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250-mx1.example.org\r\n250 SIZE\r\n"));
	return simulation;
}

static size_t count_findings(const struct simulation *simulation)
{
	size_t count = 0;

	for (size_t i = 0; i < simulation->event_count; i++)
		count += simulation->events[i].action != ACTION_PASS;
	return count;
}

/* As in the traffic of a guard that refuses at MAIL. */
static void a_mail_that_no_recipient_followed_is_judged_when_the_connection_ends(void **state)
{
	struct simulation *simulation = start_stripped("mx1.example.org");

	(void)state;
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "421 4.7.4 refused\r\n"));
	assert_null(simulation_finding(simulation));
	assert_true(simulation_end(simulation, false, false));
	assert_int_equal(count_findings(simulation), 1);
	assert_int_equal(simulation_finding(simulation)->would, ACTION_BLOCK);
	assert_int_equal(simulation_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
	simulation_free(simulation);
}

static void a_sender_that_left_without_a_mail_would_not_have_been_blocked(void **state)
{
	struct simulation *simulation = start_stripped("mx1.example.org");

	(void)state;
	assert_true(simulation_client(simulation, "QUIT\r\n"));
	assert_true(simulation_end(simulation, true, false));
	assert_int_equal(count_findings(simulation), 1);
	assert_int_equal(simulation_finding(simulation)->would, ACTION_ALERT);
	simulation_free(simulation);
}

static void what_is_judged_when_its_answer_comes_is_not_judged_again_at_the_end(void **state)
{
	struct simulation *simulation = start_stripped("mx1.example.org");

	(void)state;
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_true(simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n"));
	assert_true(simulation_end(simulation, true, false));
	assert_true(simulation_end(simulation, false, false));
	assert_int_equal(count_findings(simulation), 1);
	assert_string_equal(simulation_finding(simulation)->domain, "example.org");
	simulation_free(simulation);
}

static void recipients_that_wait_together_are_told_once_for_each_domain(void **state)
{
	struct simulation *simulation = start_stripped("mx1.example.org");

	(void)state;
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"
	                                          "RCPT TO:<bob@example.org>\r\n"
	                                          "RCPT TO:<carol@example.org>\r\n"
	                                          "RCPT TO:<dave@example.org>\r\n"
	                                          "RCPT TO:<erin@example.net>\r\n"));
	simulation_pass_time(simulation, 100);
	assert_int_equal(count_findings(simulation), 2);
	assert_string_not_equal(simulation_finding(simulation)->domain,
	                        simulation_last_finding(simulation)->domain);
	simulation_free(simulation);
}

static void behind_octets_that_never_came_by_reading_goes_on(void **state)
{
	static const char *const lost[] = { "EHLO client.example\r\n", "NOOP\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
		struct simulation *simulation = simulation_new(6, CUT_NONE, i);

		simulation->config.stance.mode = MODE_MONITOR;
		simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
		assert_true(simulation_open(simulation));
		assert_true(simulation_server(simulation, "220 mx1.example.org ESMTP\r\n"));
		simulation->is_bypassed = true;
		assert_true(simulation_client(simulation, lost[i]));
		simulation->is_bypassed = false;
		assert_true(simulation_server(simulation, "250 mx1.example.org\r\n"));
		assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
		assert_true(simulation_server(simulation, "250 ok\r\n"));
		assert_true(simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n"));
		assert_non_null(simulation_finding(simulation));
		assert_string_equal(simulation_finding(simulation)->domain, "example.org");
		simulation_free(simulation);
	}
}

static void a_lost_reply_makes_no_injection_of_the_handshake_behind_it(void **state)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 9);

	(void)state;
	simulation->config.stance.mode = MODE_MONITOR;
	simulation->everybody = PROMISE_KEY;
	assert_true(simulation_open(simulation));
	assert_true(simulation_server(simulation, "220 mx1.example.org ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	simulation->is_bypassed = true;
	assert_true(simulation_server(simulation, "250-mx1.example.org\r\n250 STARTTLS\r\n"));
	simulation->is_bypassed = false;
	assert_true(simulation_client(simulation, "STARTTLS\r\n"));
	assert_true(simulation_server(simulation, "220 go\r\n"));
	assert_true(simulation_say(simulation, true,
	                           bytes_of(SMALL_CLIENT_HELLO, SMALL_CLIENT_HELLO_LEN)));
	assert_true(simulation_say(simulation, false,
	                           bytes_of(SMALL_SERVER_HELLO, SMALL_SERVER_HELLO_LEN)));
	assert_true(simulation_say(simulation, true,
	                           bytes_of("\x17\x03\x03\x00\x14"
	                                    "a sealed Finished...",
	                                    25)));
	assert_null(simulation_finding(simulation));
	simulation_free(simulation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_mail_that_no_recipient_followed_is_judged_when_the_connection_ends),
		cmocka_unit_test(a_sender_that_left_without_a_mail_would_not_have_been_blocked),
		cmocka_unit_test(
			what_is_judged_when_its_answer_comes_is_not_judged_again_at_the_end),
		cmocka_unit_test(recipients_that_wait_together_are_told_once_for_each_domain),
		cmocka_unit_test(behind_octets_that_never_came_by_reading_goes_on),
		cmocka_unit_test(a_lost_reply_makes_no_injection_of_the_handshake_behind_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
