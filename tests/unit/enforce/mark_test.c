/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/mark.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_four_bits_are_distinct_and_fill_the_mask(void **state)
{
	const uint32_t masks[] = { 0x0000000f, 0x0f000000, 0xf0000000, 0x00001e00 };
	struct marks marks;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		assert_true(marks_of(&marks, masks[i]));
		assert_int_equal(marks.mask, masks[i]);
		assert_int_equal(marks.offload ^ marks.to_client ^ marks.to_server ^ marks.own,
		                 masks[i]);
		assert_int_equal(marks.offload | marks.to_client | marks.to_server | marks.own,
		                 masks[i]);
		assert_true(marks.offload && marks.to_client && marks.to_server && marks.own);
	}
}

static void a_mask_that_is_not_four_adjacent_bits_is_refused(void **state)
{
	const uint32_t masks[] = { 0,          1,          0x7,        0x1f,      0x1b,
		                   0x80000007, 0xe0000000, 0xffffffff, 0x0f00000f };
	struct marks marks = { .mask = 42 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(masks) / sizeof(masks[0]); i++)
		assert_false(marks_of(&marks, masks[i]));
	assert_int_equal(marks.mask, 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_four_bits_are_distinct_and_fill_the_mask),
		cmocka_unit_test(a_mask_that_is_not_four_adjacent_bits_is_refused),
	};

	return cmocka_run_group_tests_name("enforce/mark", tests, NULL, NULL);
}
