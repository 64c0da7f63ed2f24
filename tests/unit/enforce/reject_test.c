/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/reject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "refused_client.h"

static void a_client_that_closes_after_the_reply_is_acknowledged(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	client_acknowledges(world, 5);
	client_says(world, "QUIT\r\n", 0, 6);
	assert_int_equal(world->client.acknowledged, 1106);
	client_says(world, "", TCP_FIN, 7);
	assert_int_equal(world->client.acknowledged, 1107);
	assert_int_equal(last_sent(world)->seq, 2000 + REPLY_LEN + 1);
	assert_int_equal(count_sent(world, true, TCP_RST), 0);
}

static void reply_and_end_may_be_acknowledged_by_the_clients_own_end(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	client_says(world, "QUIT\r\n", TCP_FIN, 6);
	assert_int_equal(world->client.acknowledged, 1107);
	assert_int_equal(world->sent_count, 2);
}

static void a_repeated_end_of_the_client_is_acknowledged_however_late(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();
	size_t i;

	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	client_says(world, "", TCP_FIN, 6);
	for (i = 1; i <= 5; i++) {
		world->client.send_next--;
		world->client.acknowledged = 1100;
		client_says(world, "", TCP_FIN, i * 20000);
		assert_int_equal(world->client.acknowledged, 1101);
	}
	assert_int_equal(count_sent(world, true, TCP_RST), 0);
}

static void ends_that_cross_each_other_are_both_acknowledged(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start_with(world, &start);
	world->lose = 1;
	refusal_begin(world->refusal, false, 0);
	client_says(world, "", TCP_FIN, 6);
	assert_int_equal(world->client.acknowledged, 1101);
	assert_int_equal(last_sent(world)->payload.len, 0);
	refusal_tick(world->refusal, 200);
	assert_heard(world, REPLY);
	client_acknowledges(world, 201);
	assert_true(refusal_tick(world->refusal, 100000) == UINT64_MAX);
}

static void a_client_that_writes_before_it_reads_is_not_reset(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	client_acknowledges(world, 5);
	client_says(world, "RCPT TO:<x@y>\r\n", 0, REFUSAL_LINGER_MS);
	assert_int_equal(world->client.acknowledged, 1115);
	assert_false(world->client.is_reset);
}

static void a_client_that_never_stops_is_reset(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	client_acknowledges(world, 5);
	client_says(world, "RCPT TO:<x@y>\r\n", 0, 5 + REFUSAL_LINGER_MS);
	assert_true(world->client.is_reset);
	world->client.is_reset = false;
	client_says(world, "more", 0, 6 + REFUSAL_LINGER_MS);
	assert_true(world->client.is_reset);
}

static void bare_acknowledgements_of_a_done_client_get_no_answer(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	client_acknowledges(world, 5);
	client_acknowledges(world, 6);
	client_acknowledges(world, 60000);
	assert_int_equal(world->sent_count, 1);
}

static void a_keep_alive_of_a_client_that_stays_open_is_answered(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	client_acknowledges(world, 5);
	world->client.send_next--;
	client_acknowledges(world, 100);
	assert_int_equal(world->sent_count, 2);
	assert_int_equal(last_sent(world)->flags, TCP_ACK);
	client_acknowledges(world, 60000);
	assert_true(last_sent(world)->flags & TCP_RST);
	assert_true(world->client.is_reset);
}

static void a_client_that_cannot_take_the_reply_is_reset_in_the_end(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();
	uint64_t next_ms = 0;
	size_t ticks = 0;

	start_with(world, &start);
	world->lose = 1 + REFUSAL_RESENDS_MAX;
	refusal_begin(world->refusal, false, 0);
	for (; next_ms != UINT64_MAX && ticks < 100; ticks++)
		next_ms = refusal_tick(world->refusal, next_ms);
	assert_int_equal(world->sent_count, 1 + REFUSAL_RESENDS_MAX + 1);
	assert_true(world->client.is_reset);
	assert_false(refusal_is_over(world->refusal, 100000));
}

static void the_server_is_reset_at_its_last_acknowledgement(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start_with(world, &start);
	assert_int_equal(refusal_server_seq(world->refusal), 1050);
	refusal_begin(world->refusal, true, 0);
	assert_int_equal(count_sent(world, false, 0), 1);
	assert_int_equal(last_sent(world)->seq, 1050);
	assert_int_equal(last_sent(world)->flags, TCP_RST);
	assert_int_equal(last_sent(world)->destination.port, 25);
	assert_int_equal(last_sent(world)->source.port, 40112);
	assert_true(address_equal(&last_sent(world)->source.address, &start.client.address));
}

static void a_rewritten_packet_that_resets_the_server_is_not_doubled(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	assert_int_equal(count_sent(world, false, 0), 0);
}

static void a_challenge_of_the_server_is_met_at_what_it_acknowledges(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();
	const struct segment challenge = { .seq = 2000, .ack = 1080, .flags = TCP_ACK };

	start_with(world, &start);
	refusal_begin(world->refusal, true, 0);
	refusal_answer(world->refusal, &challenge, false, 10);
	assert_int_equal(count_sent(world, false, TCP_RST), 2);
	assert_int_equal(last_sent(world)->seq, 1080);
	assert_int_equal(refusal_server_seq(world->refusal), 1080);
}

static void each_segment_of_the_server_gets_a_reset_but_a_reset_none(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();
	struct segment segment = { .seq = 2000, .ack = 1050, .flags = TCP_ACK | TCP_PSH };

	start_with(world, &start);
	segment.payload = bytes_of_string("250 OK\r\n");
	refusal_answer(world->refusal, &segment, false, 10);
	refusal_answer(world->refusal, &segment, false, 20);
	assert_int_equal(world->sent_count, 2);
	segment.flags = TCP_RST | TCP_ACK;
	refusal_answer(world->refusal, &segment, false, 30);
	segment.flags = TCP_RST;
	refusal_answer(world->refusal, &segment, false, 30);
	assert_int_equal(world->sent_count, 2);
	assert_int_equal(count_sent(world, true, 0), 0);
}

static void in_tls_both_sides_are_reset_and_no_word_is_said(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start.is_tls = true;
	start_with(world, &start);
	refusal_begin(world->refusal, true, 0);
	assert_true(world->client.is_reset);
	assert_int_equal(count_sent(world, true, 0), 1);
	assert_int_equal(count_sent(world, true, TCP_RST), 1);
	assert_int_equal(count_sent(world, false, TCP_RST), 1);
	assert_int_equal(world->client.heard_len, 0);
}

static void in_tls_a_client_that_lost_some_is_reset_too(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start.is_tls = true;
	start.client_acked -= 100;
	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	assert_true(world->client.is_reset);

	start_with(world, &start);
	world->client.receive_next = start.server_next;
	refusal_begin(world->refusal, false, 0);
	assert_true(world->client.is_reset);
}

static void in_tls_a_challenge_of_the_client_is_met_at_what_it_acknowledges(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start.is_tls = true;
	start.client_acked -= 100;
	start_with(world, &start);
	world->client.receive_next = start.server_next - 40;
	refusal_begin(world->refusal, false, 0);
	assert_false(world->client.is_reset);
	client_acknowledges(world, 1);
	assert_true(world->client.is_reset);
}

static void in_tls_a_lost_reset_is_repeated_a_few_times(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();
	uint64_t next_ms = 0;
	size_t ticks = 0;

	start.is_tls = true;
	start_with(world, &start);
	world->lose = REFUSAL_RESETS_MAX - 1;
	refusal_begin(world->refusal, false, 0);
	for (; next_ms != UINT64_MAX && ticks < 100; ticks++)
		next_ms = refusal_tick(world->refusal, next_ms);
	assert_true(world->client.is_reset);
	assert_int_equal(world->sent_count, REFUSAL_RESETS_MAX);
}

static void a_client_that_resets_is_left_alone(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();
	const struct segment reset = { .seq = 1100, .flags = TCP_RST };

	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	refusal_answer(world->refusal, &reset, true, 10);
	assert_true(refusal_tick(world->refusal, 100000) == UINT64_MAX);
	assert_int_equal(world->sent_count, 1);
	assert_false(refusal_is_over(world->refusal, 9 + REFUSAL_DONE_LIFE_MS));
	assert_true(refusal_is_over(world->refusal, 10 + REFUSAL_DONE_LIFE_MS));
}

static void a_new_connection_of_the_client_ends_the_tombstone(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();
	const struct segment syn = { .seq = 777777, .flags = TCP_SYN };

	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	assert_false(refusal_is_over(world->refusal, 10));
	refusal_answer(world->refusal, &syn, true, 10);
	assert_true(refusal_is_over(world->refusal, 10));
	assert_int_equal(world->sent_count, 1);
	assert_true(refusal_tick(world->refusal, 100000) == UINT64_MAX);
}

static void the_tombstone_stays_as_long_as_a_sender_repeats(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	assert_false(refusal_is_over(world->refusal, REFUSAL_LIFE_MS - 1));
	assert_true(refusal_is_over(world->refusal, REFUSAL_LIFE_MS));
	client_acknowledges(world, 5);
	assert_false(refusal_is_over(world->refusal, 4 + REFUSAL_DONE_LIFE_MS));
	assert_true(refusal_is_over(world->refusal, 5 + REFUSAL_DONE_LIFE_MS));
}

/* One answer for one segment, one burst for progress: nobody can be flooded by our answers. */
static void no_segment_draws_more_than_a_burst(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();
	uint32_t dice = 12345;
	size_t i;

	start.segment_max = 2;
	start_with(world, &start);
	refusal_begin(world->refusal, true, 0);
	for (i = 0; i < 200000; i++) {
		struct segment segment = { 0 };
		bool is_from_client;

		dice = dice * 1664525 + 1013904223;
		is_from_client = dice >> 31;
		segment.seq = 1090 + (dice >> 8 & 31);
		segment.ack = (is_from_client ? 1995 : 1040) + (dice >> 13 & 127);
		segment.flags = (uint8_t)(dice >> 20 & (TCP_FIN | TCP_ACK | TCP_PSH));
		segment.window = (uint16_t)(dice >> 27 & 1);
		segment.payload = bytes_of(REPLY, dice >> 3 & 15);
		world->sent_count = 0;
		refusal_answer(world->refusal, &segment, is_from_client, i);
		assert_in_range(world->sent_count, 0, REFUSAL_BURST_MAX + 1);
		if (!is_from_client)
			assert_in_range(world->sent_count, 0, 1);
		world->sent_count = 0;
		refusal_tick(world->refusal, i);
		assert_in_range(world->sent_count, 0, REFUSAL_BURST_MAX);
		world->client.heard_len = 0;
		if (i % 1000 == 0)
			start_with(world, &start);
	}
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up_world, tear_down_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_WORLD(a_client_that_closes_after_the_reply_is_acknowledged),
		IN_A_WORLD(reply_and_end_may_be_acknowledged_by_the_clients_own_end),
		IN_A_WORLD(a_repeated_end_of_the_client_is_acknowledged_however_late),
		IN_A_WORLD(ends_that_cross_each_other_are_both_acknowledged),
		IN_A_WORLD(a_client_that_writes_before_it_reads_is_not_reset),
		IN_A_WORLD(a_client_that_never_stops_is_reset),
		IN_A_WORLD(bare_acknowledgements_of_a_done_client_get_no_answer),
		IN_A_WORLD(a_keep_alive_of_a_client_that_stays_open_is_answered),
		IN_A_WORLD(a_client_that_cannot_take_the_reply_is_reset_in_the_end),
		IN_A_WORLD(the_server_is_reset_at_its_last_acknowledgement),
		IN_A_WORLD(a_rewritten_packet_that_resets_the_server_is_not_doubled),
		IN_A_WORLD(a_challenge_of_the_server_is_met_at_what_it_acknowledges),
		IN_A_WORLD(each_segment_of_the_server_gets_a_reset_but_a_reset_none),
		IN_A_WORLD(in_tls_both_sides_are_reset_and_no_word_is_said),
		IN_A_WORLD(in_tls_a_client_that_lost_some_is_reset_too),
		IN_A_WORLD(in_tls_a_challenge_of_the_client_is_met_at_what_it_acknowledges),
		IN_A_WORLD(in_tls_a_lost_reset_is_repeated_a_few_times),
		IN_A_WORLD(a_client_that_resets_is_left_alone),
		IN_A_WORLD(a_new_connection_of_the_client_ends_the_tombstone),
		IN_A_WORLD(the_tombstone_stays_as_long_as_a_sender_repeats),
		IN_A_WORLD(no_segment_draws_more_than_a_burst),
	};

	return cmocka_run_group_tests_name("enforce/reject", tests, NULL, NULL);
}
