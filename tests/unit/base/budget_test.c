/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_charge_that_just_fits_is_taken),
		cmocka_unit_test(a_charge_too_large_changes_nothing_but_its_count),
		cmocka_unit_test(a_limit_lowered_below_what_is_used_refuses),
		cmocka_unit_test(a_refund_makes_room_and_the_peak_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
