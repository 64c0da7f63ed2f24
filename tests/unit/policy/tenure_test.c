/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/tenure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CAPACITY = 16 };

static const uint8_t secret[TABLE_SECRET_LEN] = { 3 };

struct fixture {
	struct tenure *tenure;
	unsigned left;
	uint32_t last_left;
};

static void on_leave(void *owner, void *value)
{
	struct fixture *fixture = owner;

	fixture->left++;
	memcpy(&fixture->last_left, value, sizeof(fixture->last_left));
}

static int set_up(void **state)
{
	static struct fixture fixture;

	memset(&fixture, 0, sizeof(fixture));
	fixture.tenure = tenure_new(CAPACITY, sizeof(uint32_t), secret, on_leave, &fixture);
	*state = &fixture;
	return fixture.tenure ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	tenure_free(fixture->tenure);
	return 0;
}

static void add(struct fixture *fixture, const char *prefix, uint32_t number, bool settles)
{
	char name[32];
	uint32_t *value;

	snprintf(name, sizeof(name), "%s%u.example", prefix, number);
	value = tenure_add(fixture->tenure, name);
	assert_non_null(value);
	assert_int_equal(*value, 0);
	*value = number;
	if (settles)
		assert_ptr_equal(tenure_settle(fixture->tenure, name), value);
}

static void newcomers_push_out_each_other_only(void **state)
{
	struct fixture *fixture = *state;

	for (uint32_t i = 0; i < CAPACITY; i++)
		add(fixture, "settled", i, true);
	for (uint32_t i = 0; i < 1000; i++)
		add(fixture, "stranger", i, false);
	assert_int_equal(tenure_count(fixture->tenure),
	                 CAPACITY + CAPACITY / TENURE_NEWCOMER_SHARE);
	for (uint32_t i = 0; i < CAPACITY; i++) {
		char name[32];
		const uint32_t *value;

		snprintf(name, sizeof(name), "settled%u.example", i);
		value = tenure_find(fixture->tenure, name);
		assert_non_null(value);
		assert_int_equal(*value, i);
		assert_true(tenure_is_settled(value));
		assert_string_equal(tenure_name(value), name);
	}
	assert_null(tenure_peek(fixture->tenure, "stranger0.example"));
	assert_non_null(tenure_peek(fixture->tenure, "stranger999.example"));
}

static void of_the_settled_the_one_unused_for_longest_leaves(void **state)
{
	struct fixture *fixture = *state;

	for (uint32_t i = 0; i < CAPACITY; i++)
		add(fixture, "settled", i, true);
	assert_non_null(tenure_find(fixture->tenure, "settled0.example"));
	add(fixture, "settled", CAPACITY, true);
	assert_int_equal(fixture->left, 1);
	assert_int_equal(fixture->last_left, 1);
	assert_non_null(tenure_peek(fixture->tenure, "settled0.example"));
}

static void each_value_leaves_once(void **state)
{
	struct fixture *fixture = *state;
	uint64_t handle = tenure_handle(fixture->tenure, "a1.example");

	add(fixture, "a", 1, true);
	add(fixture, "b", 2, false);
	assert_int_equal(fixture->left, 0);
	assert_ptr_equal(tenure_by_handle(fixture->tenure, handle),
	                 tenure_peek(fixture->tenure, "a1.example"));
	tenure_remove(fixture->tenure, "a1.example");
	tenure_remove(fixture->tenure, "a1.example");
	tenure_remove(fixture->tenure, "c.example");
	assert_int_equal(fixture->left, 1);
	assert_null(tenure_by_handle(fixture->tenure, handle));
	assert_null(tenure_settle(fixture->tenure, "a1.example"));
	tenure_remove(fixture->tenure, "b2.example");
	assert_int_equal(fixture->left, 2);
	assert_int_equal(tenure_count(fixture->tenure), 0);
	assert_int_equal(tenure_octets(fixture->tenure), 0);
}

static void eviction_takes_newcomers_first(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, "settled", 1, true);
	add(fixture, "new", 2, false);
	add(fixture, "new", 3, false);
	assert_true(tenure_evict(fixture->tenure));
	assert_int_equal(fixture->last_left, 2);
	assert_true(tenure_evict(fixture->tenure));
	assert_int_equal(fixture->last_left, 3);
	assert_true(tenure_evict(fixture->tenure));
	assert_int_equal(fixture->last_left, 1);
	assert_false(tenure_evict(fixture->tenure));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(newcomers_push_out_each_other_only),
		TEST(of_the_settled_the_one_unused_for_longest_leaves),
		TEST(each_value_leaves_once),
		TEST(eviction_takes_newcomers_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
