/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Memory that ends anywhere while an answer is heard: nothing is told that was not heard, and what is heard later counts. */

#include <stdlib.h>

#include "heard_world.h"
#include "unit/ending_memory.h"

enum { ENOUGH = 1000 };

static const uint8_t secret[TABLE_SECRET_LEN] = { 1 };

static void one_is_made_whole_or_not_at_all(void **state)
{
	struct heard *heard = NULL;

	(void)state;
#ifdef HAS_OWN_ALLOCATOR
	skip();
#endif
	for (size_t count = 0; !heard; count++) {
		assert_true(count < ENOUGH);
		memory_left = count;
		memory_has_ended = false;
		heard = heard_new(secret, on_candidate, NULL);
		memory_left = SIZE_MAX;
		assert_int_equal(!heard, memory_has_ended);
	}
	assert_int_equal(heard_count(heard), 0);
	heard_free(heard);
	heard_free(NULL);
}

static void what_found_no_memory_counts_when_it_is_heard_again(void **state)
{
	const struct message mx = mx_of("example.org", "mx.example.org");
	const struct message a = a_of("mx.example.org", 1, 300);
	bool is_enough = false;

	(void)state;
#ifdef HAS_OWN_ALLOCATOR
	skip();
#endif
	for (size_t count = 0; !is_enough; count++) {
		struct fixture *fixture;
		void *made;

		assert_true(count < ENOUGH);
		assert_int_equal(set_up(&made), 0);
		fixture = made;
		memory_left = count;
		memory_has_ended = false;
		(void)hear(fixture, &mx, NOW_MS);
		(void)hear(fixture, &a, NOW_MS);
		is_enough = !memory_has_ended;
		memory_left = SIZE_MAX;
		assert_true(fixture->count <= 1);
		assert_true(!is_enough || fixture->count == 1);
		fixture->count = 0;
		assert_true(hear(fixture, &mx, NOW_MS + 1));
		assert_true(hear(fixture, &a, NOW_MS + 1));
		assert_true(fixture->count >= 1);
		assert_told(fixture, 0, "example.org", 1);
		assert_int_equal(heard_count(fixture->heard), 2);
		heard_sweep(fixture->heard, NOW_MS + 3600 * 1000);
		assert_int_equal(heard_count(fixture->heard), 0);
		assert_int_equal(tear_down(&made), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_is_made_whole_or_not_at_all),
		cmocka_unit_test(what_found_no_memory_counts_when_it_is_heard_again),
	};

	return cmocka_run_group_tests_name("policy/heard without memory", tests, NULL, NULL);
}
