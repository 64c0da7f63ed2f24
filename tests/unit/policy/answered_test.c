/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/answered.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "verdict/promise.h"

static const uint8_t secret[TABLE_SECRET_LEN] = "who could choose";

static int make(void **state)
{
	*state = answered_new(secret);
	return *state ? 0 : -1;
}

static int unmake(void **state)
{
	answered_free(*state);
	return 0;
}

static void test_a_question_is_a_name_and_a_type(void **state)
{
	answered_add(*state, "mx.example", DNS_TYPE_A);
	assert_true(answered_has(*state, "mx.example", DNS_TYPE_A));
	assert_false(answered_has(*state, "mx.example", DNS_TYPE_AAAA));
	assert_false(answered_has(*state, "mx.exampl", DNS_TYPE_A));
	assert_false(answered_has(*state, "mx.example.net", DNS_TYPE_A));
	assert_false(answered_has(*state, "", DNS_TYPE_A));
}

static void test_the_root_is_a_name(void **state)
{
	answered_add(*state, "", DNS_TYPE_MX);
	assert_true(answered_has(*state, "", DNS_TYPE_MX));
}

static void test_nothing_is_kept_once_it_was_cleared(void **state)
{
	answered_add(*state, "mx.example", DNS_TYPE_A);
	answered_clear(*state);
	assert_false(answered_has(*state, "mx.example", DNS_TYPE_A));
	answered_add(*state, "mx.example", DNS_TYPE_A);
	assert_true(answered_has(*state, "mx.example", DNS_TYPE_A));
}

/* Whoever asks for many names drives out what nobody asks for. */
static void test_a_full_set_forgets_what_was_not_asked_for_longest(void **state)
{
	char name[DOMAIN_NAME_MAX];

	for (unsigned i = 0; i <= ANSWERED_MAX; i++) {
		snprintf(name, sizeof(name), "%u.example", i);
		answered_add(*state, name, DNS_TYPE_A);
		assert_true(answered_has(*state, "0.example", DNS_TYPE_A));
	}
	assert_true(answered_has(*state, name, DNS_TYPE_A));
	assert_false(answered_has(*state, "1.example", DNS_TYPE_A));
	assert_true(answered_has(*state, "2.example", DNS_TYPE_A));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_question_is_a_name_and_a_type, make, unmake),
		cmocka_unit_test_setup_teardown(test_the_root_is_a_name, make, unmake),
		cmocka_unit_test_setup_teardown(test_nothing_is_kept_once_it_was_cleared, make,
		                                unmake),
		cmocka_unit_test_setup_teardown(
			test_a_full_set_forgets_what_was_not_asked_for_longest, make, unmake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
