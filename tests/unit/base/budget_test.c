/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_charge_that_just_fits_is_taken(void **state)
{
	struct budget budget = { .limit = 100 };

	(void)state;
	assert_true(budget_charge(&budget, 60));
	assert_true(budget_charge(&budget, 40));
	assert_int_equal(budget.used, 100);
	assert_int_equal(budget.refused, 0);
}

static void a_charge_too_large_changes_nothing_but_its_count(void **state)
{
	struct budget budget = { .limit = 100, .used = 60, .peak = 60 };

	(void)state;
	assert_false(budget_charge(&budget, 41));
	assert_false(budget_charge(&budget, SIZE_MAX));
	assert_int_equal(budget.used, 60);
	assert_int_equal(budget.peak, 60);
	assert_int_equal(budget.refused, 2);
}

static void a_limit_lowered_below_what_is_used_refuses(void **state)
{
	struct budget budget = { .limit = 100, .used = 100 };

	(void)state;
	budget.limit = 50;
	assert_false(budget_charge(&budget, 1));
}

static void a_refund_makes_room_and_the_peak_stays(void **state)
{
	struct budget budget = { .limit = 100 };

	(void)state;
	assert_true(budget_charge(&budget, 100));
	budget_refund(&budget, 70);
	assert_true(budget_charge(&budget, 10));
	budget_refund(&budget, 40);
	assert_int_equal(budget.used, 0);
	assert_int_equal(budget.peak, 100);
}

static void what_is_taken_is_charged_and_given_back_whole(void **state)
{
	static const size_t lens[] = { 1,      24,  25,   64,         65,
		                       512,    513, 1024, 128 * 1024, 128 * 1024 + 1,
		                       1 << 20 };
	struct budget budget = { .limit = 4 << 20, .spares_max = 1 << 20 };

	(void)state;
	for (int round = 0; round < 2; round++) {
		void *blocks[sizeof(lens) / sizeof(lens[0])];
		size_t sum = 0;

		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
			blocks[i] = budget_take(&budget, lens[i]);
			assert_non_null(blocks[i]);
			memset(blocks[i], 0xff, lens[i]);
			sum += lens[i];
			assert_int_equal(budget.used, sum);
		}
		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
			budget_give(&budget, blocks[i], lens[i]);
		assert_int_equal(budget.used, 0);
	}
	budget_clear(&budget);
}

static void what_does_not_fit_is_not_taken(void **state)
{
	struct budget budget = { .limit = 100, .spares_max = 4096 };

	(void)state;
	assert_null(budget_take(&budget, 101));
	assert_int_equal(budget.used, 0);
	assert_int_equal(budget.refused, 1);
	budget_give(&budget, NULL, 0);
}

static void a_spare_serves_the_next_of_its_size(void **state)
{
	struct budget budget = { .limit = 4096, .spares_max = 128 };
	void *first = budget_take(&budget, 60), *second = budget_take(&budget, 61);
	void *third = budget_take(&budget, 62), *again;

	(void)state;
	budget_give(&budget, first, 60);
	budget_give(&budget, second, 61);
	/* No room for a third one of 64. */
	budget_give(&budget, third, 62);
	/* Where a sanitizer watches, nothing is. */
	if (!budget.spares[1])
		skip();
	again = budget_take(&budget, 64);
	assert_ptr_equal(again, second);
	budget_give(&budget, again, 64);
	again = budget_take(&budget, 65);
	assert_ptr_not_equal(again, first);
	assert_ptr_not_equal(again, second);
	budget_give(&budget, again, 65);
	/* Nor does what is smaller. */
	again = budget_take(&budget, 24);
	assert_ptr_not_equal(again, first);
	assert_ptr_not_equal(again, second);
	budget_give(&budget, again, 24);
	budget_clear(&budget);
	for (size_t i = 0; i < BUDGET_SIZES; i++)
		assert_null(budget.spares[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_charge_that_just_fits_is_taken),
		cmocka_unit_test(a_charge_too_large_changes_nothing_but_its_count),
		cmocka_unit_test(a_limit_lowered_below_what_is_used_refuses),
		cmocka_unit_test(a_refund_makes_room_and_the_peak_stays),
		cmocka_unit_test(what_is_taken_is_charged_and_given_back_whole),
		cmocka_unit_test(what_does_not_fit_is_not_taken),
		cmocka_unit_test(a_spare_serves_the_next_of_its_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
