/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/reverse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void name_is(const char *address_text, const char *want)
{
	struct address address;
	char name[DOMAIN_NAME_MAX];

	assert_true(address_parse(&address, address_text));
	reverse_name(name, &address);
	assert_string_equal(name, want);
}

static void addresses_are_named_octet_by_octet_and_nibble_by_nibble(void **state)
{
	(void)state;
	name_is("198.51.100.25", "25.100.51.198.in-addr.arpa");
	name_is("2001:db8::567:89ab", "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1."
	                              "0.0.2.ip6.arpa");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_named_octet_by_octet_and_nibble_by_nibble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
