/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint64_t START = 1000003;

static void a_timer_comes_at_its_tick_and_not_before(void **state)
{
	/* Around the edges of each level. */
	static const uint64_t aheads[] = { 1,      2,        63,       64,       65,
		                           127,    128,      4095,     4096,     4097,
		                           8191,   8192,     262143,   262144,   262145,
		                           300000, 16777214, 16777215, 16777216, 20000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(aheads) / sizeof(aheads[0]); i++) {
		for (uint64_t start = START; start < START + 3; start++) {
			struct wheel wheel;
			struct wheel_timer timer = { 0 };

			wheel_init(&wheel, start);
			wheel_set(&wheel, &timer, start, start + aheads[i]);
			assert_true(wheel_is_set(&timer));
			assert_null(wheel_take_due(&wheel, start + aheads[i] - 1));
			assert_ptr_equal(wheel_take_due(&wheel, start + aheads[i]), &timer);
			assert_false(wheel_is_set(&timer));
			assert_null(wheel_take_due(&wheel, start + aheads[i] + 100));
		}
	}
}

static void what_is_overdue_comes_with_the_next_tick(void **state)
{
	struct wheel wheel;
	struct wheel_timer timer = { 0 };

	(void)state;
	wheel_init(&wheel, START);
	wheel_set(&wheel, &timer, START, 5);
	assert_null(wheel_take_due(&wheel, START));
	assert_ptr_equal(wheel_take_due(&wheel, START + 1), &timer);
	/* Whoever is set again from there does not come again at once. */
	wheel_set(&wheel, &timer, START, 0);
	assert_null(wheel_take_due(&wheel, START + 1));
	assert_ptr_equal(wheel_take_due(&wheel, START + 2), &timer);
}

static void a_timer_taken_off_does_not_come(void **state)
{
	struct wheel wheel;
	struct wheel_timer first = { 0 }, second = { 0 };

	(void)state;
	wheel_init(&wheel, START);
	wheel_cancel(&wheel, &first);
	wheel_set(&wheel, &first, START, START + 70);
	wheel_set(&wheel, &second, START, START + 70);
	/* One that is due, but was not fetched yet. */
	assert_ptr_equal(wheel_take_due(&wheel, START + 70), &first);
	wheel_cancel(&wheel, &second);
	assert_null(wheel_take_due(&wheel, START + 10000));
	assert_int_equal(wheel.count, 0);
}

static void a_timer_set_again_comes_once_at_the_later_word(void **state)
{
	struct wheel wheel;
	struct wheel_timer timer = { 0 };

	(void)state;
	wheel_init(&wheel, START);
	wheel_set(&wheel, &timer, START, START + 10);
	wheel_set(&wheel, &timer, START, START + 5000);
	assert_null(wheel_take_due(&wheel, START + 4999));
	wheel_set(&wheel, &timer, START, START + 5010);
	assert_ptr_equal(wheel_take_due(&wheel, START + 5010), &timer);
	assert_null(wheel_take_due(&wheel, START + 20000));
}

static void an_empty_wheel_turns_to_any_time_at_once(void **state)
{
	struct wheel wheel;
	struct wheel_timer timer = { 0 };
	const uint64_t far = UINT64_MAX / 2;

	(void)state;
	wheel_init(&wheel, 0);
	wheel_set(&wheel, &timer, far, far + 70);
	assert_null(wheel_take_due(&wheel, far + 69));
	assert_ptr_equal(wheel_take_due(&wheel, far + 70), &timer);
	wheel_init(&wheel, 0);
	assert_null(wheel_take_due(&wheel, far));
	wheel_set(&wheel, &timer, 0, far + 3);
	assert_null(wheel_take_due(&wheel, far + 2));
	assert_ptr_equal(wheel_take_due(&wheel, far + 3), &timer);
}

/* 31 bits of the same row of numbers each time, of which the upper ones differ most. */
static uint32_t next_number(uint64_t *row)
{
	*row = *row * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(*row >> 33);
}

/* Against the plainest model: a list of due times. */
static void many_timers_come_each_at_its_tick_in_any_order(void **state)
{
	enum { TIMERS = 500, ROUNDS = 20000 };
	static struct wheel_timer timers[TIMERS];
	static uint64_t due[TIMERS]; /* 0: not set */
	struct wheel wheel;
	uint64_t now = START;
	uint64_t row = 1;

	(void)state;
	wheel_init(&wheel, now);
	for (size_t i = 0; i < TIMERS; i++)
		timers[i] = (struct wheel_timer){ 0 };
	for (int round = 0; round < ROUNDS; round++) {
		size_t at = next_number(&row) % TIMERS;
		struct wheel_timer *timer;

		if (next_number(&row) % 8 == 0) {
			wheel_cancel(&wheel, &timers[at]);
			due[at] = 0;
		} else {
			due[at] = now + 1 +
			          ((uint64_t)next_number(&row) >> next_number(&row) % 31) % 400000;
			wheel_set(&wheel, &timers[at], now, due[at]);
		}
		now += next_number(&row) % 4 == 0 ? next_number(&row) % 300 : next_number(&row) % 2;
		while ((timer = wheel_take_due(&wheel, now)) != NULL) {
			at = (size_t)(timer - timers);
			assert_true(due[at] != 0 && due[at] <= now);
			due[at] = 0;
		}
		for (at = 0; at < TIMERS; at++)
			assert_true(due[at] == 0 || due[at] > now);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timer_comes_at_its_tick_and_not_before),
		cmocka_unit_test(what_is_overdue_comes_with_the_next_tick),
		cmocka_unit_test(a_timer_taken_off_does_not_come),
		cmocka_unit_test(a_timer_set_again_comes_once_at_the_later_word),
		cmocka_unit_test(an_empty_wheel_turns_to_any_time_at_once),
		cmocka_unit_test(many_timers_come_each_at_its_tick_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
