/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_finding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void every_kind_has_all_its_words_and_a_name_of_its_own(void **state)
{
	(void)state;
	for (unsigned i = CHECK_NONE + 1; i < CHECK_KIND_COUNT; i++) {
		enum check_kind kind = (enum check_kind)i;
		const char *what = check_kind_what(kind);

		assert_non_null(check_kind_name(kind));
		assert_int_equal(strspn(check_kind_name(kind), "abcdefghijklmnopqrstuvwxyz-"),
		                 strlen(check_kind_name(kind)));
		assert_int_equal(what[strlen(what) - 1], '.');
		assert_true(strlen(check_kind_why(kind)) > 20);
		assert_true(strlen(check_kind_mend(kind)) > 10);
		for (unsigned j = CHECK_NONE; j < i; j++)
			assert_string_not_equal(check_kind_name(kind),
			                        check_kind_name((enum check_kind)j));
	}
}

static void what_matters_more_stands_first_and_equals_in_their_order(void **state)
{
	struct check_findings *findings = calloc(1, sizeof(*findings));

	(void)state;
	assert_int_equal(check_worst(findings), CHECK_NOTE);
	check_add(findings, CHECK_TLSRPT_MISSING, CHECK_NOTE, "a", "%s", "");
	check_add(findings, CHECK_TLS_OLD, CHECK_WARNING, "b", "%s", "");
	check_add(findings, CHECK_STARTTLS_MISSING, CHECK_BAD, "c", "%d", 1);
	check_add(findings, CHECK_TLS_OLD, CHECK_WARNING, "d", "%s", "");
	check_add(findings, CHECK_STARTTLS_MISSING, CHECK_BAD, "e", "%s", "");
	assert_int_equal(findings->count, 5);
	assert_string_equal(findings->list[0].where, "c");
	assert_string_equal(findings->list[0].detail, "1");
	assert_string_equal(findings->list[1].where, "e");
	assert_string_equal(findings->list[2].where, "b");
	assert_string_equal(findings->list[3].where, "d");
	assert_string_equal(findings->list[4].where, "a");
	assert_int_equal(check_worst(findings), CHECK_BAD);
	free(findings);
}

static void beyond_the_bound_the_least_is_left_out(void **state)
{
	struct check_findings *findings = calloc(1, sizeof(*findings));

	(void)state;
	for (size_t i = 0; i < CHECK_FINDINGS_MAX; i++)
		check_add(findings, CHECK_TLS_OLD, CHECK_WARNING, "w", "%zu", i);
	check_add(findings, CHECK_TLSRPT_MISSING, CHECK_NOTE, "n", "%s", "");
	assert_int_equal(findings->count, CHECK_FINDINGS_MAX);
	assert_int_equal(findings->list[CHECK_FINDINGS_MAX - 1].severity, CHECK_WARNING);
	check_add(findings, CHECK_STARTTLS_MISSING, CHECK_BAD, "b", "%s", "");
	assert_int_equal(findings->count, CHECK_FINDINGS_MAX);
	assert_string_equal(findings->list[0].where, "b");
	assert_string_equal(findings->list[CHECK_FINDINGS_MAX - 1].detail, "254");
	free(findings);
}

static void words_of_strangers_steer_no_terminal_and_are_cut(void **state)
{
	struct check_findings *findings = calloc(1, sizeof(*findings));
	char large[2 * CHECK_DETAIL_MAX];

	(void)state;
	memset(large, 'x', sizeof(large));
	large[sizeof(large) - 1] = '\0';
	check_add(findings, CHECK_NOT_SMTP, CHECK_BAD, "a\x1b[2J", "it says: %s\r\n",
	          "\xc3\x9b\x07");
	check_add(findings, CHECK_NOT_SMTP, CHECK_BAD, large, "%s", large);
	assert_string_equal(findings->list[0].where, "a?[2J");
	assert_string_equal(findings->list[0].detail, "it says: ?????");
	assert_int_equal(strlen(findings->list[1].where), CHECK_WHERE_MAX - 1);
	assert_int_equal(strlen(findings->list[1].detail), CHECK_DETAIL_MAX - 1);
	free(findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_has_all_its_words_and_a_name_of_its_own),
		cmocka_unit_test(what_matters_more_stands_first_and_equals_in_their_order),
		cmocka_unit_test(beyond_the_bound_the_least_is_left_out),
		cmocka_unit_test(words_of_strangers_steer_no_terminal_and_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
