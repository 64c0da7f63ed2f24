/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/row_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t secret[TABLE_SECRET_LEN] = { 7 };

static int set_up(void **state)
{
	*state = row_queue_new(secret);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	row_queue_free(*state);
	return 0;
}

static void put_met(struct row_queue *queue, const char *domain, uint32_t days)
{
	static struct row row;

	memset(&row, 0, offsetof(struct row, policy.text));
	row.kind = ROW_MET;
	snprintf(row.met.domain, sizeof(row.met.domain), "%s", domain);
	row.met.days = days;
	row_queue_put(queue, &row);
}

static void put_policy(struct row_queue *queue, unsigned number, uint32_t text_len)
{
	static struct row row;

	memset(&row, 0, sizeof(row));
	row.kind = ROW_POLICY;
	snprintf(row.policy.domain, sizeof(row.policy.domain), "domain%u.example", number);
	row.policy.text_len = text_len;
	row_queue_put(queue, &row);
}

static void must_be_next(struct row_queue *queue, const char *domain, uint32_t days)
{
	const struct row *row = row_queue_next(queue);

	assert_non_null(row);
	assert_string_equal(row->met.domain, domain);
	assert_int_equal(row->met.days, days);
}

static void of_rows_with_one_key_the_last_waits(void **state)
{
	struct row_queue *queue = *state;

	put_met(queue, "a.example", 1);
	put_met(queue, "b.example", 1);
	put_met(queue, "a.example", 2);
	assert_int_equal(row_queue_count(queue), 2);
	row_queue_rewind(queue);
	must_be_next(queue, "b.example", 1);
	must_be_next(queue, "a.example", 2);
	assert_null(row_queue_next(queue));
	assert_int_equal(row_queue_lost(queue), 0);
}

static void rows_of_another_kind_or_address_have_other_keys(void **state)
{
	struct row_queue *queue = *state;
	struct row *row = calloc(1, sizeof(*row));

	assert_non_null(row);
	put_met(queue, "a.example", 1);
	row->kind = ROW_PLACE;
	snprintf(row->place.host, sizeof(row->place.host), "a.example");
	assert_true(address_parse(&row->place.address, "192.0.2.1"));
	row_queue_put(queue, row);
	assert_true(address_parse(&row->place.address, "192.0.2.2"));
	row_queue_put(queue, row);
	row_queue_put(queue, row);
	free(row);
	assert_int_equal(row_queue_count(queue), 3);
}

static void what_waited_longest_is_lost_first_and_counted(void **state)
{
	struct row_queue *queue = *state;
	char name[32];

	for (unsigned i = 0; i < ROW_QUEUE_MAX + 3; i++) {
		snprintf(name, sizeof(name), "domain%u.example", i);
		put_met(queue, name, i);
	}
	assert_int_equal(row_queue_count(queue), ROW_QUEUE_MAX);
	assert_int_equal(row_queue_lost(queue), 3);
	row_queue_rewind(queue);
	must_be_next(queue, "domain3.example", 3);
}

static void long_texts_are_bounded_by_their_octets(void **state)
{
	struct row_queue *queue = *state;

	for (unsigned i = 0; i < 5000; i++)
		put_policy(queue, i, ROW_POLICY_TEXT_MAX);
	assert_true(row_queue_octets(queue) <= ROW_QUEUE_OCTETS_MAX);
	assert_true(row_queue_octets(queue) > ROW_QUEUE_OCTETS_MAX - 2 * ROW_POLICY_TEXT_MAX);
	assert_int_equal(row_queue_count(queue) + row_queue_lost(queue), 5000);
	/* A row that is replaced gives its octets back. */
	for (unsigned i = 0; i < 5000; i++)
		put_policy(queue, 4999, 10);
	assert_int_equal(row_queue_count(queue) + row_queue_lost(queue), 5000);
	row_queue_drop(queue, SIZE_MAX);
	assert_int_equal(row_queue_octets(queue), 0);
}

static bool take_two(void *owner, const struct row *row)
{
	unsigned *taken = owner;

	(void)row;
	return (*taken)++ < 2;
}

static void what_did_not_arrive_stays(void **state)
{
	struct row_queue *queue = *state;
	unsigned taken = 0;

	put_met(queue, "a.example", 1);
	put_met(queue, "b.example", 1);
	put_met(queue, "c.example", 1);
	assert_int_equal(row_queue_visit(queue, 10, take_two, &taken), 2);
	row_queue_drop(queue, 2);
	row_queue_rewind(queue);
	must_be_next(queue, "c.example", 1);
	assert_null(row_queue_next(queue));
}

static void a_walk_endures_that_its_next_row_leaves_or_is_put_again(void **state)
{
	struct row_queue *queue = *state;

	put_met(queue, "a.example", 1);
	put_met(queue, "b.example", 1);
	put_met(queue, "c.example", 1);
	put_met(queue, "d.example", 1);
	row_queue_rewind(queue);
	must_be_next(queue, "a.example", 1);
	put_met(queue, "b.example", 2);
	must_be_next(queue, "c.example", 1);
	/* a, c and d: d was the next one. */
	row_queue_drop(queue, 3);
	must_be_next(queue, "b.example", 2);
	assert_null(row_queue_next(queue));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(of_rows_with_one_key_the_last_waits),
		TEST(rows_of_another_kind_or_address_have_other_keys),
		TEST(what_waited_longest_is_lost_first_and_counted),
		TEST(long_texts_are_bounded_by_their_octets),
		TEST(what_did_not_arrive_stays),
		TEST(a_walk_endures_that_its_next_row_leaves_or_is_put_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
