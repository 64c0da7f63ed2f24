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
static const char FILE_TEXT[] =
	"version: STSv1\nx: of no use\nmode: enforce\nmx: a.example\nmx: ..\nmax_age: 86400\n";
static const char KEPT[] = "version: STSv1\nmode: enforce\nmax_age: 86400\nmx: a.example\n";

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
	assert_true(bytes_equal(mtasts_entry_text(entry), bytes_of_string(KEPT)));
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
	assert_true(mtasts_cache_set_trouble(cache, entry, "some"));
	mtasts_cache_schedule(cache, entry, 5000, 1000);
	entry->since_ms = 7;
	entry->kept_s = 8;
	mtasts_cache_stand(cache, entry, MTASTS_SETTLED);
	entry = put(cache, "a.example", "next", "mx: b.example\n");
	assert_string_equal(mtasts_entry_id(entry), "next");
	assert_null(entry->trouble);
	assert_int_equal(entry->since_ms, 7);
	assert_int_equal(mtasts_entry_kept_s(entry, 5007), 13);
	assert_int_equal(mtasts_cache_count(cache), 1);
	assert_int_equal(mtasts_cache_count_of(cache, MTASTS_SETTLED), 1);
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

/* Fifteen of the longest names: the largest that is kept. */
static const char *large_text(void)
{
	static char text[5000];
	size_t len = 0;

	for (size_t i = 0; len == 0 || i < 15; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		                        "mx: %063d.%063d.%063d.%063d\n", 0, 0, 0, 0);
	return text;
}

static void octets_are_bounded_whatever_the_files_are(void **state)
{
	enum { BOUND = 20 * 1024, ROOM_FOR = 4 };
	struct gone gone = { 0 };
	struct mtasts_cache *cache = mtasts_cache_new(1000, BOUND, SECRET, on_leave, &gone);
	char domain[32];

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct mtasts_entry *entry;

		snprintf(domain, sizeof(domain), "d%d.example", i);
		entry = put(cache, domain, "1", large_text());
		assert_true(mtasts_cache_octets(cache) <= BOUND);
		assert_true(mtasts_entry_text(entry).len > MTASTS_KEPT_MAX - 300);
		assert_ptr_equal(mtasts_cache_peek(cache, domain), entry);
		assert_true(mtasts_cache_set_trouble(cache, entry, "it cannot be had"));
	}
	assert_int_equal(mtasts_cache_count(cache), ROOM_FOR);
	assert_int_equal(gone.count, 20 - ROOM_FOR);
	for (int i = 20 - ROOM_FOR; i < 20; i++) {
		snprintf(domain, sizeof(domain), "d%d.example", i);
		mtasts_cache_remove(cache, domain);
	}
	assert_int_equal(mtasts_cache_octets(cache), 0);
	assert_int_equal(gone.count, 20);
	mtasts_cache_free(cache);
}

static void put_many(struct mtasts_cache *cache, const char *format, int count,
                     enum mtasts_standing standing)
{
	char domain[32];

	for (int i = 0; i < count; i++) {
		snprintf(domain, sizeof(domain), format, i);
		mtasts_cache_stand(cache, put(cache, domain, "1", FILE_TEXT), standing);
		assert_non_null(mtasts_cache_peek(cache, domain));
	}
}

static void must_hold(const struct mtasts_cache *cache, size_t newcomers, size_t settled,
                      size_t established)
{
	assert_int_equal(mtasts_cache_count_of(cache, MTASTS_NEWCOMER), newcomers);
	assert_int_equal(mtasts_cache_count_of(cache, MTASTS_SETTLED), settled);
	assert_int_equal(mtasts_cache_count_of(cache, MTASTS_ESTABLISHED), established);
}

static void newcomers_take_what_is_free_and_push_out_each_other_only(void **state)
{
	struct mtasts_cache *cache = mtasts_cache_new(8, SIZE_MAX, SECRET, NULL, NULL);

	(void)state;
	put_many(cache, "e%d.example", 2, MTASTS_ESTABLISHED);
	put_many(cache, "s%d.example", 2, MTASTS_SETTLED);
	put_many(cache, "n%d.example", 100, MTASTS_NEWCOMER);
	must_hold(cache, 4, 2, 2);
	/* Who settles needs room, which comes from newcomers as long as more than their own part is theirs. */
	mtasts_cache_stand(cache, mtasts_cache_peek(cache, "n99.example"), MTASTS_SETTLED);
	must_hold(cache, 3, 3, 2);
	put_many(cache, "t%d.example", 1, MTASTS_SETTLED);
	must_hold(cache, 2, 4, 2);
	mtasts_cache_free(cache);
}

static void the_settled_leave_before_the_established_and_a_quarter_is_for_newcomers(void **state)
{
	struct gone gone = { 0 };
	struct mtasts_cache *cache = mtasts_cache_new(8, SIZE_MAX, SECRET, on_leave, &gone);

	(void)state;
	put_many(cache, "e%d.example", 3, MTASTS_ESTABLISHED);
	put_many(cache, "s%d.example", 100, MTASTS_SETTLED);
	must_hold(cache, 0, 3, 3);
	put_many(cache, "f%d.example", 3, MTASTS_ESTABLISHED);
	must_hold(cache, 0, 0, 6);
	put_many(cache, "g%d.example", 1, MTASTS_ESTABLISHED);
	must_hold(cache, 0, 0, 6);
	assert_string_equal(gone.last, "e0.example");
	put_many(cache, "n%d.example", 2, MTASTS_NEWCOMER);
	must_hold(cache, 2, 0, 6);
	/* One that is nobody any more, as its policy ended, makes room for any. */
	mtasts_cache_stand(cache, mtasts_cache_peek(cache, "g0.example"), MTASTS_NEWCOMER);
	put_many(cache, "m%d.example", 3, MTASTS_NEWCOMER);
	must_hold(cache, 3, 0, 5);
	assert_null(mtasts_cache_peek(cache, "g0.example"));
	mtasts_cache_free(cache);
}

static void who_moves_stays_where_he_is_with_his_place_in_the_agenda(void **state)
{
	struct gone gone = { 0 };
	struct mtasts_cache *cache = mtasts_cache_new(8, SIZE_MAX, SECRET, on_leave, &gone);
	struct mtasts_entry *entry = put(cache, "a.example", "1", FILE_TEXT);
	size_t octets = mtasts_cache_octets(cache);

	(void)state;
	mtasts_cache_schedule(cache, entry, 5000, 1000);
	for (size_t i = 0; i < 6; i++) {
		mtasts_cache_stand(cache, entry, (enum mtasts_standing)(i % MTASTS_STANDING_COUNT));
		assert_ptr_equal(mtasts_cache_find(cache, "a.example"), entry);
		assert_int_equal(mtasts_cache_octets(cache), octets);
		assert_int_equal(mtasts_cache_count(cache), 1);
	}
	assert_int_equal(gone.count, 0);
	assert_ptr_equal(mtasts_cache_due(cache, 5000), entry);
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
		cmocka_unit_test(newcomers_take_what_is_free_and_push_out_each_other_only),
		cmocka_unit_test(
			the_settled_leave_before_the_established_and_a_quarter_is_for_newcomers),
		cmocka_unit_test(who_moves_stays_where_he_is_with_his_place_in_the_agenda),
		cmocka_unit_test(what_is_scheduled_comes_when_its_time_has_come),
		cmocka_unit_test(nothing_is_put_off_for_more_than_an_hour),
		cmocka_unit_test(a_jump_of_the_clock_brings_each_once),
		cmocka_unit_test(an_entry_that_leaves_is_not_due),
		cmocka_unit_test(life_ends_with_its_last_millisecond),
	};

	return cmocka_run_group_tests_name("policy/mtasts_cache", tests, NULL, NULL);
}
