/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "busy_poll.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NOW_NS = 1000000000, CLOSE_NS = 20000, FAR_NS = BUSY_POLL_MAX_NS + 1 };

/* Packets, one each gap; when the last one came. */
static uint64_t play(struct busy_poll *poll, uint64_t now_ns, unsigned count, uint64_t gap_ns)
{
	for (; count > 0; count--) {
		now_ns += gap_ns;
		busy_poll_note(poll, now_ns);
	}
	return now_ns;
}

static void packets_that_are_far_apart_are_slept_for(void **state)
{
	struct busy_poll poll = { 0 };
	uint64_t now_ns = NOW_NS;

	(void)state;
	assert_true(busy_poll_is_over(&poll, now_ns));
	for (unsigned count = 0; count < 10; count++) {
		now_ns = play(&poll, now_ns, 1, FAR_NS);
		assert_true(busy_poll_is_over(&poll, now_ns));
	}
}

static void packets_that_follow_closely_are_looked_for(void **state)
{
	struct busy_poll poll = { 0 };
	uint64_t now_ns = play(&poll, NOW_NS, 3, CLOSE_NS);

	(void)state;
	assert_false(busy_poll_is_over(&poll, now_ns));
	assert_false(busy_poll_is_over(&poll, now_ns + CLOSE_NS - 1));
	assert_true(busy_poll_is_over(&poll, now_ns + BUSY_POLL_MAX_NS));
	/* As long as it takes, and no longer: 20 us are within 10, doubled. */
	assert_int_equal(poll.window_ns, 2 * BUSY_POLL_FIRST_NS);
	now_ns = play(&poll, now_ns, 100, CLOSE_NS);
	assert_int_equal(poll.window_ns, 2 * BUSY_POLL_FIRST_NS);
	(void)play(&poll, now_ns, 100, BUSY_POLL_MAX_NS);
	assert_int_equal(poll.window_ns, BUSY_POLL_MAX_NS);
}

/* A client that computes meanwhile is not waited for, and packets have to follow closely again before the next one is. */
static void looking_in_vain_ends(void **state)
{
	struct busy_poll poll = { 0 };
	uint64_t now_ns = play(&poll, NOW_NS, 100, BUSY_POLL_MAX_NS);

	(void)state;
	now_ns = play(&poll, now_ns, 1, FAR_NS);
	assert_int_equal(poll.window_ns, 0);
	assert_true(busy_poll_is_over(&poll, now_ns));
	now_ns = play(&poll, now_ns, 1, BUSY_POLL_MAX_NS);
	assert_int_equal(poll.window_ns, BUSY_POLL_FIRST_NS);
	assert_false(busy_poll_is_over(&poll, now_ns));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_that_are_far_apart_are_slept_for),
		cmocka_unit_test(packets_that_follow_closely_are_looked_for),
		cmocka_unit_test(looking_in_vain_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
