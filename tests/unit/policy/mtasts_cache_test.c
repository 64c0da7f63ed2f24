/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mtasts_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t SECRET[TABLE_SECRET_LEN] = "0123456789abcde";
static const char FILE_TEXT[] = "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400\n";

struct gone {
	size_t count;
	char last[256];
};

static void on_leave(void *owner, const struct mtasts_entry *entry)
{
	struct gone *gone = owner;

	gone->count++;
	snprintf(gone->last, sizeof(gone->last), "%s", mtasts_entry_domain(entry));
}

static struct mtasts_entry *put(struct mtasts_cache *cache, const char *domain, const char *id,
                                const char *text)
{
	struct mtasts_taken taken = {
		.domain = domain,
		.id = id,
		.policy = { .mode = MTASTS_MODE_ENFORCE, .max_age_s = 86400, .mx_count = 1 },
		.text = bytes_of_string(text),
	};
	struct mtasts_entry *entry = mtasts_cache_put(cache, &taken);

	assert_non_null(entry);
	return entry;
}

static void what_was_put_is_found(void **state)
{
	struct mtasts_cache *cache = mtasts_cache_new(8, SIZE_MAX, SECRET, NULL, NULL);
	struct mtasts_entry *entry;

	(void)state;
	put(cache, "a.example", "1", FILE_TEXT);
	entry = mtasts_cache_find(cache, "a.example");
	assert_non_null(entry);
	assert_ptr_equal(entry, mtasts_cache_peek(cache, "a.example"));
	assert_string_equal(mtasts_entry_domain(entry), "a.example");
	assert_string_equal(mtasts_entry_id(entry), "1");
	assert_true(bytes_equal(mtasts_entry_text(entry), bytes_of_string(FILE_TEXT)));
	assert_null(mtasts_cache_find(cache, "b.example"));
	mtasts_cache_free(cache);
}

static void a_newer_policy_takes_the_place_of_the_older_and_nothing_leaves(void **state)
{
	struct gone gone = { 0 };
	struct mtasts_cache *cache = mtasts_cache_new(8, SIZE_MAX, SECRET, on_leave, &gone);
	struct mtasts_entry *entry;

	(void)state;
	entry = put(cache, "a.example", "1", FILE_TEXT);
	assert_true(mtasts_entry_set_trouble(entry, "some"));
	mtasts_cache_schedule(cache, entry, 5000, 1000);
	entry = put(cache, "a.example", "next", "");
	assert_string_equal(mtasts_entry_id(entry), "next");
	assert_null(entry->trouble);
	assert_int_equal(mtasts_entry_text(entry).len, 0);
	assert_int_equal(mtasts_cache_count(cache), 1);
	assert_null(mtasts_cache_due(cache, 10000));
	mtasts_cache_free(cache);
	assert_int_equal(gone.count, 0);
}

static void a_full_cache_gives_up_what_was_asked_for_longest_ago(void **state)
{
	struct gone gone = { 0 };
	struct mtasts_cache *cache = mtasts_cache_new(3, SIZE_MAX, SECRET, on_leave, &gone);

	(void)state;
	put(cache, "a.example", "1", FILE_TEXT);
	put(cache, "b.example", "1", FILE_TEXT);
	put(cache, "c.example", "1", FILE_TEXT);
	assert_non_null(mtasts_cache_find(cache, "a.example"));
	assert_non_null(mtasts_cache_peek(cache, "b.example"));
	put(cache, "d.example", "1", FILE_TEXT);
	assert_int_equal(gone.count, 1);
	assert_string_equal(gone.last, "b.example");
	assert_int_equal(mtasts_cache_count(cache), 3);
	mtasts_cache_free(cache);
}

static void octets_are_bounded_whatever_the_files_are(void **state)
{
	static char large[60 * 1024];
	struct gone gone = { 0 };
	struct mtasts_cache *cache = mtasts_cache_new(1000, 200 * 1024, SECRET, on_leave, &gone);
	char domain[32];

	(void)state;
	memset(large, 'x', sizeof(large) - 1);
	for (int i = 0; i < 20; i++) {
		snprintf(domain, sizeof(domain), "d%d.example", i);
		put(cache, domain, "1", large);
		assert_true(mtasts_cache_octets(cache) <= 200 * 1024);
		assert_non_null(mtasts_cache_peek(cache, domain));
	}
	assert_int_equal(mtasts_cache_count(cache), 3);
	assert_int_equal(gone.count, 17);
	for (int i = 17; i < 20; i++) {
		snprintf(domain, sizeof(domain), "d%d.example", i);
		mtasts_cache_remove(cache, domain);
	}
	assert_int_equal(mtasts_cache_octets(cache), 0);
	assert_int_equal(gone.count, 20);
	mtasts_cache_free(cache);
}

static void what_is_scheduled_comes_when_its_time_has_come(void **state)
{
	struct mtasts_cache *cache = mtasts_cache_new(8, SIZE_MAX, SECRET, NULL, NULL);
	struct mtasts_entry *a = put(cache, "a.example", "1", FILE_TEXT);
	struct mtasts_entry *b = put(cache, "b.example", "1", FILE_TEXT);
	uint64_t start_ms = 5000000;

	(void)state;
	assert_null(mtasts_cache_due(cache, start_ms));
	mtasts_cache_schedule(cache, a, start_ms + 30500, start_ms);
	mtasts_cache_schedule(cache, b, start_ms + 10000, start_ms);
	assert_null(mtasts_cache_due(cache, start_ms + 9999));
	assert_ptr_equal(mtasts_cache_due(cache, start_ms + 10000), b);
	assert_null(mtasts_cache_due(cache, start_ms + 30499));
	assert_ptr_equal(mtasts_cache_due(cache, start_ms + 30500), a);
	assert_null(mtasts_cache_due(cache, start_ms + 60000));
	/* What is over already comes at the next moment. */
	mtasts_cache_schedule(cache, a, 1, start_ms + 60000);
	assert_ptr_equal(mtasts_cache_due(cache, start_ms + 61000), a);
	mtasts_cache_free(cache);
}

static void nothing_is_put_off_for_more_than_an_hour(void **state)
{
	struct mtasts_cache *cache = mtasts_cache_new(8, SIZE_MAX, SECRET, NULL, NULL);
	struct mtasts_entry *a = put(cache, "a.example", "1", FILE_TEXT);

	(void)state;
	assert_null(mtasts_cache_due(cache, 1000000));
	mtasts_cache_schedule(cache, a, UINT64_MAX, 1000000);
	assert_null(mtasts_cache_due(cache, 1000000 + 3599000));
	assert_ptr_equal(mtasts_cache_due(cache, 1000000 + 3600000), a);
	mtasts_cache_free(cache);
}

/* As after a machine slept: each comes, once, though they are scheduled again meanwhile. */
static void a_jump_of_the_clock_brings_each_once(void **state)
{
	struct mtasts_cache *cache = mtasts_cache_new(1000, SIZE_MAX, SECRET, NULL, NULL);
	uint64_t now_ms = 1000000;
	struct mtasts_entry *entry;
	size_t count = 0;

	(void)state;
	assert_null(mtasts_cache_due(cache, now_ms));
	for (unsigned i = 0; i < 500; i++) {
		char domain[32];

		snprintf(domain, sizeof(domain), "d%u.example", i);
		mtasts_cache_schedule(cache, put(cache, domain, "1", FILE_TEXT),
		                      now_ms + 7 * i * 1000, now_ms);
	}
	now_ms += 12 * 3600 * 1000;
	while ((entry = mtasts_cache_due(cache, now_ms)) != NULL) {
		mtasts_cache_schedule(cache, entry, now_ms + 3600000, now_ms);
		assert_true(++count <= 500);
	}
	assert_int_equal(count, 500);
	mtasts_cache_free(cache);
}

static void an_entry_that_leaves_is_not_due(void **state)
{
	struct mtasts_cache *cache = mtasts_cache_new(8, SIZE_MAX, SECRET, NULL, NULL);

	(void)state;
	mtasts_cache_schedule(cache, put(cache, "a.example", "1", FILE_TEXT), 5000, 1000);
	mtasts_cache_remove(cache, "a.example");
	mtasts_cache_remove(cache, "a.example");
	assert_null(mtasts_cache_due(cache, 100000));
	mtasts_cache_free(cache);
}

static void life_ends_with_its_last_millisecond(void **state)
{
	struct mtasts_entry entry = { .expires_ms = 10000 };

	(void)state;
	assert_int_equal(mtasts_entry_left_s(&entry, 0), 10);
	assert_int_equal(mtasts_entry_left_s(&entry, 9000), 1);
	assert_int_equal(mtasts_entry_left_s(&entry, 9999), 1);
	assert_int_equal(mtasts_entry_left_s(&entry, 10000), 0);
	assert_int_equal(mtasts_entry_left_s(&entry, 20000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_found),
		cmocka_unit_test(a_newer_policy_takes_the_place_of_the_older_and_nothing_leaves),
		cmocka_unit_test(a_full_cache_gives_up_what_was_asked_for_longest_ago),
		cmocka_unit_test(octets_are_bounded_whatever_the_files_are),
		cmocka_unit_test(what_is_scheduled_comes_when_its_time_has_come),
		cmocka_unit_test(nothing_is_put_off_for_more_than_an_hour),
		cmocka_unit_test(a_jump_of_the_clock_brings_each_once),
		cmocka_unit_test(an_entry_that_leaves_is_not_due),
		cmocka_unit_test(life_ends_with_its_last_millisecond),
	};

	return cmocka_run_group_tests_name("policy/mtasts_cache", tests, NULL, NULL);
}
