/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy_lists.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t secret[SIPHASH_KEY_LEN] = { 1, 2, 3 };

static const char A[] = "/etc/a.json";
static const char B[] = "/etc/b.json";

enum { MADE_S = 1764000000, LIFE_S = 1000, HOUR_MS = 3600 * 1000 };

/* Monotonic time has another beginning than the wall clock. */
static const struct policy_moment at_once = { .now_ms = 5000, .time_ms = MADE_S * UINT64_C(1000) };

static char error[POLICY_LIST_ERROR_MAX];

static int set_up(void **state)
{
	const char *const paths[] = { A, B };
	struct policy_lists *lists = policy_lists_new(secret);

	assert_non_null(lists);
	policy_lists_configure(lists, paths, 2);
	*state = lists;
	return 0;
}

static int tear_down(void **state)
{
	policy_lists_free(*state);
	return 0;
}

/* One that names that domain alone. */
static int take_at(struct policy_lists *lists, const char *path, const char *domain,
                   const char *mode, int timestamp_s, struct policy_moment moment)
{
	char text[512];
	int len = snprintf(
		text, sizeof(text),
		"{\"version\":\"0.1\",\"timestamp\":%d,\"expires\":%d,\"policy-aliases\":{},"
		"\"policies\":{\"%s\":{\"mode\":\"%s\",\"mxs\":[\"mx.%s\"]}}}",
		timestamp_s, MADE_S + LIFE_S, domain, mode, domain);

	const struct policy_list_offer offer = { path, bytes_of(text, (size_t)len), true };

	return policy_lists_take(lists, &offer, moment, error);
}

static int take(struct policy_lists *lists, const char *path, const char *domain, int timestamp_s)
{
	return take_at(lists, path, domain, "enforce", timestamp_s, at_once);
}

static enum listed_state state_of(const struct policy_lists *lists, const char *domain,
                                  uint64_t now_ms)
{
	struct listed listed;
	bool is_listed = policy_lists_find(&listed, lists, domain, now_ms);

	assert_int_equal(is_listed, listed.state != LISTED_NOT);
	return listed.state;
}

static void a_domain_has_the_state_that_its_list_says(void **state)
{
	struct policy_lists *lists = *state;
	struct listed listed;

	assert_int_equal(take(lists, A, "a.example", MADE_S), 0);
	assert_int_equal(take_at(lists, B, "b.example", "testing", MADE_S, at_once), 0);
	assert_true(policy_lists_find(&listed, lists, "a.example", at_once.now_ms + 10 * 1000));
	assert_int_equal(listed.state, LISTED_ENFORCE);
	assert_string_equal(listed.path, A);
	assert_true(listed.is_signed);
	assert_int_equal(listed.age_s, 10);
	assert_int_equal(listed.left_s, LIFE_S - 10);
	assert_true(policy_view_allows(&listed.policy, "mx.a.example"));
	assert_int_equal(state_of(lists, "b.example", at_once.now_ms), LISTED_TESTING);
	assert_int_equal(state_of(lists, "c.example", at_once.now_ms), LISTED_NOT);
}

static void the_first_list_that_names_a_domain_and_holds_counts(void **state)
{
	struct listed listed;
	struct policy_moment late = { at_once.now_ms, at_once.time_ms + (LIFE_S + 1) * 1000 };
	struct policy_lists *lists = *state;

	assert_int_equal(take_at(lists, B, "a.example", "testing", MADE_S, at_once), 0);
	assert_int_equal(take(lists, A, "a.example", MADE_S), 0);
	assert_int_equal(state_of(lists, "a.example", at_once.now_ms), LISTED_ENFORCE);
	/* The first has expired. */
	assert_int_equal(take_at(lists, A, "a.example", "enforce", MADE_S, late), 0);
	assert_int_equal(state_of(lists, "a.example", at_once.now_ms), LISTED_TESTING);
	/* So has the second. */
	assert_int_equal(take_at(lists, B, "a.example", "testing", MADE_S, late), 0);
	assert_true(policy_lists_find(&listed, lists, "a.example", at_once.now_ms));
	assert_int_equal(listed.state, LISTED_EXPIRED);
	assert_string_equal(listed.path, A);
}

static void a_list_expires_once_and_is_told_once(void **state)
{
	struct policy_lists *lists = *state;
	uint64_t end_ms = at_once.now_ms + LIFE_S * 1000;

	assert_int_equal(take(lists, A, "a.example", MADE_S), 0);
	assert_null(policy_lists_expired(lists, end_ms - 1));
	assert_int_equal(state_of(lists, "a.example", end_ms - 1), LISTED_ENFORCE);
	assert_int_equal(state_of(lists, "a.example", end_ms), LISTED_EXPIRED);
	assert_string_equal(policy_lists_expired(lists, end_ms), A);
	assert_null(policy_lists_expired(lists, end_ms));
}

static void a_clock_that_steps_neither_kills_a_list_nor_revives_it(void **state)
{
	struct policy_lists *lists = *state;

	/* Whatever the wall clock says after it was taken: it is not asked. */
	assert_int_equal(take(lists, A, "a.example", MADE_S), 0);
	assert_int_equal(state_of(lists, "a.example", at_once.now_ms + LIFE_S * 999),
	                 LISTED_ENFORCE);
	assert_int_equal(state_of(lists, "a.example", at_once.now_ms + LIFE_S * 1001),
	                 LISTED_EXPIRED);
}

static void a_clock_behind_the_list_does_not_lengthen_its_life(void **state)
{
	struct policy_moment wrong = { .now_ms = 5000, .time_ms = 1000 };
	struct policy_lists *lists = *state;
	struct listed listed;

	assert_int_equal(take_at(lists, A, "a.example", "enforce", MADE_S, wrong), 0);
	assert_true(policy_lists_find(&listed, lists, "a.example", wrong.now_ms));
	assert_int_equal(listed.left_s, LIFE_S);
	assert_int_equal(listed.age_s, 0);
}

static void a_list_from_the_future_does_not_keep_later_ones_away(void **state)
{
	/* Ours is two days behind that of whoever made it, or his was wrong. */
	const struct policy_moment before = {
		.now_ms = 5000, .time_ms = (MADE_S - 2 * 24 * 60 * 60) * UINT64_C(1000)
	};
	struct policy_lists *lists = *state;

	assert_int_equal(take_at(lists, A, "future.example", "enforce", MADE_S, before), 0);
	assert_int_equal(
		take_at(lists, A, "old.example", "enforce", MADE_S - 2 * 24 * 60 * 60, before),
		-ESTALE);
	assert_int_equal(take_at(lists, A, "next.example", "enforce", MADE_S - 60, before), 0);
	assert_int_equal(state_of(lists, "next.example", before.now_ms), LISTED_ENFORCE);
}

static void a_list_older_than_the_newest_is_refused_and_the_newest_stays(void **state)
{
	struct policy_lists *lists = *state;

	assert_int_equal(take(lists, A, "new.example", MADE_S + 1), 0);
	assert_int_equal(take(lists, A, "old.example", MADE_S), -ESTALE);
	assert_string_equal(error, "timestamp: 2025-11-24T16:00:00Z is older than "
	                           "2025-11-24T16:00:01Z, which was taken from here before");
	assert_int_equal(state_of(lists, "new.example", at_once.now_ms), LISTED_ENFORCE);
	assert_int_equal(state_of(lists, "old.example", at_once.now_ms), LISTED_NOT);
	/* The same time, another text: a list made twice in a second. And other paths have nothing to do with it. */
	assert_int_equal(take(lists, A, "same.example", MADE_S + 1), 0);
	assert_int_equal(take(lists, B, "old.example", MADE_S), 0);
}

static void a_malformed_list_leaves_the_one_before(void **state)
{
	struct policy_lists *lists = *state;

	assert_int_equal(take(lists, A, "a.example", MADE_S), 0);
	assert_int_equal(take(lists, A, "not a name", MADE_S + 5), -EINVAL);
	assert_int_equal(state_of(lists, "a.example", at_once.now_ms), LISTED_ENFORCE);
	/* Nor does its time count. */
	assert_int_equal(take(lists, A, "b.example", MADE_S + 1), 0);
}

static void what_an_earlier_process_remembered_is_not_gone_back_behind(void **state)
{
	struct row_list row = { .path = "/etc/a.json",
		                .timestamp_ms = (MADE_S + 1) * UINT64_C(1000) };
	struct policy_lists *lists = *state;
	struct policy_list_facts facts;

	assert_false(policy_lists_recall(lists, &row));
	assert_int_equal(take(lists, A, "old.example", MADE_S), -ESTALE);
	assert_int_equal(take(lists, A, "new.example", MADE_S + 1), 0);
	/* Where the old list came before the rows did, it goes. */
	row.timestamp_ms += 1000;
	assert_true(policy_lists_recall(lists, &row));
	assert_int_equal(state_of(lists, "new.example", at_once.now_ms), LISTED_NOT);
	assert_false(policy_lists_facts(&facts, lists, A, at_once.now_ms));
	/* A row that is older than what is known changes nothing. */
	row.timestamp_ms = 1000;
	assert_int_equal(take(lists, A, "newer.example", MADE_S + 2), 0);
	assert_false(policy_lists_recall(lists, &row));
	assert_int_equal(take(lists, A, "old.example", MADE_S + 1), -ESTALE);
}

static void what_is_newer_than_the_rows_is_to_be_saved_once(void **state)
{
	struct row_list row = { .path = "/etc/a.json", .timestamp_ms = MADE_S * UINT64_C(1000) };
	struct policy_lists *lists = *state;
	struct row_list unsaved;

	assert_false(policy_lists_recall(lists, &row));
	assert_int_equal(take(lists, A, "a.example", MADE_S), 0);
	assert_false(policy_lists_unsaved(&unsaved, lists));
	assert_int_equal(take(lists, A, "a.example", MADE_S + 1), 0);
	assert_true(policy_lists_unsaved(&unsaved, lists));
	assert_string_equal(unsaved.path, A);
	assert_int_equal(unsaved.timestamp_ms, (MADE_S + 1) * UINT64_C(1000));
	/* Another one came before the first was safe. */
	assert_int_equal(take(lists, A, "a.example", MADE_S + 2), 0);
	policy_lists_note_saved(lists, &unsaved);
	assert_true(policy_lists_unsaved(&unsaved, lists));
	policy_lists_note_saved(lists, &unsaved);
	assert_false(policy_lists_unsaved(&unsaved, lists));
}

static void a_list_that_is_configured_no_more_is_dropped_and_its_time_is_remembered(void **state)
{
	const char *const only_b[] = { B }, *const swapped[] = { B, A };
	struct policy_lists *lists = *state;

	assert_int_equal(take(lists, A, "a.example", MADE_S + 1), 0);
	assert_int_equal(take(lists, B, "b.example", MADE_S), 0);
	policy_lists_configure(lists, swapped, 2);
	assert_int_equal(state_of(lists, "a.example", at_once.now_ms), LISTED_ENFORCE);
	policy_lists_configure(lists, only_b, 1);
	assert_int_equal(state_of(lists, "a.example", at_once.now_ms), LISTED_NOT);
	assert_int_equal(state_of(lists, "b.example", at_once.now_ms), LISTED_ENFORCE);
	assert_int_equal(take(lists, A, "a.example", MADE_S + 1), -ENOENT);
	policy_lists_configure(lists, swapped, 2);
	assert_int_equal(take(lists, A, "a.example", MADE_S), -ESTALE);
}

static void the_order_of_the_configuration_decides(void **state)
{
	const char *const swapped[] = { B, A };
	struct policy_lists *lists = *state;

	assert_int_equal(take(lists, A, "a.example", MADE_S), 0);
	assert_int_equal(take_at(lists, B, "a.example", "testing", MADE_S, at_once), 0);
	assert_int_equal(state_of(lists, "a.example", at_once.now_ms), LISTED_ENFORCE);
	policy_lists_configure(lists, swapped, 2);
	assert_int_equal(state_of(lists, "a.example", at_once.now_ms), LISTED_TESTING);
}

static void a_list_tells_what_it_is(void **state)
{
	struct policy_lists *lists = *state;
	struct policy_list_facts facts;

	assert_false(policy_lists_facts(&facts, lists, A, 0));
	assert_int_equal(take(lists, A, "a.example", MADE_S), 0);
	assert_true(policy_lists_facts(&facts, lists, A, at_once.now_ms));
	assert_int_equal(facts.timestamp_s, MADE_S);
	assert_int_equal(facts.expires_s, MADE_S + LIFE_S);
	assert_int_equal(facts.domains, 1);
	assert_true(facts.memory > 0);
	assert_false(facts.is_expired);
	assert_true(policy_lists_facts(&facts, lists, A, at_once.now_ms + HOUR_MS));
	assert_true(facts.is_expired);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_domain_has_the_state_that_its_list_says),
		TEST(the_first_list_that_names_a_domain_and_holds_counts),
		TEST(a_list_expires_once_and_is_told_once),
		TEST(a_clock_that_steps_neither_kills_a_list_nor_revives_it),
		TEST(a_clock_behind_the_list_does_not_lengthen_its_life),
		TEST(a_list_from_the_future_does_not_keep_later_ones_away),
		TEST(a_list_older_than_the_newest_is_refused_and_the_newest_stays),
		TEST(a_malformed_list_leaves_the_one_before),
		TEST(what_an_earlier_process_remembered_is_not_gone_back_behind),
		TEST(what_is_newer_than_the_rows_is_to_be_saved_once),
		TEST(a_list_that_is_configured_no_more_is_dropped_and_its_time_is_remembered),
		TEST(the_order_of_the_configuration_decides),
		TEST(a_list_tells_what_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
