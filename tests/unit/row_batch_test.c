/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "row_batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct row_batch batch;
	struct row row;
	unsigned taken;
	char last[DOMAIN_NAME_MAX];
};

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static void take(void *owner, const struct row *row)
{
	struct fixture *fixture = owner;

	fixture->taken++;
	snprintf(fixture->last, sizeof(fixture->last), "%s", row->met.domain);
}

static const struct row *a_policy(struct fixture *fixture, uint32_t text_len)
{
	struct row *row = &fixture->row;

	memset(row, 0, sizeof(*row));
	row->kind = ROW_POLICY;
	snprintf(row->policy.domain, sizeof(row->policy.domain), "policy.example");
	row->policy.text_len = text_len;
	return row;
}

static const struct row *a_met(struct fixture *fixture)
{
	struct row *row = &fixture->row;

	memset(row, 0, sizeof(*row));
	row->kind = ROW_MET;
	snprintf(row->met.domain, sizeof(row->met.domain), "met.example");
	return row;
}

static void rows_come_out_as_they_went_in(void **state)
{
	struct fixture *fixture = *state;

	/* Lengths of every remainder: what follows must stand aligned all the same. */
	for (uint32_t len = 0; len < 9; len++)
		assert_true(row_batch_add(&fixture->batch, a_policy(fixture, len)));
	assert_true(row_batch_add(&fixture->batch, a_met(fixture)));
	assert_true(row_batch_read(&fixture->batch.message, fixture->batch.len, take, fixture));
	assert_int_equal(fixture->taken, 10);
	assert_string_equal(fixture->last, "met.example");
}

static void take_same(void *owner, const struct row *row)
{
	struct fixture *fixture = owner;

	assert_int_equal(row_len(row), row_len(&fixture->row));
	assert_memory_equal(row, &fixture->row, row_len(row));
	fixture->taken++;
}

static void every_kind_comes_out_octet_for_octet(void **state)
{
	struct fixture *fixture = *state;
	struct row *row = &fixture->row;

	for (uint32_t kind = 0; kind < ROW_KIND_COUNT; kind++) {
		for (size_t name_len = 1; name_len < DOMAIN_NAME_MAX; name_len++) {
			memset(row, 0x5a, sizeof(*row));
			row->kind = kind;
			row->is_removed = name_len % 2;
			memset(row->policy.domain, 0, sizeof(row->policy.domain));
			memset(row->policy.domain, 'a', name_len);
			if (kind == ROW_POLICY) {
				row->policy.id[1] = '\0';
				row->policy.text_len = (uint32_t)name_len;
			} else if (kind == ROW_PLACE) {
				row->place.address.family = 6;
				row->place.has_key = 1;
			}
			row_batch_clear(&fixture->batch);
			assert_true(row_batch_add(&fixture->batch, row));
			assert_true(row_batch_read(&fixture->batch.message, fixture->batch.len,
			                           take_same, fixture));
		}
	}
	assert_int_equal(fixture->taken, ROW_KIND_COUNT * (DOMAIN_NAME_MAX - 1));
}

static void a_batch_that_is_full_says_so_and_stays_whole(void **state)
{
	struct fixture *fixture = *state;
	unsigned added = 0;

	assert_true(row_batch_add(&fixture->batch, a_policy(fixture, ROW_POLICY_TEXT_MAX)));
	while (row_batch_add(&fixture->batch, a_met(fixture)))
		added++;
	assert_true(added > 50);
	assert_true(row_batch_read(&fixture->batch.message, fixture->batch.len, take, fixture));
	assert_int_equal(fixture->taken, added + 1);
	row_batch_clear(&fixture->batch);
	assert_true(row_batch_add(&fixture->batch, a_policy(fixture, ROW_POLICY_TEXT_MAX)));
}

static void one_bad_row_spoils_the_batch(void **state)
{
	struct fixture *fixture = *state;
	struct row *row;

	assert_true(row_batch_add(&fixture->batch, a_met(fixture)));
	row = (struct row *)(uintptr_t)a_met(fixture);
	row->kind = ROW_MET;
	memset(row->met.domain, 'a', sizeof(row->met.domain));
	assert_true(row_batch_add(&fixture->batch, row));
	assert_false(row_batch_read(&fixture->batch.message, fixture->batch.len, take, fixture));
	assert_int_equal(fixture->taken, 0);
}

static void a_claimed_length_is_not_believed(void **state)
{
	struct fixture *fixture = *state;
	static const uint64_t lens[] = { 0,
		                         1,
		                         8,
		                         256,
		                         1 << 20,
		                         UINT64_C(1) << 32,
		                         UINT64_C(0xffffffff) << 32,
		                         UINT64_MAX,
		                         UINT64_MAX - 7 };

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		row_batch_clear(&fixture->batch);
		assert_true(row_batch_add(&fixture->batch, a_met(fixture)));
		memcpy(fixture->batch.message.octets, &lens[i], sizeof(lens[i]));
		assert_false(
			row_batch_read(&fixture->batch.message, fixture->batch.len, take, fixture));
	}
	assert_false(row_batch_read(&fixture->batch.message, 0, take, fixture));
	assert_false(row_batch_read(&fixture->batch.message, offsetof(struct message_rows, octets),
	                            take, fixture));
}

/* The message lies against a page that cannot be read; cut at each length, only whole rows are taken. */
static void a_batch_cut_anywhere_is_refused_unless_its_rows_are_whole(void **state)
{
	struct fixture *fixture = *state;
	size_t page = (size_t)sysconf(_SC_PAGESIZE), whole, len;
	uint8_t *pages =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(pages, MAP_FAILED);
	assert_int_equal(mprotect(pages + page, page, PROT_NONE), 0);
	assert_true(row_batch_add(&fixture->batch, a_policy(fixture, 3)));
	whole = fixture->batch.len;
	assert_true(row_batch_add(&fixture->batch, a_met(fixture)));
	for (len = 8; len <= fixture->batch.len; len += 8) {
		/* Only at lengths that keep it aligned: the kernel's copy lies in a buffer of malloc. */
		uint8_t *at = pages + page - len;
		bool is_good = len == whole || len == fixture->batch.len;

		memcpy(at, &fixture->batch.message, len);
		assert_int_equal(row_batch_read((const void *)at, len, take, fixture), is_good);
	}
	munmap(pages, 2 * page);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(rows_come_out_as_they_went_in),
		TEST(every_kind_comes_out_octet_for_octet),
		TEST(a_batch_that_is_full_says_so_and_stays_whole),
		TEST(one_bad_row_spoils_the_batch),
		TEST(a_claimed_length_is_not_believed),
		TEST(a_batch_cut_anywhere_is_refused_unless_its_rows_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
