/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mtasts_life.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { DAY_S = 24 * 60 * 60, WEEK_S = 7 * DAY_S };

static const uint64_t SAVED_MS = 1767225600000; /* 2026-01-01 */
static const uint64_t YEAR_2038_MS = 2147483647000;

/* Spread over all of the range, with both ends. */
static uint64_t some_random(unsigned i)
{
	return i == 0 ? 0 : i == 1 ? UINT64_MAX : i * 0x9e3779b97f4a7c15u;
}

static void a_policy_holds_for_the_delivery_that_fetched_it(void **state)
{
	(void)state;
	assert_int_equal(mtasts_life_s(0), MTASTS_LIFE_MIN_S);
	assert_int_equal(mtasts_life_s(MTASTS_LIFE_MIN_S), MTASTS_LIFE_MIN_S);
	assert_int_equal(mtasts_life_s(WEEK_S), WEEK_S);
}

static void time_down_is_taken_off(void **state)
{
	(void)state;
	assert_int_equal(mtasts_life_after_down_s(WEEK_S, SAVED_MS, SAVED_MS), WEEK_S);
	assert_int_equal(mtasts_life_after_down_s(WEEK_S, SAVED_MS, SAVED_MS + DAY_S * 1000ULL),
	                 WEEK_S - DAY_S);
	assert_int_equal(mtasts_life_after_down_s(WEEK_S, SAVED_MS, SAVED_MS + 999), WEEK_S);
}

static void a_clock_that_went_back_takes_and_gives_nothing(void **state)
{
	(void)state;
	assert_int_equal(mtasts_life_after_down_s(WEEK_S, SAVED_MS, SAVED_MS - 1), WEEK_S);
	assert_int_equal(mtasts_life_after_down_s(WEEK_S, SAVED_MS, 0), WEEK_S);
	assert_int_equal(mtasts_life_after_down_s(0, SAVED_MS, 0), 0);
	assert_int_equal(mtasts_life_after_down_s(WEEK_S, UINT64_MAX, SAVED_MS), WEEK_S);
}

static void a_clock_far_ahead_leaves_a_day_at_most(void **state)
{
	(void)state;
	assert_int_equal(mtasts_life_after_down_s(WEEK_S, SAVED_MS, YEAR_2038_MS), DAY_S);
	assert_int_equal(mtasts_life_after_down_s(3600, SAVED_MS, YEAR_2038_MS), 3600);
	assert_int_equal(mtasts_life_after_down_s(0, SAVED_MS, YEAR_2038_MS), 0);
	assert_int_equal(mtasts_life_after_down_s(WEEK_S, 0, UINT64_MAX), DAY_S);
}

static void more_time_down_never_leaves_more_life(void **state)
{
	uint32_t before_s = UINT32_MAX;

	(void)state;
	for (uint64_t down_s = 0; down_s < 10 * DAY_S; down_s += 997) {
		uint32_t left_s =
			mtasts_life_after_down_s(WEEK_S, SAVED_MS, SAVED_MS + down_s * 1000);

		assert_true(left_s <= before_s && left_s <= WEEK_S);
		before_s = left_s;
	}
}

static void a_policy_is_renewed_long_before_its_end(void **state)
{
	static const uint32_t ages[] = { 601, 1000, 3600, DAY_S, 2 * DAY_S, WEEK_S, 31557600 };

	(void)state;
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		for (unsigned j = 0; j < 1000; j++) {
			uint32_t after_s = mtasts_renew_after_s(ages[i], some_random(j));

			if (after_s < MTASTS_RENEW_MIN_S || after_s > ages[i] * 6ULL / 10 + 1 ||
			    (ages[i] > 2 * DAY_S && after_s > DAY_S))
				fail_msg("max_age %u: after %u", ages[i], after_s);
		}
	}
}

static void a_policy_of_minutes_ends_by_itself(void **state)
{
	(void)state;
	for (unsigned j = 0; j < 100; j++) {
		assert_int_equal(mtasts_renew_after_s(0, some_random(j)), 0);
		assert_int_equal(mtasts_renew_after_s(240, some_random(j)), 0);
	}
}

static void many_policies_of_one_age_are_spread(void **state)
{
	unsigned by_hour[24] = { 0 };

	(void)state;
	for (unsigned j = 2; j < 100002; j++) {
		uint32_t after_s = mtasts_renew_after_s(30 * DAY_S, some_random(j));

		by_hour[(after_s - 1) / 3600]++;
	}
	/* Twelve hours share them evenly. */
	for (unsigned hour = 0; hour < 24; hour++)
		assert_true(hour < 12 ? by_hour[hour] <= 10
		                      : by_hour[hour] > 7500 && by_hour[hour] < 9200);
}

static void retries_become_rarer_up_to_an_hour(void **state)
{
	uint32_t before_s = 0;

	(void)state;
	for (unsigned failures = 1; failures < 70000; failures += failures < 10 ? 1 : 9999) {
		/* A quarter of the range up: in its middle. */
		uint32_t least_s = mtasts_retry_after_s(failures, 0);

		assert_true(least_s >= before_s && least_s >= 45 && least_s <= 2700);
		assert_true(mtasts_retry_after_s(failures, UINT64_MAX) <= 4500);
		before_s = least_s;
	}
	assert_int_equal(before_s, 2700);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_policy_holds_for_the_delivery_that_fetched_it),
		cmocka_unit_test(time_down_is_taken_off),
		cmocka_unit_test(a_clock_that_went_back_takes_and_gives_nothing),
		cmocka_unit_test(a_clock_far_ahead_leaves_a_day_at_most),
		cmocka_unit_test(more_time_down_never_leaves_more_life),
		cmocka_unit_test(a_policy_is_renewed_long_before_its_end),
		cmocka_unit_test(a_policy_of_minutes_ends_by_itself),
		cmocka_unit_test(many_policies_of_one_age_are_spread),
		cmocka_unit_test(retries_become_rarer_up_to_an_hour),
	};

	return cmocka_run_group_tests_name("policy/mtasts_life", tests, NULL, NULL);
}
