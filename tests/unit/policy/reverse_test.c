/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/reverse.h"

#include "scripted_resolver.h"

#define ZONE_NAME "25.100.51.198.in-addr.arpa"

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

static struct {
	size_t told;
	struct reverse_names names;
} heard;

static void on_names(void *owner, const struct reverse_names *names)
{
	assert_ptr_equal(owner, &heard);
	heard.told++;
	heard.names = *names;
}

static int begin_reverse(void **state)
{
	memset(&heard, 0, sizeof(heard));
	return begin_script(state);
}

static struct reverse *ask(void)
{
	struct address address;

	assert_true(address_parse(&address, "198.51.100.25"));
	return reverse_ask(&script, &address, on_names, &heard);
}

static void add_ptr(struct message *message, const char *name)
{
	size_t at = begin_record(message, ZONE_NAME, DNS_TYPE_PTR, 60);

	add_name(message, name);
	end_record(message, at);
}

static void the_zone_names_an_address_in_lower_case_a_labels(void **state)
{
	struct message message;

	(void)state;
	assert_non_null(ask());
	begin(&message, FOUND, ZONE_NAME, DNS_TYPE_PTR, 2, 0);
	add_ptr(&message, "MX.Example.ORG");
	add_ptr(&message, "xn--mgbaam7a8h.example");
	answer(&message, DNS_INSECURE);
	assert_int_equal(heard.told, 1);
	assert_int_equal(heard.names.count, 2);
	assert_string_equal(heard.names.names[0], "mx.example.org");
	assert_string_equal(heard.names.names[1], "xn--mgbaam7a8h.example");
}

/* Whoever owns the zone writes into it what he likes. */
static void what_is_no_name_is_passed_over(void **state)
{
	struct message message;

	(void)state;
	assert_non_null(ask());
	begin(&message, FOUND, ZONE_NAME, DNS_TYPE_PTR, 6, 0);
	add_octets(&message, ZONE_NAME, DNS_TYPE_PTR, bytes_of_string("\xc0\xff"));
	add_octets(&message, ZONE_NAME, DNS_TYPE_PTR,
	           bytes_of_string("\x3f"
	                           "a"));
	add_ptr(&message, "a\x1b[2J.example");
	add_ptr(&message, "");
	add_ptr(&message, "-- \\ .example");
	add_ptr(&message, "mx.example.org");
	answer(&message, DNS_SECURE);
	assert_int_equal(heard.told, 1);
	assert_int_equal(heard.names.count, 1);
	assert_string_equal(heard.names.names[0], "mx.example.org");
}

static void of_many_names_only_so_many_are_candidates(void **state)
{
	struct message message;
	char name[32];

	(void)state;
	assert_non_null(ask());
	begin(&message, FOUND, ZONE_NAME, DNS_TYPE_PTR, 60, 0);
	for (unsigned i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "mx%u.example", i);
		add_ptr(&message, name);
	}
	answer(&message, DNS_SECURE);
	assert_int_equal(heard.names.count, REVERSE_NAMES_MAX);
	assert_string_equal(heard.names.names[REVERSE_NAMES_MAX - 1], "mx3.example");
}

static void an_address_without_name_or_answer_has_none(void **state)
{
	(void)state;
	assert_non_null(ask());
	deny(ZONE_NAME, DNS_TYPE_PTR, ABSENT, DNS_SECURE);
	assert_int_equal(heard.told, 1);
	assert_int_equal(heard.names.count, 0);
	assert_non_null(ask());
	fail_query(ZONE_NAME, DNS_TYPE_PTR, DNS_BOGUS, "forged");
	assert_int_equal(heard.told, 2);
	assert_int_equal(heard.names.count, 0);
}

static void a_question_that_is_cancelled_or_cannot_be_put_is_not_told(void **state)
{
	(void)state;
	reverse_cancel(ask());
	assert_int_equal(open_count(), 0);
	script.left = 0;
	assert_null(ask());
	assert_int_equal(heard.told, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_reverse, end_script)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_named_octet_by_octet_and_nibble_by_nibble),
		TEST(the_zone_names_an_address_in_lower_case_a_labels),
		TEST(what_is_no_name_is_passed_over),
		TEST(of_many_names_only_so_many_are_candidates),
		TEST(an_address_without_name_or_answer_has_none),
		TEST(a_question_that_is_cancelled_or_cannot_be_put_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
