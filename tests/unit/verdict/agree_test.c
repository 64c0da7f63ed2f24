/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict/agree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MET                                                                                        \
	{                                                                                          \
		.verdict = { ACTION_PASS, ACTION_PASS, REASON_NONE, "kept" }, .counts = true       \
	}
#define UNPROMISED                                                                                 \
	{                                                                                          \
		.verdict = { ACTION_PASS, ACTION_PASS, REASON_NONE, "nothing promised" }           \
	}
#define UNMET                                                                                      \
	.verdict = { ACTION_BLOCK, ACTION_BLOCK, REASON_MX_MISMATCH, "elsewhere" }, .counts = true
#define PENDING                                                                                    \
	{                                                                                          \
		.verdict = { ACTION_WAIT, ACTION_WAIT, REASON_NONE, "look-up under way" }          \
	}

static const struct {
	const char *name;
	struct opinion opinions[3];
	size_t count;
	size_t chosen;
	enum action action;
} cases[] = {
	{ "all met passes", { MET, UNPROMISED, MET }, 3, 0, ACTION_PASS },
	{ "a met promise speaks before a host that promised nothing",
	  { UNPROMISED, MET },
	  2,
	  1,
	  ACTION_PASS },
	{ "none met is refused", { { UNMET }, { UNMET } }, 2, 0, ACTION_BLOCK },
	{ "an unmet promise beside a host that promises nothing is refused",
	  { UNPROMISED, { UNMET } },
	  2,
	  1,
	  ACTION_BLOCK },
	{ "a stranger's unmet promise cannot stop mail for a met one",
	  { { UNMET }, MET },
	  2,
	  0,
	  ACTION_ALERT },
	{ "a stranger's met promise cannot vouch for an unmet one that binds",
	  { MET, { UNMET, .binds = true } },
	  2,
	  1,
	  ACTION_BLOCK },
	{ "what binds and is broken waits for nobody",
	  { PENDING, { UNMET, .binds = true } },
	  2,
	  1,
	  ACTION_BLOCK },
	{ "what does not bind waits for the others' answers",
	  { { UNMET }, PENDING },
	  2,
	  1,
	  ACTION_WAIT },
};

static void each_case_ends_as_its_name_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct verdict verdict;
		size_t chosen = agree(&verdict, cases[i].opinions, cases[i].count);

		if (chosen != cases[i].chosen || verdict.action != cases[i].action)
			fail_msg("%s: got %zu %s", cases[i].name, chosen,
			         action_name(verdict.action));
	}
}

static void an_alert_of_one_is_told_though_all_pass(void **state)
{
	const struct opinion opinions[] = {
		MET,
		{ .verdict = { ACTION_ALERT, ACTION_ALERT, REASON_INJECTED, "told" } },
	};
	struct verdict verdict;

	(void)state;
	assert_int_equal(agree(&verdict, opinions, 2), 1);
	assert_int_equal(verdict.action, ACTION_ALERT);
}

static void monitor_keeps_what_would_have_been_done(void **state)
{
	const struct opinion opinion = {
		.verdict = { ACTION_ALERT, ACTION_BLOCK, REASON_MX_MISMATCH, "elsewhere" },
		.counts = true,
	};
	struct verdict verdict;

	(void)state;
	assert_int_equal(agree(&verdict, &opinion, 1), 0);
	assert_int_equal(verdict.action, ACTION_ALERT);
	assert_int_equal(verdict.would, ACTION_BLOCK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case_ends_as_its_name_says),
		cmocka_unit_test(an_alert_of_one_is_told_though_all_pass),
		cmocka_unit_test(monitor_keeps_what_would_have_been_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
