/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/local_entry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* 2026-12-31T23:59:59.999Z */
static const uint64_t END_MS = 1798761599999;

static struct local_entry entry_at(enum local_level level)
{
	struct local_entry entry = {
		.level = level,
		.name = "example.org",
		.origin = "hopguard.conf:12",
	};

	return entry;
}

static void levels_have_the_names_of_postfix_in_any_case(void **state)
{
	static const char *const names[] = { "none",      "may",         "encrypt", "dane",
		                             "dane-only", "fingerprint", "verify",  "secure" };
	enum local_level level = LOCAL_UNSET;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		assert_true(local_level_parse(&level, names[i]));
		assert_int_equal(level, i + 1);
		assert_string_equal(local_level_name(level), names[i]);
	}
	assert_true(local_level_parse(&level, "Dane-Only"));
	assert_int_equal(level, LOCAL_DANE_ONLY);
	assert_false(local_level_parse(&level, ""));
	assert_false(local_level_parse(&level, "dane-onl"));
	assert_false(local_level_parse(&level, "secured"));
	assert_string_equal(local_level_name(LOCAL_UNSET), "");
}

static const struct {
	enum local_level level;
	enum promise_state dane;
	enum promise_state want;
	enum promise_source source;
	const char *detail;
} promises[] = {
	{ LOCAL_UNSET, PROMISE_KEY, PROMISE_UNKNOWN, SOURCE_NONE, "" },
	{ LOCAL_NONE, PROMISE_KEY, PROMISE_NONE, SOURCE_LOCAL,
	  "hopguard.conf:12: example.org: none" },
	{ LOCAL_MAY, PROMISE_KEY, PROMISE_NONE, SOURCE_LOCAL,
	  "hopguard.conf:12: example.org: may" },
	{ LOCAL_ENCRYPT, PROMISE_NONE, PROMISE_TLS, SOURCE_LOCAL,
	  "hopguard.conf:12: example.org: encrypt" },
	{ LOCAL_ENCRYPT, PROMISE_UNAVAILABLE, PROMISE_TLS, SOURCE_LOCAL,
	  "hopguard.conf:12: example.org: encrypt" },
	{ LOCAL_DANE, PROMISE_UNKNOWN, PROMISE_UNKNOWN, SOURCE_DANE, "3 1 1 aa" },
	{ LOCAL_DANE, PROMISE_NONE, PROMISE_NONE, SOURCE_LOCAL,
	  "hopguard.conf:12: example.org: dane" },
	{ LOCAL_DANE, PROMISE_TLS, PROMISE_TLS, SOURCE_DANE, "3 1 1 aa" },
	{ LOCAL_DANE, PROMISE_KEY, PROMISE_KEY, SOURCE_DANE, "3 1 1 aa" },
	{ LOCAL_DANE, PROMISE_UNAVAILABLE, PROMISE_UNAVAILABLE, SOURCE_DANE, "3 1 1 aa" },
	{ LOCAL_DANE_ONLY, PROMISE_UNKNOWN, PROMISE_UNKNOWN, SOURCE_DANE, "3 1 1 aa" },
	{ LOCAL_DANE_ONLY, PROMISE_NONE, PROMISE_UNAVAILABLE, SOURCE_LOCAL,
	  "hopguard.conf:12: example.org: dane-only, and there is no TLSA record to be used" },
	{ LOCAL_DANE_ONLY, PROMISE_TLS, PROMISE_UNAVAILABLE, SOURCE_LOCAL,
	  "hopguard.conf:12: example.org: dane-only, and there is no TLSA record to be used" },
	{ LOCAL_DANE_ONLY, PROMISE_KEY, PROMISE_KEY, SOURCE_DANE, "3 1 1 aa" },
	{ LOCAL_DANE_ONLY, PROMISE_UNAVAILABLE, PROMISE_UNAVAILABLE, SOURCE_DANE, "3 1 1 aa" },
	{ LOCAL_FINGERPRINT, PROMISE_NONE, PROMISE_KEY, SOURCE_LOCAL,
	  "hopguard.conf:12: example.org: fingerprint" },
	{ LOCAL_VERIFY, PROMISE_NONE, PROMISE_KEY, SOURCE_LOCAL,
	  "hopguard.conf:12: example.org: verify match=hostname" },
	{ LOCAL_SECURE, PROMISE_UNAVAILABLE, PROMISE_KEY, SOURCE_LOCAL,
	  "hopguard.conf:12: example.org: secure match=nexthop:dot-nexthop" },
};

static void a_level_makes_its_promise_of_what_the_host_promised(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(promises); i++) {
		struct local_entry entry = entry_at(promises[i].level);
		struct promise dane = { promises[i].dane, SOURCE_DANE, false, "3 1 1 aa" };
		struct promise promise = local_promise(&entry, &dane);

		assert_int_equal(promise.state, promises[i].want);
		assert_int_equal(promise.source, promises[i].source);
		assert_string_equal(promise.detail, promises[i].detail);
		assert_false(promise.only_alerts);
	}
}

static void a_destination_that_is_only_watched_only_alerts_at_every_level(void **state)
{
	const struct promise dane = { PROMISE_KEY, SOURCE_DANE, false, "3 1 1 aa" };

	(void)state;
	for (int level = LOCAL_UNSET; level <= LOCAL_SECURE; level++) {
		struct local_entry entry = entry_at((enum local_level)level);

		entry.only_alerts = true;
		assert_true(local_promise(&entry, &dane).only_alerts);
		assert_true(local_is_exception(&entry));
		entry.only_alerts = false;
		assert_int_equal(local_is_exception(&entry),
		                 level == LOCAL_NONE || level == LOCAL_MAY);
	}
}

static void names_that_are_given_take_the_place_of_the_levels_own(void **state)
{
	struct local_entry entry = entry_at(LOCAL_SECURE);

	(void)state;
	strcpy(entry.match, "hostname:.example.net");
	assert_string_equal(local_match(&entry), "hostname:.example.net");
	entry = entry_at(LOCAL_ENCRYPT);
	assert_string_equal(local_match(&entry), "");
}

static void names_are_printed_as_they_are_written(void **state)
{
	struct local_entry entry = entry_at(LOCAL_MAY);
	char text[DOMAIN_NAME_MAX + 2];

	(void)state;
	assert_string_equal(local_name_print(text, &entry), "example.org");
	entry.scope = LOCAL_SUBDOMAINS;
	assert_string_equal(local_name_print(text, &entry), ".example.org");
	entry.scope = LOCAL_HOST;
	assert_string_equal(local_name_print(text, &entry), "[example.org]");
	memset(entry.name, 'a', DOMAIN_NAME_MAX - 1);
	assert_int_equal(strlen(local_name_print(text, &entry)), DOMAIN_NAME_MAX + 1);
}

static void evidence_says_where_what_until_when_and_why(void **state)
{
	struct local_entry entry = entry_at(LOCAL_FINGERPRINT);
	struct evidence evidence;

	(void)state;
	entry.fingerprint_count = 2;
	entry.fingerprints[0][0] = 0xab;
	strcpy(entry.next_hop, "relay.example.net");
	strcpy(entry.reason, "their new server");
	entry.until_ms = END_MS;
	entry.only_alerts = true;
	evidence = local_evidence(&entry, END_MS - 5000);
	assert_string_equal(
		evidence.detail,
		"hopguard.conf:12: example.org: fingerprint, next hop relay.example.net, "
		"only watched, until 2026-12-31T23:59:59Z, because: their new server "
		"sha256=ab00000000000000000000000000000000000000000000000000000000000000 "
		"and 1 more");
	assert_int_equal(evidence.source, SOURCE_LOCAL);
	assert_int_equal(evidence.state, EVIDENCE_ALERTS);
	assert_int_equal(evidence.left_s, 5);
}

static void evidence_binds_until_the_end_and_not_after(void **state)
{
	struct local_entry entry = entry_at(LOCAL_NONE);

	(void)state;
	entry.until_ms = END_MS;
	assert_int_equal(local_evidence(&entry, END_MS - 1).state, EVIDENCE_BINDS);
	assert_int_equal(local_evidence(&entry, END_MS).state, EVIDENCE_EXPIRED);
	assert_int_equal(local_evidence(&entry, END_MS).left_s, 0);
	entry.until_ms = 0;
	assert_int_equal(local_evidence(&entry, END_MS).state, EVIDENCE_BINDS);
	assert_int_equal(local_evidence(&entry, END_MS).left_s, 0);
	entry.until_ms = UINT64_MAX;
	assert_int_equal(local_evidence(&entry, 0).left_s, UINT32_MAX);
	entry = entry_at(LOCAL_UNSET);
	assert_int_equal(local_evidence(&entry, END_MS).state, EVIDENCE_NONE);
}

static void evidence_and_promise_stay_within_their_room(void **state)
{
	struct local_entry entry = entry_at(LOCAL_SECURE);
	const struct promise dane = { 0 };

	(void)state;
	memset(entry.name, 'n', sizeof(entry.name) - 1);
	memset(entry.match, 'm', sizeof(entry.match) - 1);
	memset(entry.next_hop, 'h', sizeof(entry.next_hop) - 1);
	memset(entry.reason, 'r', sizeof(entry.reason) - 1);
	memset(entry.origin, 'o', sizeof(entry.origin) - 1);
	assert_int_equal(strlen(local_promise(&entry, &dane).detail), PROMISE_DETAIL_MAX - 1);
	assert_int_equal(strlen(local_evidence(&entry, 0).detail), EVIDENCE_DETAIL_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels_have_the_names_of_postfix_in_any_case),
		cmocka_unit_test(a_level_makes_its_promise_of_what_the_host_promised),
		cmocka_unit_test(a_destination_that_is_only_watched_only_alerts_at_every_level),
		cmocka_unit_test(names_that_are_given_take_the_place_of_the_levels_own),
		cmocka_unit_test(names_are_printed_as_they_are_written),
		cmocka_unit_test(evidence_says_where_what_until_when_and_why),
		cmocka_unit_test(evidence_binds_until_the_end_and_not_after),
		cmocka_unit_test(evidence_and_promise_stay_within_their_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
