/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t secret[TABLE_SECRET_LEN] = "sixteen octets.";

struct left {
	size_t count;
	uint32_t last_key;
	uint64_t last_value;
};

static void note_left(void *owner, const void *key, void *value)
{
	struct left *left = owner;

	left->count++;
	memcpy(&left->last_key, key, sizeof(left->last_key));
	memcpy(&left->last_value, value, sizeof(left->last_value));
}

static struct table *small_table(struct left *left)
{
	struct table *table = table_new(3, sizeof(uint32_t), sizeof(uint64_t), secret,
	                                left ? note_left : NULL, left);

	assert_non_null(table);
	return table;
}

static uint64_t *put(struct table *table, uint32_t key, uint64_t value)
{
	uint64_t *place = table_insert(table, &key);

	assert_non_null(place);
	assert_int_equal(*place, 0);
	*place = value;
	return place;
}

static uint64_t *find(struct table *table, uint32_t key)
{
	return table_find(table, &key);
}

static void what_was_put_in_is_found_and_nothing_else(void **state)
{
	struct table *table = small_table(NULL);
	uint32_t absent = 9;

	(void)state;
	put(table, 1, 100);
	put(table, 2, 200);
	assert_int_equal(*find(table, 1), 100);
	assert_int_equal(*find(table, 2), 200);
	assert_null(find(table, 9));
	assert_null(table_peek(table, &absent));
	assert_int_equal(table_count(table), 2);
	table_free(table);
}

static void a_full_table_gives_up_what_was_unused_for_longest(void **state)
{
	struct left left = { 0 };
	struct table *table = small_table(&left);

	(void)state;
	put(table, 1, 100);
	put(table, 2, 200);
	put(table, 3, 300);
	assert_non_null(find(table, 1));
	put(table, 4, 400);
	assert_int_equal(left.count, 1);
	assert_int_equal(left.last_key, 2);
	assert_int_equal(left.last_value, 200);
	assert_null(find(table, 2));
	assert_non_null(find(table, 1));
	assert_int_equal(table_count(table), 3);
	assert_int_equal(table_evictions(table), 1);
	table_free(table);
}

static void peeking_makes_nothing_younger(void **state)
{
	struct table *table = small_table(NULL);
	uint32_t first = 1;

	(void)state;
	put(table, 1, 100);
	put(table, 2, 200);
	put(table, 3, 300);
	assert_non_null(table_peek(table, &first));
	put(table, 4, 400);
	assert_null(find(table, 1));
	table_free(table);
}

static void entries_are_walked_from_the_oldest_to_the_youngest(void **state)
{
	static const uint32_t want[] = { 2, 3, 1 };
	struct table *table = small_table(NULL);
	const void *key;
	void *value;
	size_t i;

	(void)state;
	assert_null(table_oldest(table, &key));
	put(table, 1, 100);
	put(table, 2, 200);
	put(table, 3, 300);
	assert_non_null(find(table, 1));
	value = table_oldest(table, &key);
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_non_null(value);
		assert_memory_equal(key, &want[i], sizeof(want[i]));
		assert_int_equal(*(uint64_t *)value, 100 * want[i]);
		value = table_younger(table, value, &key);
	}
	assert_null(value);
	table_free(table);
}

static void each_entry_leaves_exactly_once(void **state)
{
	struct left left = { 0 };
	struct table *table = small_table(&left);
	uint32_t key;

	(void)state;
	for (key = 0; key < 10; key++)
		put(table, key, key);
	assert_int_equal(left.count, 7);
	key = 9;
	table_remove(table, &key);
	table_remove(table, &key);
	assert_int_equal(left.count, 8);
	assert_int_equal(left.last_key, 9);
	assert_int_equal(table_count(table), 2);
	/* A removal is no eviction. */
	assert_int_equal(table_evictions(table), 7);
	table_free(table);
	assert_int_equal(left.count, 10);
}

static void a_cleared_table_is_empty_and_goes_on(void **state)
{
	struct left left = { 0 };
	struct table *table = small_table(&left);
	uint32_t key;

	(void)state;
	for (key = 0; key < 3; key++)
		put(table, key, key);
	table_clear(table);
	assert_int_equal(left.count, 3);
	assert_int_equal(table_count(table), 0);
	for (key = 0; key < 3; key++)
		assert_null(table_find(table, &key));
	put(table, 1, 1);
	assert_int_equal(table_count(table), 1);
	table_free(table);
	assert_int_equal(left.count, 4);
}

static void a_value_keeps_its_place_while_the_table_grows(void **state)
{
	struct table *table =
		table_new(5000, sizeof(uint32_t), sizeof(uint64_t), secret, NULL, NULL);
	uint64_t *first;
	uint32_t key;

	(void)state;
	assert_non_null(table);
	first = put(table, 0, 42);
	for (key = 1; key < 5000; key++)
		put(table, key, key);
	assert_ptr_equal(find(table, 0), first);
	assert_int_equal(*first, 42);
	for (key = 1; key < 5000; key++)
		assert_int_equal(*find(table, key), key);
	table_free(table);
}

static void values_are_aligned_whatever_the_key_length(void **state)
{
	size_t key_len;

	(void)state;
	for (key_len = 1; key_len <= 40; key_len++) {
		uint8_t key[40] = { 1, 2, 3 };
		struct table *table = table_new(4, key_len, 24, secret, NULL, NULL);
		void *value;

		assert_non_null(table);
		value = table_insert(table, key);
		assert_non_null(value);
		assert_int_equal((uintptr_t)value % _Alignof(max_align_t), 0);
		assert_ptr_equal(table_find(table, key), value);
		table_free(table);
	}
}

enum { MODEL_KEYS = 64, MODEL_CAPACITY = 20 };

/* What the table should hold: a stamp of last use for each key, 0 for absent. */
struct model {
	uint64_t used[MODEL_KEYS];
	uint64_t clock;
	size_t count;
};

static void model_evict(struct model *model)
{
	size_t oldest = 0;
	size_t i;

	for (i = 1; i < MODEL_KEYS; i++) {
		if (model->used[i] &&
		    (!model->used[oldest] || model->used[i] < model->used[oldest]))
			oldest = i;
	}
	model->used[oldest] = 0;
	model->count--;
}

static void step(struct table *table, struct model *model, uint32_t key, unsigned deed)
{
	model->clock++;
	if (deed == 0) {
		table_remove(table, &key);
		model->count -= model->used[key] != 0;
		model->used[key] = 0;
	} else if (find(table, key)) {
		assert_true(model->used[key] != 0);
		model->used[key] = model->clock;
	} else {
		assert_int_equal(model->used[key], 0);
		put(table, key, key + 1);
		if (model->count == MODEL_CAPACITY)
			model_evict(model);
		model->count++;
		model->used[key] = model->clock;
	}
	assert_int_equal(table_count(table), model->count);
}

static void many_random_steps_agree_with_a_simple_model(void **state)
{
	struct table *table =
		table_new(MODEL_CAPACITY, sizeof(uint32_t), sizeof(uint64_t), secret, NULL, NULL);
	struct model model = { 0 };
	uint32_t random = 1;
	uint32_t key;
	unsigned i;

	(void)state;
	assert_non_null(table);
	for (i = 0; i < 20000; i++) {
		random = random * 1664525 + 1013904223;
		step(table, &model, random >> 16 & (MODEL_KEYS - 1), random >> 24 & 3);
	}
	for (key = 0; key < MODEL_KEYS; key++) {
		const uint64_t *value = table_peek(table, &key);

		assert_int_equal(value != NULL, model.used[key] != 0);
		if (value)
			assert_int_equal(*value, key + 1);
	}
	table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_in_is_found_and_nothing_else),
		cmocka_unit_test(a_full_table_gives_up_what_was_unused_for_longest),
		cmocka_unit_test(peeking_makes_nothing_younger),
		cmocka_unit_test(entries_are_walked_from_the_oldest_to_the_youngest),
		cmocka_unit_test(each_entry_leaves_exactly_once),
		cmocka_unit_test(a_cleared_table_is_empty_and_goes_on),
		cmocka_unit_test(a_value_keeps_its_place_while_the_table_grows),
		cmocka_unit_test(values_are_aligned_whatever_the_key_length),
		cmocka_unit_test(many_random_steps_agree_with_a_simple_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
