/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flow/hold.h"

static struct hold hold;
static struct budget budget;

static int begin(void **state)
{
	(void)state;
	hold = (struct hold){ 0 };
	budget = (struct budget){ .limit = 1 << 20 };
	return 0;
}

static int empty(void **state)
{
	(void)state;
	while (hold.count)
		held_packet_free(hold_take(&hold, hold.count - 1), &budget);
	assert_int_equal(budget.used, 0);
	return 0;
}

static struct held_packet *add(bool is_from_client, uint32_t seq, const char *packet,
                               uint64_t now_ms)
{
	return hold_add(&hold, &budget, is_from_client, seq, bytes_of_string(packet), now_ms);
}

static void a_held_packet_is_a_copy_with_room_to_spare(void **state)
{
	char packet[] = "packet";
	struct held_packet *held = add(true, 7, packet, 1000);

	(void)state;
	packet[0] = 'x';
	assert_non_null(held);
	assert_int_equal(held->len, 6);
	assert_memory_equal(held->packet, "packet", 6);
	assert_true(held->room > held->len);
	memset(held->packet, 0, held->room);
	assert_true(held->is_from_client);
	assert_int_equal(held->seq, 7);
	assert_int_equal(held->since_ms, 1000);
	assert_int_equal(held->packet_id, 0);
	assert_ptr_equal(hold_take(&hold, 0), held);
	held_packet_free(held, &budget);
	assert_int_equal(budget.used, 0);
	assert_int_equal(hold.count, 0);
}

static void each_direction_stands_in_order_of_sequence_across_the_wrap(void **state)
{
	static const uint32_t seqs[] = { 300, 0xfffffff0U, 10, 0, 0xfffffffeU, 20 };
	uint32_t last[2] = { 0xffffff00U, 0xffffff00U };
	size_t i;

	(void)state;
	for (i = 0; i < 6; i++) {
		assert_non_null(add(true, seqs[i], "client", 0));
		assert_non_null(add(false, seqs[i] - 15, "server", 0));
	}
	assert_int_equal(hold.count, 12);
	for (i = 0; i < 12; i++) {
		const struct held_packet *held = hold.packets[i];

		assert_true((int32_t)(held->seq - last[held->is_from_client]) > 0);
		last[held->is_from_client] = held->seq;
	}
}

static void packets_of_the_other_side_do_not_end_the_search_for_a_place(void **state)
{
	(void)state;
	add(true, 500, "client", 0);
	add(false, 10, "server", 0);
	add(true, 100, "client", 0);
	assert_int_equal(hold.packets[0]->seq, 100);
	assert_int_equal(hold.packets[1]->seq, 500);
	assert_int_equal(hold.packets[2]->seq, 10);
}

static void a_retransmission_takes_no_place_unless_it_is_longer(void **state)
{
	(void)state;
	assert_non_null(add(true, 7, "packet", 0));
	assert_null(add(true, 7, "packet", 5));
	assert_null(add(true, 7, "pack", 5));
	assert_non_null(add(true, 7, "packets", 5));
	assert_non_null(add(false, 7, "packet", 5));
	assert_non_null(add(true, 8, "packet", 5));
	assert_int_equal(hold.count, 4);
	assert_int_equal(hold.packets[0]->len, 6);
}

static void a_flow_holds_no_more_than_its_bound(void **state)
{
	uint32_t seq;

	(void)state;
	for (seq = 0; seq < HOLD_PACKETS_MAX; seq++)
		assert_non_null(add(true, seq, "packet", 0));
	assert_null(add(true, seq, "packet", 0));
	assert_int_equal(hold.count, HOLD_PACKETS_MAX);
	held_packet_free(hold_take(&hold, 3), &budget);
	assert_int_equal(hold.packets[3]->seq, 4);
	assert_non_null(add(true, 3, "packet", 0));
	assert_int_equal(hold.packets[3]->seq, 3);
}

static void a_refused_charge_holds_nothing(void **state)
{
	(void)state;
	budget.limit = 100;
	assert_null(add(true, 7, "packet", 0));
	assert_int_equal(hold.count, 0);
	assert_int_equal(budget.used, 0);
	assert_int_equal(budget.refused, 1);
}

static void age_is_that_of_the_longest_waiting_of_either_side(void **state)
{
	(void)state;
	assert_int_equal(hold_age_ms(&hold, 500), 0);
	add(true, 30, "packet", 1000);
	add(false, 20, "packet", 900);
	add(true, 10, "packet", 1200);
	assert_int_equal(hold_age_ms(&hold, 1500), 600);
	assert_int_equal(hold_age_ms(&hold, 900), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_held_packet_is_a_copy_with_room_to_spare, begin,
		                                empty),
		cmocka_unit_test_setup_teardown(
			each_direction_stands_in_order_of_sequence_across_the_wrap, begin, empty),
		cmocka_unit_test_setup_teardown(
			packets_of_the_other_side_do_not_end_the_search_for_a_place, begin, empty),
		cmocka_unit_test_setup_teardown(a_retransmission_takes_no_place_unless_it_is_longer,
		                                begin, empty),
		cmocka_unit_test_setup_teardown(a_flow_holds_no_more_than_its_bound, begin, empty),
		cmocka_unit_test_setup_teardown(a_refused_charge_holds_nothing, begin, empty),
		cmocka_unit_test_setup_teardown(age_is_that_of_the_longest_waiting_of_either_side,
		                                begin, empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
