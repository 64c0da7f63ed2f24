/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict/reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void every_reason_has_a_name_words_and_advice(void **state)
{
	(void)state;
	for (enum reason reason = REASON_NONE + 1; reason < REASON_COUNT; reason++) {
		assert_true(strlen(reason_name(reason)) > 3);
		assert_true(strlen(reason_words(reason, PLACE_UNKNOWN)) > 10);
		assert_true(strlen(reason_advice(reason)) > 20);
		for (enum reason other = REASON_NONE; other < reason; other++)
			assert_string_not_equal(reason_name(reason), reason_name(other));
	}
	assert_string_equal(reason_name((enum reason)999), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_has_a_name_words_and_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
