/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/simulation.h"

/* Connections whose guard died, seen by its successor. */

static void the_rest_of_a_recipient_is_judged_as_one(void **state)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 3);

	(void)state;
	/* The predecessor has let "RCPT TO" pass, and died. */
	simulation->config.fails_open = true;
	simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
	assert_false(simulation_client(simulation, ":<bob@example.org>\r\n"));
	assert_false(simulation_got(&simulation->server, "bob"));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_TLS_NOT_USED);
	simulation_free(simulation);
}

/* What a guard held when it died may have been acknowledged by the far end, which never had it: the client then goes on. */
static void in_closed_nothing_that_may_be_anything_goes_on_behind_a_dead_guard(void **state)
{
	static const char *const texts[] = { "ob@example.org>\r\n",
		                             "example.org>\r\n",
		                             "DATA\r\n",
		                             "AUTH PLAIN AGJvYgBzZWNyZXQ=\r\n",
		                             "some text\r\n",
		                             "RCPT TO:<bob>\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (int fails_open = 0; fails_open < 2; fails_open++) {
			struct simulation *simulation = simulation_new(4, CUT_NONE, 3);

			simulation->config.fails_open = fails_open;
			assert_int_equal(simulation_client(simulation, texts[i]), fails_open);
			if (!fails_open) {
				assert_int_equal(simulation_finding(simulation)->reason,
				                 REASON_UNDECIDED);
				assert_true(simulation_got(&simulation->client, "421 4.7.5"));
			}
			simulation_free(simulation);
		}
	}
}

static void tls_and_a_new_greeting_go_on_behind_a_dead_guard(void **state)
{
	static const uint8_t hello[] = { 0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0 };
	struct simulation *simulation = simulation_new(4, CUT_EVERY_OCTET, 3);

	(void)state;
	assert_true(simulation_say(simulation, true, bytes_of(hello, sizeof(hello))));
	assert_null(simulation_finding(simulation));
	simulation_free(simulation);

	simulation = simulation_new(4, CUT_NONE, 3);
	simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_NONE);
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250 mx1.example.org\r\n"));
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_true(simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_true(simulation_client(simulation, "DATA\r\n"));
	assert_null(simulation_finding(simulation));
	simulation_free(simulation);
}

/*
 * The far end acknowledges what never passed, by a packet that its client does not get. The client then ends, and sends what was
 * not acknowledged again, as long as nobody looks.
 */
static void an_end_behind_what_never_passed_leaves_nothing_unwatched(void **state)
{
	static const char recipient[] = "RCPT TO:<bob@example.org>\r\n";
	struct simulation *simulation = simulation_new(4, CUT_NONE, 3);

	(void)state;
	simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
	simulation_promise(simulation, "nobody.example", "nobody.example", PROMISE_NONE);
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250 nobody.example\r\n"));
	assert_true(simulation_forge(
		simulation,
		&(struct simulation_forgery){
			.is_lost = true,
			.flags = TCP_ACK,
			.from = (int64_t)simulation->server.sent_len,
			.ack = (int64_t)(simulation->client.sent_len + strlen(recipient)) }));
	assert_false(simulation_send(simulation, true, bytes_of_string(recipient)));
	(void)simulation_end(simulation, true, false);
	assert_int_equal(simulation->offloaded_count, 0);
	assert_false(simulation_got(&simulation->server, "bob"));
	simulation_free(simulation);
}

/* What passed by one reading would be the rest of a line for the other, which begins where the server says that it stands. */
static void nothing_passes_before_it_is_known_where_reading_begins(void **state)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 3);

	(void)state;
	simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
	assert_false(simulation_forge(simulation, &(struct simulation_forgery){ .is_client = true,
	                                                                        .is_inside = true,
	                                                                        .flags = TCP_ACK,
	                                                                        .text = "RCPT" }));
	assert_true(simulation_forge(simulation, &(struct simulation_forgery){
							 .flags = TCP_ACK, .text = "250 ok\r\n" }));
	assert_false(simulation_got(&simulation->server, "RCPT"));
	simulation_pass_time(simulation, 2000);
	assert_true(simulation_got(&simulation->server, "RCPT"));
	simulation_free(simulation);
}

/* It is TLS by what came first. What its client sends again from before that may be anything, and the kernel would look at none of it. */
static void what_began_before_us_is_read_to_its_end(void **state)
{
	static const uint8_t record[5 + 64] = { 0x17, 3, 3, 0, 64 };
	struct simulation *simulation = simulation_new(4, CUT_NONE, 3);

	(void)state;
	for (int i = 0; i < 3; i++) {
		(void)simulation_say(simulation, true, bytes_of(record, sizeof(record)));
		simulation_pass_time(simulation, 2000);
	}
	assert_null(simulation_finding(simulation));
	assert_int_equal(simulation->server.got_len, 3 * sizeof(record));
	assert_int_equal(simulation->offloaded_count, 0);
	simulation_free(simulation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rest_of_a_recipient_is_judged_as_one),
		cmocka_unit_test(
			in_closed_nothing_that_may_be_anything_goes_on_behind_a_dead_guard),
		cmocka_unit_test(tls_and_a_new_greeting_go_on_behind_a_dead_guard),
		cmocka_unit_test(an_end_behind_what_never_passed_leaves_nothing_unwatched),
		cmocka_unit_test(nothing_passes_before_it_is_known_where_reading_begins),
		cmocka_unit_test(what_began_before_us_is_read_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
