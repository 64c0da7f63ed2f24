/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/simulation.h"

/* Longer than any dialogue is silent, so that its flow is forgotten. */
enum { FORGOTTEN_MS = 16 * 60 * 1000 };

static const char stripped[] = "250-nobody.example\r\n250 SIZE 1000\r\n";

/* The far end calls itself what leads nowhere: only a recipient tells whose hop it is. */
static struct simulation *promised(void)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
	simulation_promise(simulation, "nobody.example", "nobody.example", PROMISE_NONE);
	return simulation;
}

/* In octets that the client has not acknowledged: it answers by a challenge, and goes on (RFC 5961 section 3.2). */
static void reset_in_vain(struct simulation *simulation)
{
	assert_true(simulation_forge(simulation, &(struct simulation_forgery){
							 .flags = TCP_ACK, .text = "220 nobody" }));
	assert_true(simulation_forge(simulation,
	                             &(struct simulation_forgery){ .flags = TCP_RST, .from = 5 }));
	assert_false(simulation->client.got_reset);
}

/* As far as a recipient and beyond, whatever becomes of it. */
static void try_to_send(struct simulation *simulation)
{
	(void)simulation_server(simulation, "220 nobody.example ESMTP\r\n");
	(void)simulation_client(simulation, "EHLO client.example\r\n");
	(void)simulation_server(simulation, stripped);
	(void)simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n");
	(void)simulation_server(simulation, "250 ok\r\n");
	(void)simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n");
}

static void a_syn_of_the_far_end_makes_no_client_of_it(void **state)
{
	const struct simulation_forgery syn = { .flags = TCP_SYN, .from = -1 };
	struct simulation *simulation = promised();

	(void)state;
	/* Simultaneous open (RFC 9293 section 3.5). */
	(void)simulation_forge(
		simulation,
		&(struct simulation_forgery){ .is_client = true, .flags = TCP_SYN, .from = -1 });
	(void)simulation_forge(simulation, &syn);
	(void)simulation_forge(simulation, &(struct simulation_forgery){ .is_client = true,
	                                                                 .flags = TCP_SYN | TCP_ACK,
	                                                                 .from = -1 });
	(void)simulation_forge(simulation, &(struct simulation_forgery){ .flags = TCP_ACK });
	try_to_send(simulation);
	assert_false(simulation_got(&simulation->server, "bob"));
	simulation_free(simulation);
}

/* Its field for an acknowledgement is 0, which is the right number where the client's octets begin at 0. */
static void a_syn_of_the_far_end_is_no_answer_whatever_number_it_has(void **state)
{
	struct simulation *simulation = promised();
	struct simulation_forgery answer = { .flags = TCP_SYN, .from = -1 };

	(void)state;
	simulation->client.first_seq = 0;
	(void)simulation_forge(
		simulation,
		&(struct simulation_forgery){ .is_client = true, .flags = TCP_SYN, .from = -1 });
	assert_false(simulation_forge(simulation, &answer));
	answer.flags |= TCP_ACK;
	assert_true(simulation_forge(simulation, &answer));
	simulation_free(simulation);
}

static void a_syn_of_the_far_end_behind_a_forged_reset_makes_no_client_of_it(void **state)
{
	struct simulation *simulation = promised();

	(void)state;
	assert_true(simulation_open(simulation));
	reset_in_vain(simulation);
	(void)simulation_forge(simulation,
	                       &(struct simulation_forgery){ .flags = TCP_SYN, .from = 9 });
	try_to_send(simulation);
	assert_false(simulation_got(&simulation->server, "bob"));
	simulation_free(simulation);
}

static void a_syn_of_the_far_end_to_a_forgotten_connection_makes_no_client_of_it(void **state)
{
	struct simulation *simulation = promised();

	(void)state;
	assert_true(simulation_open(simulation));
	reset_in_vain(simulation);
	simulation_pass_time(simulation, FORGOTTEN_MS);
	(void)simulation_forge(simulation,
	                       &(struct simulation_forgery){ .flags = TCP_SYN, .from = 9 });
	try_to_send(simulation);
	assert_false(simulation_got(&simulation->server, "bob"));
	simulation_free(simulation);
}

static void a_forged_acknowledgement_hides_no_recipient_of_a_forgotten_connection(void **state)
{
	struct simulation *simulation = promised();

	(void)state;
	assert_true(simulation_open(simulation));
	reset_in_vain(simulation);
	simulation_pass_time(simulation, FORGOTTEN_MS);
	(void)simulation_server(simulation, "220 nobody.example ESMTP\r\n");
	(void)simulation_client(simulation, "EHLO client.example\r\n");
	(void)simulation_server(simulation, stripped);
	(void)simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n");
	(void)simulation_server(simulation, "250 ok\r\n");
	/* Of octets that the client has not even sent: "RCPT TO:<". */
	(void)simulation_forge(
		simulation,
		&(struct simulation_forgery){ .flags = TCP_ACK,
	                                      .from = (int64_t)simulation->server.sent_len,
	                                      .ack = (int64_t)simulation->client.sent_len + 9 });
	/* The far end needs none of the first nine octets. */
	memset(simulation->server.has + simulation->client.sent_len, 1, 9);
	(void)simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n");
	assert_null(memmem(simulation->server.got, sizeof(simulation->server.got), "bob", 3));
	simulation_free(simulation);
}

static void a_forged_answer_to_a_syn_makes_no_new_connection_of_a_forgotten_one(void **state)
{
	struct simulation *simulation = promised();

	(void)state;
	assert_true(simulation_open(simulation));
	reset_in_vain(simulation);
	simulation_pass_time(simulation, FORGOTTEN_MS);
	/* Its client was told that its recipient had arrived; the message comes next. */
	(void)simulation_forge(
		simulation, &(struct simulation_forgery){ .flags = TCP_SYN | TCP_ACK, .from = 9 });
	(void)simulation_server(simulation, "220 nobody.example ESMTP\r\n");
	(void)simulation_client(simulation, "DATA\r\n");
	assert_false(simulation_got(&simulation->server, "DATA"));
	simulation_free(simulation);
}

static void what_comes_from_the_far_side_is_not_the_clients(void **state)
{
	struct simulation *simulation = promised();

	(void)state;
	assert_true(simulation_open(simulation));
	(void)simulation_server(simulation, "220 nobody.example ESMTP\r\n");
	(void)simulation_client(simulation, "EHLO client.example\r\n");
	(void)simulation_server(simulation, stripped);
	(void)simulation_forge(simulation, &(struct simulation_forgery){
						   .is_client = true,
						   .flags = TCP_ACK,
						   .from = (int64_t)simulation->client.sent_len,
						   .ack = (int64_t)simulation->client.got_len,
						   .text = "BDAT 99999\r\n" });
	(void)simulation_client(
		simulation,
		"MAIL FROM:<alice@client.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n");
	assert_false(simulation_got(&simulation->server, "bob"));
	simulation_free(simulation);
}

static void a_recipient_that_comes_octet_by_octet_does_not_leave(void **state)
{
	static const char line[] = "RCPT TO:<bob@example.org>\r\n";
	struct simulation *simulation = promised();

	(void)state;
	assert_true(simulation_open(simulation));
	(void)simulation_server(simulation, "220 nobody.example ESMTP\r\n");
	(void)simulation_client(simulation, "EHLO client.example\r\n");
	(void)simulation_server(simulation, stripped);
	(void)simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n");
	(void)simulation_server(simulation, "250 ok\r\n");
	/* A client that waits for each octet to be acknowledged. */
	for (size_t i = 0; line[i] != '\0'; i++)
		(void)simulation_say(simulation, true, bytes_of(line + i, 1));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_UNDECIDED);
	assert_int_equal(simulation_finding(simulation)->action, ACTION_DEFER);
	assert_false(simulation_got(&simulation->server, "RCPT TO:<"));
	simulation_free(simulation);
}

/* In the server's name, before its client has said a word: by who need not even be on the path. */
static void who_speaks_before_a_client_does_not_keep_it_away(void **state)
{
	static const struct simulation_forgery before[] = {
		{ .is_lost = true, .flags = TCP_ACK, .from = 77, .ack = 99, .text = "220 me\r\n" },
		{ .is_lost = true, .flags = TCP_SYN | TCP_ACK, .from = 77, .ack = 99 },
		{ .is_lost = true, .flags = TCP_ACK | TCP_FIN, .from = 77, .ack = 99, .text = "." },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		struct simulation *simulation = promised();

		(void)simulation_forge(simulation, &before[i]);
		assert_true(simulation_open(simulation));
		assert_true(simulation_server(simulation, "220 nobody.example ESMTP\r\n"));
		assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
		assert_true(simulation_server(simulation, stripped));
		assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
		assert_true(simulation_server(simulation, "250 ok\r\n"));
		(void)simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n");
		assert_int_equal(simulation_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
		assert_false(simulation_got(&simulation->server, "bob"));
		simulation_free(simulation);
	}
}

/* Its client was told that its recipient had arrived; only the server has spoken since. */
static void a_syn_of_the_far_end_hides_not_that_a_connection_began_before_us(void **state)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	(void)state;
	simulation->config.fails_open = false;
	assert_true(simulation_open(simulation));
	(void)simulation_server(simulation, "220 nobody.example ESMTP\r\n");
	simulation_pass_time(simulation, FORGOTTEN_MS);
	(void)simulation_forge(simulation, &(struct simulation_forgery){
						   .is_lost = true,
						   .flags = TCP_ACK,
						   .from = (int64_t)simulation->server.sent_len,
						   .text = "250 ok\r\n" });
	(void)simulation_forge(
		simulation,
		&(struct simulation_forgery){ .is_client = true, .flags = TCP_SYN, .from = -1 });
	(void)simulation_forge(
		simulation,
		&(struct simulation_forgery){ .flags = TCP_SYN | TCP_ACK,
	                                      .from = (int64_t)simulation->server.sent_len - 1 });
	(void)simulation_server(simulation, "250 ok\r\n");
	(void)simulation_client(simulation, "DATA\r\n");
	assert_false(simulation_got(&simulation->server, "DATA"));
	simulation_free(simulation);
}

/* In the client's name, by the way of its server or by its own: the roles would be exchanged, and its words read as a server's. */
static void an_answer_in_the_clients_name_makes_no_server_of_it(void **state)
{
	(void)state;
	for (int is_inside = 0; is_inside < 2; is_inside++) {
		struct simulation *simulation = promised();

		assert_true(simulation_open(simulation));
		simulation_pass_time(simulation, FORGOTTEN_MS);
		assert_false(simulation_forge(
			simulation, &(struct simulation_forgery){ .is_client = true,
		                                                  .is_lost = true,
		                                                  .is_inside = is_inside,
		                                                  .flags = TCP_SYN | TCP_ACK,
		                                                  .from = -1 }));
		try_to_send(simulation);
		assert_false(simulation_got(&simulation->server, "bob"));
		assert_int_equal(simulation_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
		simulation_free(simulation);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_syn_of_the_far_end_makes_no_client_of_it),
		cmocka_unit_test(a_syn_of_the_far_end_is_no_answer_whatever_number_it_has),
		cmocka_unit_test(a_syn_of_the_far_end_behind_a_forged_reset_makes_no_client_of_it),
		cmocka_unit_test(
			a_syn_of_the_far_end_to_a_forgotten_connection_makes_no_client_of_it),
		cmocka_unit_test(
			a_forged_acknowledgement_hides_no_recipient_of_a_forgotten_connection),
		cmocka_unit_test(
			a_forged_answer_to_a_syn_makes_no_new_connection_of_a_forgotten_one),
		cmocka_unit_test(what_comes_from_the_far_side_is_not_the_clients),
		cmocka_unit_test(a_recipient_that_comes_octet_by_octet_does_not_leave),
		cmocka_unit_test(who_speaks_before_a_client_does_not_keep_it_away),
		cmocka_unit_test(a_syn_of_the_far_end_hides_not_that_a_connection_began_before_us),
		cmocka_unit_test(an_answer_in_the_clients_name_makes_no_server_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
