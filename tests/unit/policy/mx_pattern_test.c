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

static void a_pattern_has_the_length_of_a_name(void **state)
{
	char text[DOMAIN_NAME_MAX + 8] = "*.", pattern[DOMAIN_NAME_MAX];

	(void)state;
	/* 252 octets and 253 behind the star: labels of 62 octets and a dot each. */
	for (size_t i = 2; i < 2 + 252; i++)
		text[i] = (i - 1) % 63 == 0 ? '.' : 'a';
	text[2 + 251] = '\0';
	assert_true(mx_pattern_normalise(pattern, text));
	assert_string_equal(pattern, text);
	strcpy(text + 2 + 251, "aa");
	assert_true(strlen(text) == DOMAIN_NAME_MAX - 1);
	assert_false(mx_pattern_normalise(pattern, text));
}

static void each_mode_has_its_name(void **state)
{
	(void)state;
	assert_string_equal(mx_policy_mode_name(MX_POLICY_NONE), "none");
	assert_string_equal(mx_policy_mode_name(MX_POLICY_TESTING), "testing");
	assert_string_equal(mx_policy_mode_name(MX_POLICY_ENFORCE), "enforce");
	assert_string_equal(mx_policy_mode_name((enum mx_policy_mode)7), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_star_stands_for_exactly_one_label),
		cmocka_unit_test(a_name_stands_for_itself_only),
		cmocka_unit_test(patterns_come_into_the_form_of_names),
		cmocka_unit_test(stars_elsewhere_are_no_patterns),
		cmocka_unit_test(a_pattern_has_the_length_of_a_name),
		cmocka_unit_test(each_mode_has_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
