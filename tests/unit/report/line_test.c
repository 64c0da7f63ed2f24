/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_pair_is_quoted_only_when_it_needs_to_be(void **state)
{
	char text[128];
	struct line line;

	(void)state;
	line_init(&line, text, sizeof(text));
	line_pair(&line, "mx", "mx1.example.org");
	line_pair(&line, "seen", "starttls absent");
	line_pair(&line, "server", "[2001:db8::1]:25");
	assert_string_equal(text,
	                    "mx=mx1.example.org seen=\"starttls absent\" server=[2001:db8::1]:25");
}

static void a_value_cannot_leave_its_quotes(void **state)
{
	char text[128];
	struct line line;

	(void)state;
	line_init(&line, text, sizeof(text));
	line_pair(&line, "ehlo", "a\" action=pass b\\");
	assert_string_equal(text, "ehlo=\"a\\\" action=pass b\\\\\"");
}

static void a_value_cannot_end_the_line_or_steer_a_terminal(void **state)
{
	char text[128];
	struct line line;

	(void)state;
	line_init(&line, text, sizeof(text));
	line_pair(&line, "ehlo", "a\n\r\033[2J\x7f\xff");
	assert_string_equal(text, "ehlo=\"a???[2J??\"");
	line_add(&line, " %s", "b\nc");
	assert_string_equal(text, "ehlo=\"a???[2J??\" b?c");
}

static void empty_values_and_zeros_are_left_out(void **state)
{
	char text[64];
	struct line line;

	(void)state;
	line_init(&line, text, sizeof(text));
	line_pair(&line, "domain", "");
	line_number(&line, "held_ms", 0);
	line_number(&line, "count", 3);
	assert_string_equal(text, "count=3");
}

static void a_line_is_cut_at_its_room_and_says_so(void **state)
{
	char *text;
	struct line line;
	size_t room;

	(void)state;
	for (room = 1; room < 40; room++) {
		text = malloc(room);
		line_init(&line, text, room);
		line_add(&line, "%s", "starttls-stripped");
		line_pair(&line, "seen", "a \"b\"");
		assert_int_equal(line.len, strlen(text));
		assert_true(line.len < room);
		assert_int_equal(line.is_cut,
		                 room <= strlen("starttls-stripped seen=\"a \\\"b\\\"\""));
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pair_is_quoted_only_when_it_needs_to_be),
		cmocka_unit_test(a_value_cannot_leave_its_quotes),
		cmocka_unit_test(a_value_cannot_end_the_line_or_steer_a_terminal),
		cmocka_unit_test(empty_values_and_zeros_are_left_out),
		cmocka_unit_test(a_line_is_cut_at_its_room_and_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
