/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void an_address_is_written_as_it_was_read(void **state)
{
	static const char *const texts[] = { "192.0.2.1", "2001:db8::25", "::", "0.0.0.0" };
	char text[ADDRESS_TEXT_MAX];
	struct address address;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(texts); i++) {
		assert_true(address_parse(&address, texts[i]));
		assert_string_equal(address_format(text, &address), texts[i]);
	}
}

static void a_mapped_address_is_the_ipv4_address(void **state)
{
	struct address mapped, plain;

	(void)state;
	assert_true(address_parse(&mapped, "::ffff:192.0.2.1"));
	assert_true(address_parse(&plain, "192.0.2.1"));
	assert_int_equal(mapped.family, 4);
	assert_true(address_equal(&mapped, &plain));
	assert_int_equal(address_len(&mapped), 4);
}

static void endpoints_are_equal_only_with_their_ports(void **state)
{
	struct endpoint one = { .port = 25 }, other = { .port = 25 };

	(void)state;
	assert_true(address_parse(&one.address, "192.0.2.1"));
	assert_true(address_parse(&other.address, "192.0.2.1"));
	assert_true(endpoint_equal(&one, &other));
	other.port = 587;
	assert_false(endpoint_equal(&one, &other));
	other.port = 25;
	assert_true(address_parse(&other.address, "192.0.2.2"));
	assert_false(endpoint_equal(&one, &other));
}

static void networks_are_equal_only_with_their_prefixes(void **state)
{
	struct network one, other;

	(void)state;
	assert_true(network_parse(&one, "192.0.2.0/24"));
	assert_true(network_parse(&other, "192.0.2.0/24"));
	assert_true(network_equal(&one, &other));
	assert_true(network_parse(&other, "192.0.2.0/25"));
	assert_false(network_equal(&one, &other));
	assert_true(network_parse(&other, "198.51.100.0/24"));
	assert_false(network_equal(&one, &other));
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const texts[] = { "",        "192.0.2",   "192.0.2.256", "192.0.02.1",
		                             "a.b.c.d", "2001:db8:", "fe80::1%lo",  " 192.0.2.1" };
	struct address address;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(texts); i++)
		assert_false(address_parse(&address, texts[i]));
}

static void no_address_is_written_as_a_dash(void **state)
{
	struct address none = { 0 };
	struct network no_network = { 0 };
	struct endpoint nowhere = { .port = 25 };
	char text[ENDPOINT_TEXT_MAX];

	(void)state;
	assert_string_equal(address_format(text, &none), "-");
	assert_string_equal(endpoint_format(text, &nowhere), "-");
	assert_string_equal(network_format(text, &no_network), "-");
}

static void an_ipv6_endpoint_wears_brackets(void **state)
{
	struct endpoint endpoint = { .port = 65535 };
	char text[ENDPOINT_TEXT_MAX];

	(void)state;
	assert_true(address_parse(&endpoint.address, "2001:db8::1"));
	assert_string_equal(endpoint_format(text, &endpoint), "[2001:db8::1]:65535");
	assert_true(address_parse(&endpoint.address, "192.0.2.1"));
	assert_string_equal(endpoint_format(text, &endpoint), "192.0.2.1:65535");
}

static void the_longest_endpoint_fits(void **state)
{
	struct endpoint endpoint = { .port = 65535 };
	char text[ENDPOINT_TEXT_MAX];

	(void)state;
	assert_true(address_parse(&endpoint.address, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
	assert_string_equal(endpoint_format(text, &endpoint),
	                    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

static const struct {
	const char *text;
	const char *written;
} networks[] = {
	{ "192.0.2.0/24", "192.0.2.0/24" },
	{ "0.0.0.0/0", "0.0.0.0/0" },
	{ "::/0", "::/0" },
	{ "192.0.2.1", "192.0.2.1/32" },
	{ "2001:db8::1", "2001:db8::1/128" },
	{ "2001:db8:8000::/33", "2001:db8:8000::/33" },
	{ "::ffff:192.0.2.0/120", "192.0.2.0/24" },
	{ "10.0.0.0/9", "10.0.0.0/9" },
};

static void a_network_keeps_its_prefix(void **state)
{
	char text[NETWORK_TEXT_MAX];
	struct network network;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(networks); i++) {
		assert_true(network_parse(&network, networks[i].text));
		assert_string_equal(network_format(text, &network), networks[i].written);
	}
}

static void what_is_no_network_is_refused(void **state)
{
	static const char *const texts[] = {
		"192.0.2.0/",
		"192.0.2.0/33",
		"192.0.2.0/-1",
		"192.0.2.0/024",
		"192.0.2.0/+24",
		"192.0.2.0/24 ",
		"2001:db8::/129",
		"192.0.2.0/24/24",
		"::ffff:192.0.2.0/24",
		"/24",
		"2001:db8::/1280",
		"192.0.2.0/4294967320",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/64",
	};
	struct network network;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(texts); i++)
		assert_false(network_parse(&network, texts[i]));
}

static void bits_behind_the_prefix_are_refused_or_cleared(void **state)
{
	char text[NETWORK_TEXT_MAX];
	struct network network = { 0 };

	(void)state;
	assert_false(network_parse(&network, "192.0.2.7/24"));
	assert_false(network_parse(&network, "10.128.0.0/8"));
	assert_false(network_parse(&network, "2001:db8:4000::/33"));
	assert_int_equal(network.address.family, 0);
	assert_true(network_parse_any(&network, "10.200.1.2/9"));
	assert_string_equal(network_format(text, &network), "10.128.0.0/9");
}

static bool is_in(const char *address_text, const char *network_text)
{
	struct address address;
	struct network network;

	assert_true(address_parse(&address, address_text));
	assert_true(network_parse(&network, network_text));
	return network_contains(&network, &address);
}

static void a_network_contains_its_own_addresses_and_no_others(void **state)
{
	struct network network;
	struct address none = { 0 };

	(void)state;
	assert_true(is_in("192.0.2.255", "192.0.2.0/24"));
	assert_false(is_in("192.0.3.0", "192.0.2.0/24"));
	assert_true(is_in("192.0.2.129", "192.0.2.128/25"));
	assert_false(is_in("192.0.2.127", "192.0.2.128/25"));
	assert_true(is_in("2001:db8::ffff", "2001:db8::/112"));
	assert_false(is_in("2001:db8::1:0", "2001:db8::/112"));
	assert_true(is_in("203.0.113.9", "0.0.0.0/0"));
	assert_false(is_in("203.0.113.9", "::/0"));
	assert_true(is_in("192.0.2.1", "192.0.2.1"));
	assert_true(network_parse(&network, "0.0.0.0/0"));
	assert_false(network_contains(&network, &none));
	network = (struct network){ 0 };
	assert_false(network_contains(&network, &none));
}

static void local_addresses_are_told_from_those_of_the_internet(void **state)
{
	static const char *const local[] = {
		"127.0.0.1",       "10.255.0.1", "172.16.0.1",  "172.31.255.255",
		"192.168.7.7",     "100.64.0.1", "169.254.1.1", "::1",
		"fc00::1",         "fdff::1",    "fe80::1",     "febf::1",
		"100.127.255.255",
	};
	static const char *const other[] = {
		"126.0.0.1",  "11.0.0.1",    "172.15.255.255", "172.32.0.1",   "192.167.0.1",
		"100.63.0.1", "100.128.0.1", "169.253.1.1",    "198.51.100.1", "::2",
		"2001:db8::", "fbff::1",     "fe7f::1",        "fec0::1",      "::",
	};
	struct address address;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
		assert_true(address_parse(&address, local[i]));
		if (!address_is_local(&address))
			fail_msg("%s", local[i]);
	}
	for (i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		assert_true(address_parse(&address, other[i]));
		if (address_is_local(&address))
			fail_msg("%s", other[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_written_as_it_was_read),
		cmocka_unit_test(a_mapped_address_is_the_ipv4_address),
		cmocka_unit_test(endpoints_are_equal_only_with_their_ports),
		cmocka_unit_test(networks_are_equal_only_with_their_prefixes),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(no_address_is_written_as_a_dash),
		cmocka_unit_test(an_ipv6_endpoint_wears_brackets),
		cmocka_unit_test(the_longest_endpoint_fits),
		cmocka_unit_test(a_network_keeps_its_prefix),
		cmocka_unit_test(what_is_no_network_is_refused),
		cmocka_unit_test(bits_behind_the_prefix_are_refused_or_cleared),
		cmocka_unit_test(a_network_contains_its_own_addresses_and_no_others),
		cmocka_unit_test(local_addresses_are_told_from_those_of_the_internet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
