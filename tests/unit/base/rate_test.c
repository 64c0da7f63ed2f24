/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_stretch_has_room_for_so_many_and_the_next_for_as_many_again(void **state)
{
	struct rate rate = { 0 };

	(void)state;
	for (uint64_t start_ms = 5000; start_ms <= 15000; start_ms += 5000) {
		for (int i = 0; i < 3; i++)
			assert_true(rate_take(&rate, 3, 5000, start_ms + 100));
		assert_false(rate_take(&rate, 3, 5000, start_ms + 100));
		assert_false(rate_take(&rate, 3, 5000, start_ms + 4999));
	}
}

static void what_was_refused_does_not_count(void **state)
{
	struct rate rate = { 0 };

	(void)state;
	assert_true(rate_take(&rate, 1, 1000, 0));
	for (int i = 0; i < 10; i++)
		assert_false(rate_take(&rate, 1, 1000, 999));
	assert_true(rate_take(&rate, 1, 1000, 1000));
	assert_false(rate_take(&rate, 1, 1000, 1001));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stretch_has_room_for_so_many_and_the_next_for_as_many_again),
		cmocka_unit_test(what_was_refused_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
