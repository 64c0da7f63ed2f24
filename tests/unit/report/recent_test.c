/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/recent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void the_latest_are_kept_oldest_first(void **state)
{
	struct recent *recent = recent_new();
	char line[32];
	size_t i;

	(void)state;
	assert_int_equal(recent_count(recent), 0);
	for (i = 0; i < RECENT_EVENTS_MAX * 2 + 7; i++) {
		snprintf(line, sizeof(line), "%zu", i);
		recent_add(recent, line);
		assert_int_equal(recent_count(recent),
		                 i < RECENT_EVENTS_MAX ? i + 1 : RECENT_EVENTS_MAX);
	}
	for (i = 0; i < RECENT_EVENTS_MAX; i++)
		assert_int_equal(atoi(recent_at(recent, i)), RECENT_EVENTS_MAX + 7 + i);
	recent_free(recent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_latest_are_kept_oldest_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
