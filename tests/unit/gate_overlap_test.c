/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/simulation.h"

/* Octets that come twice, out of order, or not at all. What the client got is what the verdict says was read, or nothing. */

static const char true_reply[] = "250-nobody\r\n250 SIZE 999\r\n";
static const char false_reply[] = "250-nobody\r\n250 STARTTLS\r\n";
enum { REPLY_LEN = sizeof(true_reply) - 1, HEAD_LEN = REPLY_LEN - 10 };

static struct simulation *greeted(enum simulation_cut cut, uint64_t seed)
{
	struct simulation *simulation = simulation_new(seed % 2 ? 4 : 6, cut, seed);

	simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
	assert_true(simulation_open(simulation));
	assert_true(simulation_server(simulation, "220 nobody ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	return simulation;
}

/* As a server would, beyond what it says otherwise. */
static bool forge(struct simulation *simulation, int64_t from, const char *text, bool is_lost)
{
	return simulation_forge(simulation, &(struct simulation_forgery){
						    .flags = TCP_ACK,
						    .is_lost = is_lost,
						    .from = from,
						    .ack = (int64_t)simulation->client.sent_len,
						    .text = text });
}

/* Goes on to a recipient, and frees. */
static void assert_read_is_got(struct simulation *simulation)
{
	enum starttls_offer got;

	(void)simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n");
	(void)simulation_server(simulation, "250 ok\r\n");
	assert_false(simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n"));
	assert_false(simulation_got(&simulation->server, "bob"));
	got = simulation_got(&simulation->client, "STARTTLS\r\n") ? STARTTLS_OFFERED
	                                                          : STARTTLS_ABSENT;
	assert_non_null(simulation_finding(simulation));
	assert_int_equal(simulation_last_finding(simulation)->starttls, got);
	simulation_free(simulation);
}

static void of_two_copies_the_client_gets_the_one_that_was_read(void **state)
{
	char piece[REPLY_LEN + 1];

	(void)state;
	for (size_t from = 0; from < REPLY_LEN; from++) {
		for (size_t to = from + 1; to <= REPLY_LEN; to++) {
			struct simulation *simulation = greeted(CUT_NONE, from + to);
			int64_t at = (int64_t)simulation->server.sent_len;

			memcpy(piece, false_reply + from, to - from);
			piece[to - from] = '\0';
			(void)forge(simulation, at + (int64_t)from, piece, (from + to) % 2);
			assert_true(simulation_server(simulation, true_reply));
			assert_read_is_got(simulation);
		}
	}
}

static void of_copies_out_of_order_the_client_gets_what_was_read(void **state)
{
	char piece[REPLY_LEN + 1];
	uint64_t random = 88172645463325252u;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct simulation *simulation = greeted(CUT_NONE, (uint64_t)round);
		int64_t at = (int64_t)simulation->server.sent_len;

		for (int i = 0; i < 6; i++) {
			size_t from, len;

			random = random * 6364136223846793005u + 1442695040888963407u;
			from = (random >> 33) % REPLY_LEN;
			len = 1 + (random >> 50) % (REPLY_LEN - from);
			memcpy(piece, ((random >> 20 & 1) ? true_reply : false_reply) + from, len);
			piece[len] = '\0';
			(void)forge(simulation, at + (int64_t)from, piece, random >> 21 & 1);
		}
		assert_true(simulation_server(simulation, true_reply));
		assert_read_is_got(simulation);
	}
}

/* The client has an offer of STARTTLS and comes in clear all the same: no promise is broken by the reply itself. Frees. */
static void assert_difference_is_told(struct simulation *simulation)
{
	(void)simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n");
	(void)simulation_server(simulation, "250 ok\r\n");
	assert_false(simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n"));
	assert_false(simulation_got(&simulation->server, "bob"));
	assert_true(simulation_got(&simulation->client, "STARTTLS\r\n"));
	assert_non_null(simulation_finding(simulation));
	assert_int_equal(simulation_last_finding(simulation)->reason,
	                 REASON_INCONSISTENT_RETRANSMISSION);
	simulation_free(simulation);
}

static void copies_that_differ_are_told_and_refused(void **state)
{
	(void)state;
	for (size_t from = 0; from <= HEAD_LEN; from++) {
		struct simulation *simulation = greeted(CUT_NONE, from);

		assert_true(simulation_say(simulation, false,
		                           bytes_of((const uint8_t *)true_reply, from)));
		assert_true(forge(simulation, (int64_t)simulation->server.sent_len,
		                  false_reply + from, true));
		assert_true(simulation_server(simulation, true_reply + from));
		assert_difference_is_told(simulation);
	}
}

/* Whatever the client has acknowledged is not compared: so nothing of it arrives at first. */
static void fill_the_gap(struct simulation *simulation, size_t len)
{
	simulation->is_losing = true;
	(void)simulation_send(simulation, false, bytes_of((const uint8_t *)true_reply, len));
	simulation->is_losing = false;
	(void)simulation_server(simulation, false_reply + len);
}

static void copies_that_differ_behind_a_gap_are_told_and_refused(void **state)
{
	(void)state;
	for (int64_t begin = 1; begin < HEAD_LEN; begin++) {
		struct simulation *simulation = greeted(CUT_NONE, (uint64_t)begin);
		int64_t at = (int64_t)simulation->server.sent_len;

		assert_false(forge(simulation, at + HEAD_LEN, true_reply + HEAD_LEN, false));
		assert_false(forge(simulation, at + begin, false_reply + begin, false));
		fill_the_gap(simulation, (size_t)begin);
		assert_difference_is_told(simulation);
	}
}

static void a_copy_of_what_waits_behind_a_gap_is_dropped_and_not_compared(void **state)
{
	struct simulation *simulation = greeted(CUT_NONE, 1);
	int64_t at = (int64_t)simulation->server.sent_len + HEAD_LEN;
	size_t waiting;

	(void)state;
	assert_false(forge(simulation, at, false_reply + HEAD_LEN, false));
	waiting = simulation->held_count;
	assert_false(forge(simulation, at, true_reply + HEAD_LEN, false));
	assert_int_equal(simulation->held_count, waiting);
	fill_the_gap(simulation, HEAD_LEN);
	assert_true(simulation_got(&simulation->client, "STARTTLS\r\n"));
	assert_read_is_got(simulation);
}

static void an_octet_that_is_acknowledged_cannot_be_said_again(void **state)
{
	struct simulation *simulation = greeted(CUT_NONE, 1);
	int64_t at = (int64_t)simulation->server.sent_len;

	(void)state;
	assert_true(simulation_server(simulation, true_reply));
	(void)forge(simulation, at, false_reply, false);
	assert_false(simulation_got(&simulation->client, "STARTTLS"));
	assert_read_is_got(simulation);
}

static void the_garbage_of_a_keep_alive_is_neither_passed_nor_a_finding(void **state)
{
	struct simulation *simulation = greeted(CUT_NONE, 1);

	(void)state;
	assert_true(simulation_server(simulation, true_reply));
	assert_true(forge(simulation, (int64_t)simulation->server.sent_len - 1, "X", false));
	assert_true(forge(simulation, (int64_t)simulation->server.sent_len - 1, "", false));
	assert_null(simulation_finding(simulation));
	assert_read_is_got(simulation);
}

static void an_acknowledgement_of_what_the_client_never_said_does_not_pass(void **state)
{
	struct simulation *simulation = greeted(CUT_NONE, 1);
	struct simulation_forgery forgery = { .flags = TCP_ACK,
		                              .from = (int64_t)simulation->server.sent_len,
		                              .ack = (int64_t)simulation->client.sent_len + 1,
		                              .text = false_reply };

	(void)state;
	assert_false(simulation_forge(simulation, &forgery));
	forgery.text = NULL;
	assert_false(simulation_forge(simulation, &forgery));
	assert_true(simulation_server(simulation, true_reply));
	assert_read_is_got(simulation);
}

static void sequence_numbers_may_wrap_anywhere(void **state)
{
	static const enum simulation_cut cuts[] = { CUT_NONE, CUT_EVERY_OCTET, CUT_HOSTILE };

	(void)state;
	for (uint32_t before = 0; before < 60; before++) {
		struct simulation *simulation = simulation_new(4, cuts[before % 3], before);

		simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
		simulation->client.first_seq = 0u - before;
		simulation->server.first_seq = 0u - 2 * before;
		assert_true(simulation_open(simulation));
		assert_true(simulation_server(simulation, "220 nobody ESMTP\r\n"));
		assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
		assert_true(simulation_server(simulation, true_reply));
		assert_read_is_got(simulation);
	}
}

static void nobody_speaks_to_a_server_whose_answers_take_another_way(void **state)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	(void)state;
	simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
	assert_true(simulation_open(simulation));
	simulation->is_bypassed = true;
	assert_true(simulation_server(simulation, "220 nobody ESMTP\r\n"));
	simulation->is_bypassed = false;
	assert_false(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_false(simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n"));
	assert_false(simulation_got(&simulation->server, "RCPT"));
	simulation_free(simulation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_two_copies_the_client_gets_the_one_that_was_read),
		cmocka_unit_test(of_copies_out_of_order_the_client_gets_what_was_read),
		cmocka_unit_test(copies_that_differ_are_told_and_refused),
		cmocka_unit_test(copies_that_differ_behind_a_gap_are_told_and_refused),
		cmocka_unit_test(a_copy_of_what_waits_behind_a_gap_is_dropped_and_not_compared),
		cmocka_unit_test(an_octet_that_is_acknowledged_cannot_be_said_again),
		cmocka_unit_test(the_garbage_of_a_keep_alive_is_neither_passed_nor_a_finding),
		cmocka_unit_test(an_acknowledgement_of_what_the_client_never_said_does_not_pass),
		cmocka_unit_test(sequence_numbers_may_wrap_anywhere),
		cmocka_unit_test(nobody_speaks_to_a_server_whose_answers_take_another_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
