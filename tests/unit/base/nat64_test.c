/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/nat64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* All are 198.51.100.25. */
static const struct {
	const char *prefix;
	const char *address;
} layouts[] = {
	{ "2001:db8::/32", "2001:db8:c633:6419::" },
	{ "2001:db8:100::/40", "2001:db8:1c6:3364:19::" },
	{ "2001:db8:122::/48", "2001:db8:122:c633:64:1900::" },
	{ "2001:db8:122:300::/56", "2001:db8:122:3c6:33:6419::" },
	{ "2001:db8:122:344::/64", "2001:db8:122:344:c6:3364:1900::" },
	{ "2001:db8:122:344::/96", "2001:db8:122:344::c633:6419" },
};

static struct address parsed(const char *text)
{
	struct address address;

	assert_true(address_parse(&address, text));
	return address;
}

static void assert_behind(const struct nat64 *nat64, const char *address, const char *expected)
{
	struct address at = parsed(address), meant = parsed(expected);
	struct address behind = nat64_behind(nat64, &at);

	if (!address_equal(&behind, &meant))
		fail_msg("behind %s is not %s", address, expected);
}

static void behind_the_well_known_prefix_is_an_ipv4_address(void **state)
{
	const struct nat64 none = { 0 };

	(void)state;
	assert_behind(&none, "64:ff9b::198.51.100.25", "198.51.100.25");
	assert_behind(&none, "198.51.100.25", "198.51.100.25");
	assert_behind(&none, "64:ff9b:1::198.51.100.25", "64:ff9b:1::198.51.100.25");
	assert_behind(&none, "64:ff9b:0:0:0:1::", "64:ff9b:0:0:0:1::");
}

static void behind_a_prefix_of_the_site_is_one_in_every_layout(void **state)
{
	const struct nat64 none = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		struct nat64 nat64 = { .prefix_count = 1 };

		assert_true(network_parse(&nat64.prefixes[0], layouts[i].prefix));
		assert_true(nat64_is_prefix(&nat64.prefixes[0]));
		assert_behind(&nat64, layouts[i].address, "198.51.100.25");
		assert_behind(&nat64, "64:ff9b::198.51.100.26", "198.51.100.26");
		assert_behind(&nat64, "2001:db9::198.51.100.25", "2001:db9::198.51.100.25");
		assert_behind(&nat64, "198.51.100.27", "198.51.100.27");
		assert_behind(&none, layouts[i].address, layouts[i].address);
	}
}

static void each_of_several_prefixes_counts(void **state)
{
	struct nat64 nat64 = { .prefix_count = 2 };

	(void)state;
	assert_true(network_parse(&nat64.prefixes[0], "2001:db8:64::/96"));
	assert_true(network_parse(&nat64.prefixes[1], "2001:db8:122::/48"));
	assert_behind(&nat64, "2001:db8:64::198.51.100.25", "198.51.100.25");
	assert_behind(&nat64, "2001:db8:122:c633:64:1900::", "198.51.100.25");
}

static void a_network_of_another_length_is_no_prefix(void **state)
{
	static const char *const none[] = { "2001:db8::/31", "2001:db8::/33", "2001:db8::/95",
		                            "2001:db8::/97", "2001:db8::",    "2001:db8::/72",
		                            "::/0",          "192.0.2.0/32",  "192.0.2.1" };
	struct network network;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_true(network_parse(&network, none[i]));
		if (nat64_is_prefix(&network))
			fail_msg("%s", none[i]);
	}
}

static void an_address_may_stand_for_the_one_in_it_and_for_no_other(void **state)
{
	static const char *const no[] = {
		"2001:db8::c633:6418",
		"2001:db8:122:344:c6:3364:1901:0", /* something behind it */
		"2001:db8:122:3c6:133:6419::",     /* the reserved octet */
		"2001:db8:c633:6419:100::",
		"2001:db8:122:344:c633:6419::",
		"198.51.100.25",
		"::",
	};
	const struct address ipv4 = parsed("198.51.100.25");
	struct address address;

	(void)state;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		address = parsed(layouts[i].address);
		if (!nat64_may_stand_for(&address, &ipv4))
			fail_msg("%s", layouts[i].address);
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		address = parsed(no[i]);
		if (nat64_may_stand_for(&address, &ipv4))
			fail_msg("%s", no[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(behind_the_well_known_prefix_is_an_ipv4_address),
		cmocka_unit_test(behind_a_prefix_of_the_site_is_one_in_every_layout),
		cmocka_unit_test(each_of_several_prefixes_counts),
		cmocka_unit_test(a_network_of_another_length_is_no_prefix),
		cmocka_unit_test(an_address_may_stand_for_the_one_in_it_and_for_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
