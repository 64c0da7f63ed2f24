/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/local_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char why[LOCAL_WHY_MAX];

static const struct {
	const char *text;
	enum local_scope scope;
	const char *name;
} names[] = {
	{ "example.org", LOCAL_DOMAIN, "example.org" },
	{ "Example.ORG.", LOCAL_DOMAIN, "example.org" },
	{ "b\xc3\xbc"
	  "cher.example",
	  LOCAL_DOMAIN, "xn--bcher-kva.example" },
	{ "example.org:25", LOCAL_DOMAIN, "example.org" },
	{ "org", LOCAL_DOMAIN, "org" },
	{ ".example.org", LOCAL_SUBDOMAINS, "example.org" },
	{ ".ORG", LOCAL_SUBDOMAINS, "org" },
	{ "[mail.example.org]", LOCAL_HOST, "mail.example.org" },
	{ "[Mail.example.org]:25", LOCAL_HOST, "mail.example.org" },
	{ "[mail.example.org]:smtp", LOCAL_HOST, "mail.example.org" },
	{ "[192.0.2.1]", LOCAL_HOST, "192.0.2.1" },
	{ "[192.0.2.1]:25", LOCAL_HOST, "192.0.2.1" },
	{ "[2001:DB8:0::1]", LOCAL_HOST, "2001:db8::1" },
	{ "[ipv6:2001:db8::1]:25", LOCAL_HOST, "2001:db8::1" },
};

static void names_are_domains_subdomains_and_bracketed_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		struct local_entry entry = { 0 };

		if (!local_read_name(&entry, names[i].text, why))
			fail_msg("%s: %s", names[i].text, why);
		assert_int_equal(entry.scope, names[i].scope);
		assert_string_equal(entry.name, names[i].name);
	}
}

static const char form[] =
	"a domain as example.org, .example.org for those below it, or a next hop as "
	"[mail.example.org] or [192.0.2.1], not ";

static const struct {
	const char *text;
	const char *why; /* behind form when it begins with a quotation mark */
} wrong_names[] = {
	{ "", "\"\"" },
	{ ".", "\".\"" },
	{ "*", "\"*\"" },
	{ "*.example.org", "\"*.example.org\"" },
	{ "..example.org", "\"..example.org\"" },
	{ "user@example.org", "\"user@example.org\"" },
	{ "[mail.example.org", "\"[mail.example.org\"" },
	{ "[]", "\"[]\"" },
	{ "[a]b", "\"[a]b\"" },
	{ ".[192.0.2.1]", "\".[192.0.2.1]\"" },
	{ "example.org:", "\"example.org:\"" },
	{ "/var/spool/socket", "\"/var/spool/socket\"" },
	{ "192.0.2.1", "an address stands in brackets, as [192.0.2.1]" },
	{ "192.0.2.1:25", "an address stands in brackets, as [192.0.2.1]" },
	{ "192.0.2.1.", "an address stands in brackets, as [192.0.2.1]" },
	{ "192.0.2.1.:25", "an address stands in brackets, as [192.0.2.1]" },
	{ "192.0.2.\xef\xbc\x91", "an address stands in brackets, as [192.0.2.1]" },
	{ ".192.0.2.1", "an address stands in brackets, as [192.0.2.1]" },
	{ "2001:db8::1", "an address stands in brackets, as [2001:db8::1]" },
	{ "example.org:587", "only port 25 is meant, not \"587\"" },
	{ "[mail.example.org]:465", "only port 25 is meant, not \"465\"" },
	{ "example.org:025", "only port 25 is meant, not \"025\"" },
};

static void what_is_no_name_says_what_one_looks_like(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(wrong_names); i++) {
		struct local_entry entry = { .scope = LOCAL_HOST, .name = "before" };
		bool has_form = wrong_names[i].why[0] == '"';

		if (local_read_name(&entry, wrong_names[i].text, why))
			fail_msg("taken: %s", wrong_names[i].text);
		if (has_form)
			assert_memory_equal(why, form, strlen(form));
		assert_string_equal(why + (has_form ? strlen(form) : 0), wrong_names[i].why);
		assert_string_equal(entry.name, "before");
		assert_int_equal(entry.scope, LOCAL_HOST);
	}
}

static void a_name_beyond_all_bounds_is_refused(void **state)
{
	struct local_entry entry = { 0 };
	char text[4096];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 60; i < sizeof(text) - 1; i += 60)
		text[i] = '.';
	assert_false(local_read_name(&entry, text, why));
	assert_false(local_read_next_hop(&entry, text, why));
	assert_false(local_read_match(&entry, text, why));
	assert_false(local_read_fingerprint(&entry, text, why));
	text[253] = '\0';
	assert_true(local_read_name(&entry, text, why));
}

static void a_next_hop_is_a_host_or_an_address_in_brackets_or_not(void **state)
{
	static const struct {
		const char *text;
		const char *host;
	} hops[] = {
		{ "Relay.example.net", "relay.example.net" },
		{ "[relay.example.net]", "relay.example.net" },
		{ "192.0.2.1", "192.0.2.1" },
		{ "[192.0.2.1]", "192.0.2.1" },
		{ "2001:db8::0001", "2001:db8::1" },
		{ "[IPv6:2001:db8::1]", "2001:db8::1" },
	};
	static const char *const wrong[] = { "",         "a b",          "[",   "[x",
		                             "relay:25", ".example.net", "a..b" };
	struct local_entry entry = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(hops); i++) {
		assert_true(local_read_next_hop(&entry, hops[i].text, why));
		assert_string_equal(entry.next_hop, hops[i].host);
	}
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
		assert_false(local_read_next_hop(&entry, wrong[i], why));
	assert_string_equal(entry.next_hop, "2001:db8::1");
}

static void match_names_are_joined_in_one_form(void **state)
{
	struct local_entry entry = { 0 };

	(void)state;
	assert_true(local_read_match(&entry, "nexthop", why));
	assert_true(local_read_match(&entry, "Dot-Nexthop", why));
	assert_true(local_read_match(&entry, "hostname", why));
	assert_true(local_read_match(&entry, "MX.example.org", why));
	assert_true(local_read_match(&entry, ".Example.net", why));
	assert_string_equal(entry.match,
	                    "nexthop:dot-nexthop:hostname:mx.example.org:.example.net");
}

static void what_no_certificate_can_be_asked_for_is_no_match(void **state)
{
	static const char *const wrong[] = { "",
		                             ".",
		                             "*.example.org",
		                             "a b",
		                             "..a",
		                             "192.0.2.1",
		                             "2001:db8::1",
		                             "192.0.2.1.",
		                             "192.0.2.\xef\xbc\x91",
		                             ".192.0.2.1" };
	struct local_entry entry = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		if (local_read_match(&entry, wrong[i], why))
			fail_msg("taken: %s", wrong[i]);
		assert_string_equal(entry.match, "");
	}
}

static void match_names_have_their_bound(void **state)
{
	struct local_entry entry = { 0 };
	char before[LOCAL_MATCH_MAX];
	int taken = 0;

	(void)state;
	do {
		strcpy(before, entry.match);
		taken++;
	} while (local_read_match(&entry, "mx1.example.org", why));
	assert_in_range(taken, 30, 33);
	assert_string_equal(why, "the names are longer than 511 octets together");
	assert_string_equal(entry.match, before);
}

static const char plain[] = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";

static void a_fingerprint_has_colons_everywhere_or_nowhere(void **state)
{
	struct local_entry entry = { 0 };
	char text[128] = "";

	(void)state;
	for (size_t i = 0; i < 32; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%.2s", i ? ":" : "",
		         plain + 2 * i);
	assert_true(local_read_fingerprint(&entry, plain, why));
	assert_true(local_read_fingerprint(&entry, text, why));
	assert_int_equal(entry.fingerprint_count, 2);
	assert_memory_equal(entry.fingerprints[0], entry.fingerprints[1], LOCAL_FINGERPRINT_LEN);
	assert_int_equal(entry.fingerprints[0][1], 0x11);
	assert_int_equal(entry.fingerprints[0][31], 0xff);
	/* One colon less, one octet less, one digit of something else. */
	memmove(text + 2, text + 3, strlen(text) - 2);
	assert_false(local_read_fingerprint(&entry, text, why));
	assert_false(local_read_fingerprint(&entry, plain + 2, why));
	snprintf(text, sizeof(text), "%.63sg", plain);
	assert_false(local_read_fingerprint(&entry, text, why));
	snprintf(text, sizeof(text), "%s0", plain);
	assert_false(local_read_fingerprint(&entry, text, why));
	assert_int_equal(entry.fingerprint_count, 2);
}

static void fingerprints_of_other_digests_are_named(void **state)
{
	struct local_entry entry = { 0 };
	char text[256];

	(void)state;
	snprintf(text, sizeof(text), "%.32s", plain);
	assert_false(local_read_fingerprint(&entry, text, why));
	assert_string_equal(why, "a fingerprint is of SHA-256, and this is as long as one of MD5");
	snprintf(text, sizeof(text), "%.40s", plain);
	assert_false(local_read_fingerprint(&entry, text, why));
	assert_string_equal(why,
	                    "a fingerprint is of SHA-256, and this is as long as one of SHA-1");
	snprintf(text, sizeof(text), "%s%s", plain, plain);
	assert_false(local_read_fingerprint(&entry, text, why));
	assert_string_equal(why,
	                    "a fingerprint is of SHA-256, and this is as long as one of SHA-512");
	assert_false(local_read_fingerprint(&entry, "sha256", why));
	assert_string_equal(
		why, "a fingerprint is the SHA-256 of a certificate or of its public key, as 64 "
		     "hexadecimal digits, not \"sha256\"");
}

static void fingerprints_have_their_bound(void **state)
{
	struct local_entry entry = { 0 };

	(void)state;
	for (int i = 0; i < LOCAL_FINGERPRINTS_MAX; i++)
		assert_true(local_read_fingerprint(&entry, plain, why));
	assert_false(local_read_fingerprint(&entry, plain, why));
	assert_string_equal(why, "at most 16 fingerprints");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_domains_subdomains_and_bracketed_hosts),
		cmocka_unit_test(what_is_no_name_says_what_one_looks_like),
		cmocka_unit_test(a_name_beyond_all_bounds_is_refused),
		cmocka_unit_test(a_next_hop_is_a_host_or_an_address_in_brackets_or_not),
		cmocka_unit_test(match_names_are_joined_in_one_form),
		cmocka_unit_test(what_no_certificate_can_be_asked_for_is_no_match),
		cmocka_unit_test(match_names_have_their_bound),
		cmocka_unit_test(a_fingerprint_has_colons_everywhere_or_nowhere),
		cmocka_unit_test(fingerprints_of_other_digests_are_named),
		cmocka_unit_test(fingerprints_have_their_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
