/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/resolver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct resolver_options some_options(void)
{
	struct resolver_options options = {
		.trust_anchor = "/etc/anchor",
		.root_hints = "/etc/hints",
		.state_directory = "/var/lib/hopguard",
		.forwarder_count = 1,
		.timeout_ms = 5000,
	};

	assert_true(address_parse(&options.forwarders[0].address, "192.0.2.53"));
	options.forwarders[0].port = 53;
	return options;
}

static void options_are_equal_until_any_of_them_differs(void **state)
{
	struct resolver_options options = some_options();
	struct resolver_options others[6];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		others[i] = options;
		assert_true(resolver_options_equal(&options, &others[i]));
	}
	others[0].trust_anchor[0] = '\0';
	others[1].root_hints[0] = '\0';
	others[2].state_directory[0] = '\0';
	others[3].forwarder_count = 0;
	others[4].forwarders[0].port = 5353;
	others[5].timeout_ms = 1000;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(resolver_options_equal(&options, &others[i]));
}

static void what_lies_behind_a_text_is_no_option(void **state)
{
	struct resolver_options options = some_options();
	struct resolver_options other = options;

	(void)state;
	other.root_hints[strlen(other.root_hints) + 1] = 'x';
	other.forwarders[other.forwarder_count].port = 53;
	assert_true(resolver_options_equal(&options, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_equal_until_any_of_them_differs),
		cmocka_unit_test(what_lies_behind_a_text_is_no_option),
	};

	return cmocka_run_group_tests_name("policy/resolver", tests, NULL, NULL);
}
