/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/peer_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *text;
	const char *want; /* NULL: no name */
} names[] = {
	{ "example.org", "example.org" },
	{ "Example.ORG", "example.org" },
	{ "example.org.", "example.org" },
	{ "localhost", "localhost" },
	{ "_25._tcp.mx.example.org", "_25._tcp.mx.example.org" },
	{ "under_score.example.org", "under_score.example.org" },
	{ "r3---sn.example.org", "r3---sn.example.org" },
	{ "b\xc3\xbc"
	  "cher.example",
	  "xn--bcher-kva.example" },
	{ "B\xc3\x9c"
	  "CHER.Example.",
	  "xn--bcher-kva.example" },
	{ "stra\xc3\x9f"
	  "e.example",
	  "xn--strae-oqa.example" },
	{ "b\xc3\xbc"
	  "cher\xe3\x80\x82"
	  "example",
	  "xn--bcher-kva.example" },
	{ "xn--bcher-kva.example", "xn--bcher-kva.example" },
	{ "", NULL },
	{ ".", NULL },
	{ "..", NULL },
	{ ".example.org", NULL },
	{ "example..org", NULL },
	{ "example.org..", NULL },
	{ "exam ple.org", NULL },
	{ "example.org\r", NULL },
	{ "a@example.org", NULL },
	{ "[192.0.2.1]", NULL },
	{ "ex*mple.org", NULL },
	{ "b\xc3\xbc cher.example", NULL },
	{ "\xff\xfe.example", NULL },
	{ "b\xc3.example", NULL },
};

static void names_become_the_form_that_everything_compares_by(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char name[DOMAIN_NAME_MAX] = "untouched";
		bool is_name = peer_name_normalise(name, names[i].text);

		if (is_name != (names[i].want != NULL) ||
		    strcmp(name, names[i].want ? names[i].want : "untouched") != 0)
			fail_msg("\"%s\" became %d \"%s\"", names[i].text, is_name, name);
	}
}

/* `count` labels of 63 octets, then one of `last`. */
static char *long_name(size_t count, size_t last)
{
	char *name = calloc(1, count * 64 + last + 1);
	size_t i;

	assert_non_null(name);
	for (i = 0; i < count; i++) {
		memset(name + i * 64, 'a', 63);
		name[i * 64 + 63] = '.';
	}
	memset(name + count * 64, 'b', last);
	return name;
}

static void lengths_end_where_the_wire_form_ends(void **state)
{
	static const struct {
		size_t labels, last;
		bool want;
	} cases[] = {
		{ 0, 63, true },  { 0, 64, false }, { 3, 61, true },
		{ 3, 62, false }, { 40, 1, false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = long_name(cases[i].labels, cases[i].last);
		char name[DOMAIN_NAME_MAX];

		assert_int_equal(peer_name_normalise(name, text), cases[i].want);
		free(text);
	}
}

static void an_input_without_end_is_no_name(void **state)
{
	char *text = malloc(200001);
	char name[DOMAIN_NAME_MAX];

	(void)state;
	assert_non_null(text);
	memset(text, 0xc3, 200000);
	text[200000] = '\0';
	assert_false(peer_name_normalise(name, text));
	free(text);
}

static const struct {
	const char *text;
	const char *want; /* NULL: no literal */
} literals[] = {
	{ "[192.0.2.1]", "192.0.2.1" },
	{ "[IPv6:2001:db8::1]", "2001:db8::1" },
	{ "[ipv6:2001:DB8::1]", "2001:db8::1" },
	{ "[IPv6:::ffff:192.0.2.7]", "192.0.2.7" },
	{ "", NULL },
	{ "[", NULL },
	{ "[]", NULL },
	{ "[IPv6:]", NULL },
	{ "192.0.2.1", NULL },
	{ "[192.0.2.1", NULL },
	{ "[192.0.2.256]", NULL },
	{ "[192.0.2]", NULL },
	{ "[2001:db8::1]", NULL },
	{ "[IPv6:192.0.2.1]", NULL },
	{ "[IPv6:2001:db8::1%eth0]", NULL },
	{ "[example.org]", NULL },
	{ "[IPv6:2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]", NULL },
};

static void address_literals_are_those_of_the_mail_standard(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(literals) / sizeof(literals[0]); i++) {
		struct address address;
		char text[ADDRESS_TEXT_MAX] = "";
		bool is_literal = peer_name_literal(&address, literals[i].text);

		if (is_literal)
			address_format(text, &address);
		if (is_literal != (literals[i].want != NULL) ||
		    (is_literal && strcmp(text, literals[i].want) != 0))
			fail_msg("\"%s\" became %d %s", literals[i].text, is_literal, text);
	}
}

static void a_name_is_within_its_domain_and_no_other(void **state)
{
	(void)state;
	assert_true(peer_name_is_within("example.org", "example.org"));
	assert_true(peer_name_is_within("mx.example.org", "example.org"));
	assert_true(peer_name_is_within("a.b.example.org", "example.org"));
	assert_false(peer_name_is_within("myexample.org", "example.org"));
	assert_false(peer_name_is_within("org", "example.org"));
	assert_false(peer_name_is_within("", "example.org"));
	assert_false(peer_name_is_within("mx.example.org.evil.example", "example.org"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_become_the_form_that_everything_compares_by),
		cmocka_unit_test(lengths_end_where_the_wire_form_ends),
		cmocka_unit_test(an_input_without_end_is_no_name),
		cmocka_unit_test(address_literals_are_those_of_the_mail_standard),
		cmocka_unit_test(a_name_is_within_its_domain_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
