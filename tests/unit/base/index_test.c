/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static size_t count(const struct index *index, uint32_t hash, const struct index_link *wanted)
{
	size_t found = 0;

	for (const struct index_link *link = index_first(index, hash); link;
	     link = index_next(link))
		found += !wanted || link == wanted;
	return found;
}

static void what_has_the_same_hash_is_found_and_nothing_else(void **state)
{
	struct index *index = index_new();
	/* In few buckets these share one. */
	struct index_link links[6] = { 0 };
	static const uint32_t hashes[6] = { 1, 17, 1, 33, 1, 2 };

	(void)state;
	assert_null(index_first(index, 1));
	for (size_t i = 0; i < 6; i++)
		index_add(index, &links[i], hashes[i]);
	assert_int_equal(count(index, 1, NULL), 3);
	assert_int_equal(count(index, 17, NULL), 1);
	assert_int_equal(count(index, 49, NULL), 0);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(count(index, hashes[i], &links[i]), 1);
	index_free(index);
}

static void what_is_removed_is_not_found_and_the_others_are(void **state)
{
	/* Each of a chain of three, from either end and the middle. */
	for (size_t removed = 0; removed < 3; removed++) {
		struct index *index = index_new();
		struct index_link links[3] = { 0 };

		(void)state;
		for (size_t i = 0; i < 3; i++)
			index_add(index, &links[i], 7);
		index_remove(index, &links[removed]);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(count(index, 7, &links[i]), i != removed);
		index_add(index, &links[removed], 8);
		assert_ptr_equal(index_first(index, 8), &links[removed]);
		assert_null(index_next(&links[removed]));
		index_free(index);
	}
}

static void of_thousands_each_is_found_while_they_come_and_go(void **state)
{
	enum { COUNT = 5000 };
	static struct index_link links[COUNT];
	struct index *index = index_new();

	(void)state;
	for (uint32_t i = 0; i < COUNT; i++) {
		index_add(index, &links[i], i % 1000 * 2654435761u);
		if (i % 3 == 0)
			index_remove(index, &links[i]);
	}
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(count(index, i % 1000 * 2654435761u, &links[i]), i % 3 != 0);
	index_free(index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_the_same_hash_is_found_and_nothing_else),
		cmocka_unit_test(what_is_removed_is_not_found_and_the_others_are),
		cmocka_unit_test(of_thousands_each_is_found_while_they_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
