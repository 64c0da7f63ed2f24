/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mx_pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_star_stands_for_exactly_one_label(void **state)
{
	(void)state;
	assert_true(mx_pattern_matches("*.example.org", "mx1.example.org"));
	assert_false(mx_pattern_matches("*.example.org", "a.mx1.example.org"));
	assert_false(mx_pattern_matches("*.example.org", "example.org"));
	assert_false(mx_pattern_matches("*.example.org", "mx1.example.org.evil.test"));
	assert_false(mx_pattern_matches("*.example.org", ".example.org"));
}

static void a_name_stands_for_itself_only(void **state)
{
	(void)state;
	assert_true(mx_pattern_matches("mx1.example.org", "mx1.example.org"));
	assert_false(mx_pattern_matches("mx1.example.org", "mx2.example.org"));
	assert_false(mx_pattern_matches("example.org", "mx1.example.org"));
}

static void patterns_come_into_the_form_of_names(void **state)
{
	char pattern[DOMAIN_NAME_MAX];

	(void)state;
	assert_true(mx_pattern_normalise(pattern, "*.Example.ORG."));
	assert_string_equal(pattern, "*.example.org");
	assert_true(mx_pattern_normalise(pattern, "MX1.example.org"));
	assert_string_equal(pattern, "mx1.example.org");
}

static void stars_elsewhere_are_no_patterns(void **state)
{
	static const char *const texts[] = { "*",        "*.",           "mx*.example.org",
		                             "a.*.org",  "*.*.org",      "**.example.org",
		                             "*example", ".example.org", "" };
	char pattern[DOMAIN_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(mx_pattern_normalise(pattern, texts[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_star_stands_for_exactly_one_label),
		cmocka_unit_test(a_name_stands_for_itself_only),
		cmocka_unit_test(patterns_come_into_the_form_of_names),
		cmocka_unit_test(stars_elsewhere_are_no_patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
