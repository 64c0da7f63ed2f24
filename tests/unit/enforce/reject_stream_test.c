/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/reject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "refused_client.h"

static void the_client_hears_the_reply_and_then_the_end(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start_with(world, &start);
	assert_int_equal(world->sent_count, 0);
	refusal_begin(world->refusal, false, 0);
	assert_heard(world, REPLY);
	assert_int_equal(world->sent_count, 1);
	assert_int_equal(last_sent(world)->window, 500);
	assert_true(address_equal(&last_sent(world)->source.address, &start.server.address));
	assert_int_equal(last_sent(world)->destination.port, 40112);
}

static void all_that_the_client_sent_is_acknowledged(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	assert_int_equal(world->client.acknowledged, 1100);
}

static void an_acknowledged_reply_is_not_repeated(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	client_acknowledges(world, 5);
	assert_true(refusal_tick(world->refusal, 100000) == UINT64_MAX);
	assert_int_equal(world->sent_count, 1);
}

static void a_lost_reply_is_repeated_ever_more_slowly(void **state)
{
	const uint64_t due[] = { 200, 600, 1400, 3000, 6200, 12600, 20600, 28600 };
	struct world *world = *state;
	struct refusal_start start = plain_start();
	size_t i;

	start_with(world, &start);
	world->lose = 8;
	refusal_begin(world->refusal, false, 0);
	for (i = 0; i < sizeof(due) / sizeof(due[0]); i++) {
		assert_int_equal(refusal_tick(world->refusal, due[i] - 1), due[i]);
		assert_int_equal(world->sent_count, i + 1);
		assert_false(world->client.has_end);
		refusal_tick(world->refusal, due[i]);
		assert_int_equal(world->sent_count, i + 2);
	}
	assert_heard(world, REPLY);
}

static void a_reply_without_its_end_is_not_taken_as_acknowledged(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	world->client.receive_next--;
	client_acknowledges(world, 5);
	refusal_tick(world->refusal, 205);
	assert_int_equal(world->sent_count, 2);
	assert_int_equal(last_sent(world)->payload.len, 0);
	assert_int_equal(last_sent(world)->seq, 2000 + REPLY_LEN);
	assert_true(last_sent(world)->flags & TCP_FIN);
}

static void what_the_server_said_and_was_lost_comes_before_the_reply(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();
	char whole[sizeof(UNDELIVERED) + sizeof(REPLY)];

	start.client_acked -= UNDELIVERED_LEN;
	start.undelivered = bytes_of_string(UNDELIVERED);
	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	strcpy(whole, UNDELIVERED);
	strcat(whole, REPLY);
	assert_heard(world, whole);
}

static void the_undelivered_is_copied(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();
	uint8_t *octets = malloc(UNDELIVERED_LEN);

	assert_non_null(octets);
	memcpy(octets, UNDELIVERED, UNDELIVERED_LEN);
	start.client_acked -= UNDELIVERED_LEN;
	start.undelivered = bytes_of(octets, UNDELIVERED_LEN);
	start_with(world, &start);
	free(octets);
	refusal_begin(world->refusal, false, 0);
	assert_memory_equal(world->client.heard, UNDELIVERED, UNDELIVERED_LEN);
}

static void undelivered_octets_that_were_not_kept_leave_the_reply_behind_them(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start.client_acked -= UNDELIVERED_LEN;
	start_with(world, &start);
	world->client.receive_next =
		start.server_next; /* it had them: its acknowledgement is late */
	refusal_begin(world->refusal, false, 0);
	assert_int_equal(world->sent[0].craft.seq, 2000);
	assert_heard(world, REPLY);
	client_acknowledges(world, 5);
	assert_true(refusal_tick(world->refusal, 100000) == UINT64_MAX);
}

static void undelivered_octets_of_the_wrong_length_are_not_sent(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start.client_acked -= UNDELIVERED_LEN + 3;
	start.undelivered = bytes_of_string(UNDELIVERED);
	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	assert_int_equal(world->sent[0].craft.seq, 2000);
	assert_int_equal(world->sent[0].craft.payload.len, REPLY_LEN);
}

static void only_what_the_client_still_misses_is_repeated(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();
	struct segment partial = { .seq = 1100, .ack = 2010, .window = 100, .flags = TCP_ACK };

	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	refusal_answer(world->refusal, &partial, true, 50);
	assert_int_equal(world->sent_count, 1);
	refusal_tick(world->refusal, 249);
	assert_int_equal(world->sent_count, 1);
	refusal_tick(world->refusal, 250);
	assert_int_equal(last_sent(world)->seq, 2010);
	assert_int_equal(last_sent(world)->payload.len, REPLY_LEN - 10);
	assert_memory_equal(last_sent(world)->payload.data, REPLY + 10, REPLY_LEN - 10);
}

static void progress_starts_the_waiting_anew(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();
	struct segment partial = { .seq = 1100, .ack = 2010, .window = 100, .flags = TCP_ACK };

	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	refusal_tick(world->refusal, 200);
	refusal_tick(world->refusal, 600);
	refusal_answer(world->refusal, &partial, true, 700);
	assert_int_equal(refusal_tick(world->refusal, 700), 900);
}

static void acknowledgements_of_what_was_never_sent_change_nothing(void **state)
{
	const uint32_t acks[] = { 1999, 1000, 2000 + REPLY_LEN + 2, 0x80000000 };
	const struct segment not_an_acknowledgement = { .seq = 1100, .ack = 2000 + REPLY_LEN + 1 };
	struct world *world = *state;
	struct refusal_start start = plain_start();
	size_t i;

	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	for (i = 0; i < sizeof(acks) / sizeof(acks[0]); i++) {
		struct segment wild = {
			.seq = 1100, .ack = acks[i], .window = 9, .flags = TCP_ACK
		};

		refusal_answer(world->refusal, &wild, true, 10);
	}
	refusal_answer(world->refusal, &not_an_acknowledgement, true, 10);
	assert_int_equal(world->sent_count, 1);
	refusal_tick(world->refusal, 200);
	assert_int_equal(world->sent_count, 2);
	assert_int_equal(last_sent(world)->seq, 2000);
	assert_int_equal(last_sent(world)->payload.len, REPLY_LEN);
}

static void repetitions_of_held_data_get_no_answer_before_our_end_is_acknowledged(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();
	size_t i;

	start_with(world, &start);
	world->is_mute = true;
	refusal_begin(world->refusal, true, 0);
	for (i = 0; i < 5; i++) {
		world->client.send_next = 1080;
		client_says(world, "MAIL FROM:<a@b>\r\n", 0, 100);
	}
	assert_int_equal(count_sent(world, true, 0), 1);
	assert_int_equal(count_sent(world, true, TCP_RST), 0);
}

static void what_the_client_adds_is_acknowledged_by_the_repetition(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start_with(world, &start);
	world->lose = 1;
	refusal_begin(world->refusal, false, 0);
	client_says(world, "RCPT TO:<x@y>\r\n", 0, 100);
	refusal_tick(world->refusal, 200);
	assert_int_equal(world->client.acknowledged, 1115);
	assert_heard(world, REPLY);
}

static void what_lies_behind_a_gap_is_not_acknowledged(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start_with(world, &start);
	world->lose = 1;
	refusal_begin(world->refusal, false, 0);
	world->client.send_next += 10;
	client_says(world, "RCPT TO:<x@y>\r\n", 0, 100);
	refusal_tick(world->refusal, 200);
	assert_int_equal(world->client.acknowledged, 1100);
}

static void timestamps_never_run_below_the_servers_last(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();
	struct segment again;

	start.has_timestamps = true;
	start.server_timestamp = 0xfffffffe;
	start.client_timestamp = 700;
	start_with(world, &start);
	world->lose = 1;
	refusal_begin(world->refusal, false, 0);
	assert_int_equal(last_sent(world)->timestamp_echo, 700);

	again = client_segment(world, "x", 0);
	again.seq -= 1;
	again.has_timestamps = true;
	again.timestamp_value = 900;
	again.timestamp_echo = 0xfffffffe;
	refusal_answer(world->refusal, &again, true, 100);
	again.timestamp_value = 800;
	refusal_answer(world->refusal, &again, true, 100);
	refusal_tick(world->refusal, 200);
	assert_int_equal(last_sent(world)->timestamp_value, 0xfffffffe);
	assert_int_equal(last_sent(world)->timestamp_echo, 900);
	assert_heard(world, REPLY);
}

/* What was on its way to the client when it was refused. */
static void timestamps_never_run_below_what_the_client_has(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();
	struct segment again;

	start.has_timestamps = true;
	start.server_timestamp = 5000;
	start_with(world, &start);
	world->lose = 1;
	refusal_begin(world->refusal, false, 0);
	again = client_segment(world, "x", 0);
	again.seq -= 1;
	again.has_timestamps = true;
	again.timestamp_echo = 5300;
	refusal_answer(world->refusal, &again, true, 100);
	refusal_tick(world->refusal, 200);
	assert_int_equal(last_sent(world)->timestamp_value, 5300);
}

static void without_timestamps_none_are_sent(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	assert_false(last_sent(world)->has_timestamps);
}

static void no_segment_is_larger_than_the_client_takes(void **state)
{
	const uint16_t sizes[] = { 0, 1, 13, 20, 88, 536 };
	struct world *world = *state;
	size_t with, i, k;

	for (with = 0; with < 2; with++) {
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			struct refusal_start start = plain_start();
			size_t room = sizes[i] - (with && sizes[i] > 12 ? 12u : 0u);

			start.has_timestamps = with;
			start.segment_max = sizes[i];
			start_with(world, &start);
			refusal_begin(world->refusal, false, 0);
			for (k = 0; k < REPLY_LEN && !world->client.has_end; k++)
				client_acknowledges(world, 1);
			assert_heard(world, REPLY);
			for (k = 0; k < world->sent_count; k++) {
				assert_true(world->sent[k].craft.payload.len <= (room ? room : 1));
				assert_int_equal(!!(world->sent[k].craft.flags & TCP_FIN),
				                 k + 1 == world->sent_count);
			}
		}
	}
}

static void a_long_stream_goes_in_bursts_as_it_is_acknowledged(void **state)
{
	static uint8_t octets[REFUSAL_UNDELIVERED_MAX];
	struct world *world = *state;
	struct refusal_start start = plain_start();
	size_t i;

	for (i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(i * 31 >> 3);
	start.client_acked -= (uint32_t)sizeof(octets);
	start.undelivered = bytes_of(octets, sizeof(octets));
	start_with(world, &start);
	world->lose = 3;
	refusal_begin(world->refusal, false, 0);
	assert_int_equal(world->sent_count, REFUSAL_BURST_MAX);
	for (i = 1; !world->client.has_end && i < 20; i++) {
		refusal_tick(world->refusal, i * 200);
		client_acknowledges(world, i * 200);
	}
	assert_int_equal(world->client.heard_len, sizeof(octets) + REPLY_LEN);
	assert_memory_equal(world->client.heard, octets, sizeof(octets));
	assert_true(world->client.has_end);
}

static void more_undelivered_than_the_bound_is_not_kept(void **state)
{
	static uint8_t octets[REFUSAL_UNDELIVERED_MAX + 1];
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start.client_acked -= (uint32_t)sizeof(octets);
	start.undelivered = bytes_of(octets, sizeof(octets));
	start_with(world, &start);
	refusal_begin(world->refusal, false, 0);
	assert_int_equal(world->sent[0].craft.seq, 2000);
	assert_int_equal(world->sent_count, 1);
}

static void a_text_without_end_is_cut_at_the_bound(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();
	char *text = malloc(REFUSAL_TEXT_MAX);

	assert_non_null(text);
	memset(text, 'x', REFUSAL_TEXT_MAX);
	start.text = text;
	start_with(world, &start);
	free(text);
	refusal_begin(world->refusal, false, 0);
	assert_int_equal(world->client.heard_len, REFUSAL_TEXT_MAX);
}

static void a_closed_window_is_tried_again_and_served_when_it_opens(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();

	start_with(world, &start);
	world->client.window = 0;
	refusal_begin(world->refusal, false, 0);
	client_acknowledges(world, 5);
	assert_int_equal(world->sent_count, 1);
	refusal_tick(world->refusal, 200);
	assert_int_equal(world->sent_count, 2);
	assert_int_equal(world->client.heard_len, 0);
	client_acknowledges(world, 205);
	world->client.window = 4096;
	client_acknowledges(world, 210);
	assert_heard(world, REPLY);
}

static void a_window_of_one_octet_gets_the_reply_octet_by_octet(void **state)
{
	struct world *world = *state;
	struct refusal_start start = plain_start();
	uint64_t now_ms = 0;
	size_t i;

	start_with(world, &start);
	world->client.window = 1;
	refusal_begin(world->refusal, false, 0);
	for (i = 0; i < REPLY_LEN + 2u && !world->client.has_end; i++) {
		client_acknowledges(world, now_ms);
		now_ms += 200;
		refusal_tick(world->refusal, now_ms);
	}
	assert_heard(world, REPLY);
}

static void sequence_numbers_may_wrap_anywhere_in_the_reply(void **state)
{
	struct world *world = *state;
	uint32_t before;

	for (before = 0; before <= UNDELIVERED_LEN + REPLY_LEN + 2u; before++) {
		struct refusal_start start = plain_start();

		start.client_acked = 0u - before;
		start.server_next = start.client_acked + UNDELIVERED_LEN;
		start.undelivered = bytes_of_string(UNDELIVERED);
		start.client_next = 0u - before % 7;
		start.segment_max = 17;
		start_with(world, &start);
		refusal_begin(world->refusal, false, 0);
		client_says(world, "QUIT\r\n", 0, 1);
		client_says(world, "", TCP_FIN, 2);
		assert_int_equal(world->client.heard_len, UNDELIVERED_LEN + REPLY_LEN);
		assert_true(world->client.has_end);
		assert_int_equal(world->client.acknowledged, start.client_next + 7);
		assert_true(refusal_tick(world->refusal, 100000) == UINT64_MAX);
	}
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up_world, tear_down_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_WORLD(the_client_hears_the_reply_and_then_the_end),
		IN_A_WORLD(all_that_the_client_sent_is_acknowledged),
		IN_A_WORLD(an_acknowledged_reply_is_not_repeated),
		IN_A_WORLD(a_lost_reply_is_repeated_ever_more_slowly),
		IN_A_WORLD(a_reply_without_its_end_is_not_taken_as_acknowledged),
		IN_A_WORLD(what_the_server_said_and_was_lost_comes_before_the_reply),
		IN_A_WORLD(the_undelivered_is_copied),
		IN_A_WORLD(undelivered_octets_that_were_not_kept_leave_the_reply_behind_them),
		IN_A_WORLD(undelivered_octets_of_the_wrong_length_are_not_sent),
		IN_A_WORLD(only_what_the_client_still_misses_is_repeated),
		IN_A_WORLD(progress_starts_the_waiting_anew),
		IN_A_WORLD(acknowledgements_of_what_was_never_sent_change_nothing),
		IN_A_WORLD(repetitions_of_held_data_get_no_answer_before_our_end_is_acknowledged),
		IN_A_WORLD(what_the_client_adds_is_acknowledged_by_the_repetition),
		IN_A_WORLD(what_lies_behind_a_gap_is_not_acknowledged),
		IN_A_WORLD(timestamps_never_run_below_the_servers_last),
		IN_A_WORLD(timestamps_never_run_below_what_the_client_has),
		IN_A_WORLD(without_timestamps_none_are_sent),
		IN_A_WORLD(no_segment_is_larger_than_the_client_takes),
		IN_A_WORLD(a_long_stream_goes_in_bursts_as_it_is_acknowledged),
		IN_A_WORLD(more_undelivered_than_the_bound_is_not_kept),
		IN_A_WORLD(a_text_without_end_is_cut_at_the_bound),
		IN_A_WORLD(a_closed_window_is_tried_again_and_served_when_it_opens),
		IN_A_WORLD(a_window_of_one_octet_gets_the_reply_octet_by_octet),
		IN_A_WORLD(sequence_numbers_may_wrap_anywhere_in_the_reply),
	};

	return cmocka_run_group_tests_name("enforce/reject: the reply", tests, NULL, NULL);
}
