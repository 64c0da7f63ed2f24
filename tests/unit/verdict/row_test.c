/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/guarded.h"

static struct row *new_row(uint32_t kind)
{
	struct row *row = calloc(1, sizeof(*row));

	assert_non_null(row);
	row->kind = kind;
	switch (kind) {
	case ROW_POLICY:
		strcpy(row->policy.domain, "example.org");
		strcpy(row->policy.id, "20261122");
		row->policy.text_len = 300;
		break;
	case ROW_PLACE:
		strcpy(row->place.host, "mx.example.org");
		row->place.address.family = 4;
		break;
	case ROW_MET:
		strcpy(row->met.domain, "example.org");
		break;
	default:
		strcpy(row->list.path, "/etc/hopguard/policy.json");
		break;
	}
	return row;
}

static void a_row_is_sound_at_its_own_length_only(void **state)
{
	struct guarded guarded = guarded_new();

	(void)state;
	for (uint32_t kind = 0; kind < ROW_KIND_COUNT; kind++) {
		struct row *row = new_row(kind);
		size_t len = row_len(row);

		assert_true(row_is_sound(row, len));
		assert_false(row_is_sound(row, len + 8));
		/* Alignment is the reader's part; the end lies against a page that nobody may read. */
		for (size_t cut = 0; cut < len; cut++) {
			const struct row *at;

			if ((len - cut) % _Alignof(struct row) != 0)
				continue;
			at = (const void *)guarded_place(&guarded,
			                                 bytes_of((uint8_t *)row, len - cut));
			if (cut > 0)
				assert_false(row_is_sound(at, len - cut));
		}
		free(row);
	}
	guarded_free(&guarded);
}

static void a_policy_without_text_and_one_of_the_largest_are_rows(void **state)
{
	struct row *row = new_row(ROW_POLICY);

	(void)state;
	row->policy.text_len = 0;
	assert_int_equal(row_len(row), offsetof(struct row, policy.text));
	assert_true(row_is_sound(row, row_len(row)));
	row->policy.text_len = ROW_POLICY_TEXT_MAX;
	assert_true(row_is_sound(row, row_len(row)));
	assert_true(row_len(row) <= sizeof(*row));
	free(row);
}

static void a_length_that_was_claimed_sizes_nothing(void **state)
{
	static const uint32_t claims[] = { ROW_POLICY_TEXT_MAX + 1, INT32_MAX, UINT32_MAX };
	struct row *row = new_row(ROW_POLICY);

	(void)state;
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		row->policy.text_len = claims[i];
		assert_false(row_is_sound(row, row_len(row)));
		assert_false(row_is_sound(row, sizeof(*row)));
	}
	free(row);
}

static void what_has_no_kind_is_no_row(void **state)
{
	struct row *row = new_row(ROW_MET);

	(void)state;
	row->kind = ROW_KIND_COUNT;
	assert_int_equal(row_len(row), 0);
	assert_false(row_is_sound(row, sizeof(*row)));
	row->kind = UINT32_MAX;
	assert_false(row_is_sound(row, sizeof(*row)));
	free(row);
}

/* A row of that kind after `spoil`. */
static bool is_sound_when(uint32_t kind, void (*spoil)(struct row *row))
{
	struct row *row = new_row(kind);
	bool is_sound;

	spoil(row);
	is_sound = row_is_sound(row, row_len(row));
	free(row);
	return is_sound;
}

static void remove_it(struct row *row)
{
	row->is_removed = 1;
}

static void remove_it_twice(struct row *row)
{
	row->is_removed = 2;
}

static void empty_its_key(struct row *row)
{
	/* Every kind begins with it. */
	row->policy.domain[0] = '\0';
}

static void leave_its_key_open(struct row *row)
{
	memset(row->policy.domain, 'a', sizeof(row->policy.domain));
}

static void leave_its_id_open(struct row *row)
{
	memset(row->policy.id, 'a', sizeof(row->policy.id));
}

static void misname_its_family(struct row *row)
{
	row->place.address.family = 5;
}

static void count_its_keys(struct row *row)
{
	row->place.has_key = 2;
}

static void strings_and_values_are_looked_at_in_every_kind(void **state)
{
	(void)state;
	for (uint32_t kind = 0; kind < ROW_KIND_COUNT; kind++) {
		assert_true(is_sound_when(kind, remove_it));
		assert_false(is_sound_when(kind, remove_it_twice));
		assert_false(is_sound_when(kind, empty_its_key));
		assert_false(is_sound_when(kind, leave_its_key_open));
	}
	assert_false(is_sound_when(ROW_POLICY, leave_its_id_open));
	assert_false(is_sound_when(ROW_PLACE, misname_its_family));
	assert_false(is_sound_when(ROW_PLACE, count_its_keys));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_is_sound_at_its_own_length_only),
		cmocka_unit_test(a_policy_without_text_and_one_of_the_largest_are_rows),
		cmocka_unit_test(a_length_that_was_claimed_sizes_nothing),
		cmocka_unit_test(what_has_no_kind_is_no_row),
		cmocka_unit_test(strings_and_values_are_looked_at_in_every_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
