/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow/dots.h"

static struct budget budget;

/* Remembers the dots of a text that begins at seq; its ends count as other octets. */
static struct dots *dots_of(uint32_t seq, const char *text)
{
	size_t len = strlen(text);
	struct dots *dots;
	size_t i;

	budget = (struct budget){ .limit = 1 << 20 };
	dots = dots_new(&budget);
	assert_non_null(dots);
	for (i = 0; i < len; i++) {
		bool before = i > 0 && strchr("\r\n", text[i - 1]);
		bool behind = i + 1 < len && strchr("\r\n", text[i + 1]);

		if (text[i] == '.')
			assert_true(dots_add(dots, seq + (uint32_t)i, before, behind));
	}
	return dots;
}

static bool agrees(const struct dots *dots, uint32_t seq, const char *text, size_t len)
{
	uint8_t *octets = malloc(len ? len : 1);
	bool result;

	memcpy(octets, text, len);
	result = dots_agree(dots, seq, bytes_of(octets, len));
	free(octets);
	return result;
}

static void end(struct dots *dots)
{
	dots_free(dots);
	assert_int_equal(budget.used, 0);
}

/* The wrap of all 32 bits, that of the 30 bits of a dot, and none. */
static const uint32_t starts[] = { 0xfffffffaU, 0x3ffffffaU, 0x7ffffffaU, 1000 };

static void every_cut_of_the_same_text_agrees(void **state)
{
	static const char text[] = "a.b\r\n..c.\r\nd\n.e.f.\ng";
	size_t s;
	size_t from;
	size_t len;

	(void)state;
	for (s = 0; s < sizeof(starts) / sizeof(starts[0]); s++) {
		struct dots *dots = dots_of(starts[s], text);

		for (from = 0; from < sizeof(text) - 1; from++) {
			for (len = 0; len < sizeof(text) - from; len++)
				assert_true(
					agrees(dots, starts[s] + (uint32_t)from, text + from, len));
		}
		end(dots);
	}
}

static void every_dot_or_line_end_beside_one_that_was_not_there_disagrees(void **state)
{
	/* Each octet is a dot or stands beside one. */
	static const char text[] = "a.b.\r..c.\n.";
	static const char others[] = ".\rx";
	char copy[sizeof(text)];
	size_t from;
	size_t at;
	size_t o;

	(void)state;
	for (at = 0; at < sizeof(text) - 1; at++) {
		struct dots *dots = dots_of(starts[0], text);

		for (o = 0; o < 3; o++) {
			bool is_line_end = text[at] == '\r' || text[at] == '\n';
			char other = others[o];

			memcpy(copy, text, sizeof(text));
			copy[at] = other;
			if (other == text[at] || (other == '\r' && is_line_end) ||
			    (other == 'x' && text[at] >= 'a'))
				continue;
			for (from = 0; from <= at; from++)
				assert_false(agrees(dots, starts[0] + (uint32_t)from, copy + from,
				                    at + 1 - from));
		}
		end(dots);
	}
}

static void a_dot_that_moved_disagrees(void **state)
{
	struct dots *dots = dots_of(50, "ab.cd");

	(void)state;
	assert_true(agrees(dots, 50, "ab.cd", 5));
	assert_false(agrees(dots, 50, "a.bcd", 5));
	assert_false(agrees(dots, 50, "abc.d", 5));
	assert_false(agrees(dots, 50, "abccd", 5));
	end(dots);
}

static void octets_apart_from_dots_may_differ(void **state)
{
	struct dots *dots = dots_of(50, "abc.def\r\nghi");

	(void)state;
	assert_true(agrees(dots, 50, "\nbx.yef\n\rghi", 12));
	assert_true(agrees(dots, 55, "\r\n", 2));
	assert_false(agrees(dots, 54, "\r\n", 2));
	end(dots);
}

static void forgotten_dots_are_no_longer_asked_for(void **state)
{
	struct dots *dots = dots_of(100, ".a.b.");

	(void)state;
	dots_forget(dots, 102);
	assert_true(agrees(dots, 99, "xx", 2));
	assert_false(agrees(dots, 101, "ab", 2));
	dots_forget(dots, 103);
	assert_true(agrees(dots, 101, "ab", 2));
	assert_true(agrees(dots, 103, "b.", 2));
	dots_forget(dots, 1000);
	assert_true(agrees(dots, 103, "bb", 2));
	end(dots);
}

static void the_last_dot_again_takes_no_place(void **state)
{
	struct dots *dots = dots_of(100, ".");

	(void)state;
	assert_true(dots_add(dots, 100, false, false));
	assert_true(agrees(dots, 100, ".", 1));
	end(dots);
}

static void memory_is_bounded_and_what_is_forgotten_makes_room(void **state)
{
	struct dots *dots = dots_of(0, "");
	uint32_t seq;

	(void)state;
	for (seq = 0; seq < DOTS_MAX; seq++)
		assert_true(dots_add(dots, 2 * seq, false, false));
	assert_false(dots_add(dots, 2 * DOTS_MAX, false, false));
	assert_true(budget.peak <= DOTS_MAX * 4 + 64);
	for (seq = DOTS_MAX; seq < 4 * DOTS_MAX; seq++) {
		dots_forget(dots, 2 * (seq - DOTS_MAX) + 1);
		assert_true(dots_add(dots, 2 * seq, false, false));
		assert_true(agrees(dots, 2 * seq - 2, ".x.x", 4));
	}
	end(dots);
}

static void a_refused_charge_adds_nothing(void **state)
{
	struct dots *dots = dots_of(0, "");
	uint32_t seq = 0;

	(void)state;
	budget.limit = 1000;
	while (dots_add(dots, seq, false, false))
		seq += 2;
	assert_true(budget.used <= 1000);
	assert_true(agrees(dots, seq - 2, ".a", 2));
	assert_true(agrees(dots, seq, "a", 1));
	end(dots);
	budget = (struct budget){ .limit = 1 };
	assert_null(dots_new(&budget));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_of_the_same_text_agrees),
		cmocka_unit_test(every_dot_or_line_end_beside_one_that_was_not_there_disagrees),
		cmocka_unit_test(a_dot_that_moved_disagrees),
		cmocka_unit_test(octets_apart_from_dots_may_differ),
		cmocka_unit_test(forgotten_dots_are_no_longer_asked_for),
		cmocka_unit_test(the_last_dot_again_takes_no_place),
		cmocka_unit_test(memory_is_bounded_and_what_is_forgotten_makes_room),
		cmocka_unit_test(a_refused_charge_adds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
