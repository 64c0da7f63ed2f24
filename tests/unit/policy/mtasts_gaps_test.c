/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mtasts_gaps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const uint8_t SECRET[TABLE_SECRET_LEN] = "0123456789abcde";

static struct mtasts_gap *add(struct mtasts_gaps *gaps, const char *domain, uint64_t retry_ms,
                              uint64_t asked_ms)
{
	struct mtasts_gap *gap = mtasts_gaps_add(gaps, domain);

	assert_non_null(gap);
	gap->retry_ms = retry_ms;
	gap->asked_ms = asked_ms;
	return gap;
}

static void a_gap_is_found_until_it_is_removed(void **state)
{
	struct mtasts_gaps *gaps = mtasts_gaps_new(SECRET);
	struct mtasts_gap *gap = add(gaps, "a.example", 0, 0);

	(void)state;
	assert_string_equal(gap->domain, "a.example");
	assert_ptr_equal(mtasts_gaps_find(gaps, "a.example"), gap);
	assert_null(mtasts_gaps_find(gaps, "a.exampl"));
	mtasts_gaps_remove(gaps, "a.example");
	assert_null(mtasts_gaps_find(gaps, "a.example"));
	assert_int_equal(mtasts_gaps_count(gaps), 0);
	mtasts_gaps_free(gaps);
}

static void what_nobody_asks_for_is_not_tried_again(void **state)
{
	struct mtasts_gaps *gaps = mtasts_gaps_new(SECRET);

	(void)state;
	add(gaps, "later.example", 5001, 4000);
	add(gaps, "unasked.example", 1000, 1000);
	assert_null(mtasts_gaps_due(gaps, 5000, 2000));
	add(gaps, "now.example", 5000, 2000);
	assert_string_equal(mtasts_gaps_due(gaps, 5000, 2000)->domain, "now.example");
	mtasts_gaps_free(gaps);
}

static void gaps_are_bounded(void **state)
{
	struct mtasts_gaps *gaps = mtasts_gaps_new(SECRET);
	char domain[32];

	(void)state;
	for (int i = 0; i < GAPS_MAX + 10; i++) {
		snprintf(domain, sizeof(domain), "d%d.example", i);
		add(gaps, domain, 0, 0);
	}
	assert_int_equal(mtasts_gaps_count(gaps), GAPS_MAX);
	assert_null(mtasts_gaps_find(gaps, "d9.example"));
	assert_non_null(mtasts_gaps_find(gaps, "d10.example"));
	mtasts_gaps_free(gaps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gap_is_found_until_it_is_removed),
		cmocka_unit_test(what_nobody_asks_for_is_not_tried_again),
		cmocka_unit_test(gaps_are_bounded),
	};

	return cmocka_run_group_tests_name("policy/mtasts_gaps", tests, NULL, NULL);
}
