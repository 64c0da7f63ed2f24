/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/simulation.h"

/*
 * Segments that a receiver may take otherwise than we read them. In each: what passes is what was read, or nothing. The rows of
 * docs/evasions.md name these tests.
 */

static const char stripped[] = "250-nobody.example\r\n250 SIZE 1000\r\n";

/* The far end calls itself what leads nowhere: only a recipient tells whose hop it is. */
static struct simulation *promised(void)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
	simulation_promise(simulation, "example.net", "mx1.example.net", PROMISE_NONE);
	simulation_promise(simulation, "nobody.example", "nobody.example", PROMISE_NONE);
	return simulation;
}

static struct simulation *opened(void)
{
	struct simulation *simulation = promised();

	assert_true(simulation_open(simulation));
	return simulation;
}

static bool forge(struct simulation *simulation, uint8_t flags, int64_t from, int64_t ack,
                  const char *text)
{
	return simulation_forge(simulation,
	                        &(struct simulation_forgery){
					.flags = flags, .from = from, .ack = ack, .text = text });
}

/* Of the client itself. */
static bool client_sends(struct simulation *simulation, uint8_t flags, int64_t from, int64_t ack)
{
	return simulation_forge(simulation, &(struct simulation_forgery){ .is_client = true,
	                                                                  .is_inside = true,
	                                                                  .flags = flags,
	                                                                  .from = from,
	                                                                  .ack = ack });
}

static void assert_got_exactly(const struct simulation_peer *peer, const char *text)
{
	assert_int_equal(peer->got_len, strlen(text));
	assert_memory_equal(peer->got, text, peer->got_len);
}

/* An honest dialogue from the banner on; a stranger's recipient passes, and one with a promise does not. */
static void assert_all_is_read(struct simulation *simulation)
{
	assert_true(simulation_server(simulation, "220 nobody.example ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, stripped));
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_true(simulation_client(simulation, "RCPT TO:<ann@example.net>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_null(simulation_finding(simulation));
	assert_false(simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n"));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
	assert_false(simulation_got(&simulation->server, "bob"));
	simulation_free(simulation);
}

static void no_urgent_pointer_passes_wherever_it_stands(void **state)
{
	static const struct {
		uint8_t flags;
		int64_t from;
		const char *text;
		bool is_unopened;
	} cases[] = {
		{ TCP_ACK | TCP_URG, 0, NULL, false },
		{ TCP_ACK | TCP_URG, 0, "220 nobody.example ESMTP\r\n", false },
		{ TCP_ACK | TCP_URG | TCP_FIN, 0, NULL, false },
		{ TCP_ACK | TCP_URG | TCP_SYN, -1, NULL, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct simulation *simulation = cases[i].is_unopened ? promised() : opened();

		if (cases[i].is_unopened)
			assert_true(client_sends(simulation, TCP_SYN, -1, 0));
		assert_true(forge(simulation, cases[i].flags, cases[i].from, 0, cases[i].text));
		assert_false(simulation->client.got_urgent);
		simulation_free(simulation);
	}
}

static void an_urgent_pointer_of_a_connection_that_nobody_knows_does_not_pass(void **state)
{
	struct simulation *simulation = promised();

	(void)state;
	assert_true(forge(simulation, TCP_ACK | TCP_URG, 0, 0, NULL));
	assert_false(simulation->client.got_urgent);
	simulation_free(simulation);
}

static void octets_before_the_answer_to_a_syn_are_nobodys(void **state)
{
	struct simulation *simulation = promised();

	(void)state;
	assert_true(client_sends(simulation, TCP_SYN, -1, 0));
	assert_false(forge(simulation, TCP_ACK, -10, 0, "220 xyz.\r\n"));
	assert_false(forge(simulation, TCP_ACK | TCP_FIN, -10, 0, NULL));
	assert_true(simulation_open(simulation));
	assert_all_is_read(simulation);
}

static void octets_before_the_client_took_the_answer_to_its_syn_are_nobodys(void **state)
{
	struct simulation *simulation = promised();

	(void)state;
	assert_true(client_sends(simulation, TCP_SYN, -1, 0));
	assert_true(forge(simulation, TCP_SYN | TCP_ACK, -1, 0, NULL));
	assert_false(forge(simulation, TCP_ACK, 0, 0, "220 xyz.\r\n"));
	assert_true(simulation_open(simulation));
	assert_all_is_read(simulation);
}

/* The one with fewer octets before the banner dies on its way, or the client has taken the other before. */
static void of_several_answers_to_a_syn_the_client_says_which_counts(void **state)
{
	static const int64_t others[] = { -11, 9 };

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		for (int is_first = 0; is_first < 2; is_first++) {
			struct simulation *simulation = promised();

			assert_true(client_sends(simulation, TCP_SYN, -1, 0));
			if (!is_first)
				(void)forge(simulation, TCP_SYN | TCP_ACK, -1, 0, NULL);
			(void)forge(simulation, TCP_SYN | TCP_ACK, others[i], 0, NULL);
			if (is_first)
				(void)forge(simulation, TCP_SYN | TCP_ACK, -1, 0, NULL);
			assert_true(client_sends(simulation, TCP_ACK, 0, 0));
			/* For a client that took the other it would be the banner. */
			(void)forge(simulation, TCP_ACK, -10, 0, "220 xyz.\r\n");
			assert_all_is_read(simulation);
		}
	}
}

static void an_answer_to_a_syn_that_its_client_did_not_take_does_not_pass_later(void **state)
{
	struct simulation *simulation = opened();

	(void)state;
	assert_false(forge(simulation, TCP_SYN | TCP_ACK, -11, 0, NULL));
	assert_false(forge(simulation, TCP_SYN | TCP_ACK, -1, 7, NULL));
	assert_true(forge(simulation, TCP_SYN | TCP_ACK, -1, 0, NULL));
	assert_all_is_read(simulation);
}

static void flags_that_no_receiver_takes_do_not_pass(void **state)
{
	static const uint8_t flags[] = {
		0,       TCP_PSH,           TCP_FIN,           TCP_URG | TCP_PSH | TCP_FIN,
		TCP_SYN, TCP_SYN | TCP_FIN, TCP_SYN | TCP_RST, TCP_SYN | TCP_ACK | TCP_FIN,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		struct simulation *simulation = opened();

		assert_false(forge(simulation, flags[i], 0, 0, "220 xyz.\r\n"));
		assert_false(forge(simulation, flags[i], 0, 0, NULL));
		assert_all_is_read(simulation);
	}
}

/* Where a SYN is awaited, nothing but such flags tells it from one. */
static void a_syn_that_is_an_end_as_well_begins_nothing(void **state)
{
	static const uint8_t ends[] = { TCP_FIN, TCP_RST };

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct simulation *simulation = simulation_new(4, CUT_NONE, 1);
		const struct simulation_forgery syn = {
			.is_client = true, .is_inside = true, .flags = TCP_SYN | ends[i], .from = -1
		};
		const struct simulation_forgery answer = { .flags = TCP_SYN | TCP_ACK | ends[i],
			                                   .from = -1 };

		assert_false(simulation_forge(simulation, &syn));
		assert_int_equal(gate_counters(simulation->gate)->flows_opened, 0);
		assert_true(simulation_forge(simulation,
		                             &(struct simulation_forgery){ .is_client = true,
		                                                           .is_inside = true,
		                                                           .flags = TCP_SYN,
		                                                           .from = -1 }));
		assert_false(simulation_forge(simulation, &answer));
		simulation_free(simulation);
	}
}

static void behind_a_fin_there_is_nothing(void **state)
{
	struct simulation *simulation = opened();

	(void)state;
	assert_true(simulation_server(simulation, "220 nobody.example ESMTP\r\n"));
	assert_true(forge(simulation, TCP_ACK | TCP_FIN, 26, 0, NULL));
	assert_false(forge(simulation, TCP_ACK, 26, 0, "250 more\r\n"));
	assert_false(forge(simulation, TCP_ACK, 20, 0, "SMTP\r\n250 more\r\n"));
	assert_true(forge(simulation, TCP_ACK | TCP_FIN, 26, 0, NULL));
	assert_got_exactly(&simulation->client, "220 nobody.example ESMTP\r\n");
	simulation_free(simulation);
}

static void a_fin_passes_only_where_the_octets_end(void **state)
{
	struct simulation *simulation = opened();

	(void)state;
	assert_true(simulation_server(simulation, "220 nobody.example ESMTP\r\n"));
	assert_false(forge(simulation, TCP_ACK | TCP_FIN, 5, 0, NULL));
	assert_false(forge(simulation, TCP_ACK | TCP_FIN, 200, 0, NULL));
	assert_false(forge(simulation, TCP_ACK | TCP_FIN, 30, 0, "250 more\r\n"));
	assert_false(simulation->client.got_fin);
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	simulation_free(simulation);
}

static void a_reset_carries_no_octets(void **state)
{
	struct simulation *simulation = opened();

	(void)state;
	assert_true(forge(simulation, TCP_RST, 0, 0, "250 because\r\n"));
	assert_got_exactly(&simulation->client, "");
	assert_true(simulation->client.got_reset);
	simulation_free(simulation);

	simulation = promised();
	assert_true(forge(simulation, TCP_RST | TCP_ACK, 0, 0, "250 because\r\n"));
	assert_got_exactly(&simulation->client, "");
	simulation_free(simulation);
}

static void a_reset_out_of_window_does_not_pass(void **state)
{
	struct simulation *simulation = opened();

	(void)state;
	assert_true(simulation_server(simulation, "220 nobody.example ESMTP\r\n"));
	assert_false(forge(simulation, TCP_RST, 5, 0, NULL));
	assert_false(forge(simulation, TCP_RST, 5LL * 1024 * 1024 * 1024 / 4, 0, NULL));
	assert_false(forge(simulation, TCP_RST, -1, 0, NULL));
	simulation_free(simulation);
}

/* Who does not see the connection has one chance in 2^32 to end it, with us in between, too. */
static void a_reset_beyond_what_was_said_is_not_made_to_fit(void **state)
{
	struct simulation *simulation = opened();

	(void)state;
	assert_true(forge(simulation, TCP_RST, 100, 0, NULL));
	assert_true(forge(simulation, TCP_RST | TCP_ACK, 7000, 0, NULL));
	assert_false(simulation->client.got_reset);
	assert_all_is_read(simulation);
}

/* It dies on its way, and its client waits longer than a connection that is over is kept. */
static void a_reset_that_the_client_did_not_get_ends_nothing(void **state)
{
	struct simulation *simulation = promised();

	(void)state;
	/* Here a connection of which nothing is known would pass. */
	simulation->config.fails_open = true;
	assert_true(simulation_open(simulation));
	assert_true(simulation_server(simulation, "220 nobody.example ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, stripped));
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_true(simulation_client(simulation, "RCPT TO:<ann@example.net>\r\n"));
	(void)forge(simulation, TCP_RST, (int64_t)simulation->server.sent_len, 0, NULL);
	simulation->client.got_reset = false;
	simulation_pass_time(simulation, 9 * 60 * 1000);
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_false(simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n"));
	assert_int_equal(simulation_last_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
	assert_false(simulation_got(&simulation->server, "bob"));
	simulation_free(simulation);
}

static void a_refusal_that_answers_no_syn_does_not_pass(void **state)
{
	struct simulation *simulation = promised();

	(void)state;
	assert_true(client_sends(simulation, TCP_SYN, -1, 0));
	assert_false(forge(simulation, TCP_RST | TCP_ACK, 0, 99, NULL));
	assert_false(forge(simulation, TCP_RST, 0, 0, NULL));
	assert_true(forge(simulation, TCP_RST | TCP_ACK, 0, 0, NULL));
	/* One that does ends nothing either: the client may not have got it. */
	simulation->client.got_reset = false;
	assert_true(simulation_open(simulation));
	assert_all_is_read(simulation);
}

/* Same ports, other numbers, and nothing of the old one's end was seen. */
static void begin_anew(struct simulation *simulation, uint32_t distance)
{
	uint32_t client_seq = simulation->client.first_seq + distance;
	uint32_t server_seq = simulation->server.first_seq - distance;

	memset(&simulation->client, 0, sizeof(simulation->client));
	memset(&simulation->server, 0, sizeof(simulation->server));
	simulation->client.first_seq = client_seq;
	simulation->server.first_seq = server_seq;
}

static void a_port_used_again_begins_another_connection(void **state)
{
	static const uint32_t distances[] = { 1, 10, 5000, 1u << 31, 0u - 10, 0u - 70000 };

	(void)state;
	for (size_t i = 0; i < sizeof(distances) / sizeof(distances[0]); i++) {
		struct simulation *simulation = opened();

		assert_true(simulation_server(simulation, "220 nobody.example ESMTP\r\n"));
		assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
		begin_anew(simulation, distances[i]);
		assert_true(simulation_open(simulation));
		assert_all_is_read(simulation);
	}
}

/* RFC 9293 section 3.5.1: the server still has the old one, answers where that stands, and is reset. */
static void a_server_that_has_the_old_connection_yet_hears_that_it_is_over(void **state)
{
	struct simulation *simulation = opened();

	(void)state;
	assert_true(simulation_server(simulation, "220 nobody.example ESMTP\r\n"));
	begin_anew(simulation, 5000);
	assert_true(client_sends(simulation, TCP_SYN, -1, 0));
	assert_true(forge(simulation, TCP_ACK, 5026, -5000, NULL));
	assert_true(client_sends(simulation, TCP_RST, -5000, 0));
	assert_true(simulation_open(simulation));
	assert_all_is_read(simulation);
}

static void a_port_used_again_right_after_a_refusal_is_judged_anew(void **state)
{
	struct simulation *simulation = opened();

	(void)state;
	assert_true(simulation_server(simulation, "220 nobody.example ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, stripped));
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_false(simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n"));
	begin_anew(simulation, 5000);
	simulation->event_count = 0;
	assert_true(simulation_open(simulation));
	assert_all_is_read(simulation);
}

static void a_syn_in_the_clients_name_by_another_way_ends_nothing(void **state)
{
	struct simulation *simulation = opened();

	(void)state;
	assert_false(simulation_forge(
		simulation,
		&(struct simulation_forgery){ .is_client = true, .flags = TCP_SYN, .from = 77 }));
	assert_false(simulation_forge(simulation, &(struct simulation_forgery){ .is_client = true,
	                                                                        .is_aside = true,
	                                                                        .flags = TCP_SYN,
	                                                                        .from = 78 }));
	assert_all_is_read(simulation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_urgent_pointer_passes_wherever_it_stands),
		cmocka_unit_test(an_urgent_pointer_of_a_connection_that_nobody_knows_does_not_pass),
		cmocka_unit_test(octets_before_the_answer_to_a_syn_are_nobodys),
		cmocka_unit_test(octets_before_the_client_took_the_answer_to_its_syn_are_nobodys),
		cmocka_unit_test(of_several_answers_to_a_syn_the_client_says_which_counts),
		cmocka_unit_test(
			an_answer_to_a_syn_that_its_client_did_not_take_does_not_pass_later),
		cmocka_unit_test(flags_that_no_receiver_takes_do_not_pass),
		cmocka_unit_test(a_syn_that_is_an_end_as_well_begins_nothing),
		cmocka_unit_test(behind_a_fin_there_is_nothing),
		cmocka_unit_test(a_fin_passes_only_where_the_octets_end),
		cmocka_unit_test(a_reset_carries_no_octets),
		cmocka_unit_test(a_reset_out_of_window_does_not_pass),
		cmocka_unit_test(a_reset_beyond_what_was_said_is_not_made_to_fit),
		cmocka_unit_test(a_reset_that_the_client_did_not_get_ends_nothing),
		cmocka_unit_test(a_refusal_that_answers_no_syn_does_not_pass),
		cmocka_unit_test(a_port_used_again_begins_another_connection),
		cmocka_unit_test(a_server_that_has_the_old_connection_yet_hears_that_it_is_over),
		cmocka_unit_test(a_port_used_again_right_after_a_refusal_is_judged_anew),
		cmocka_unit_test(a_syn_in_the_clients_name_by_another_way_ends_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
