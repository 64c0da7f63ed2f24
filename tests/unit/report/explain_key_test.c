/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/explain_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "verdict/key_rule.h"

static struct key_rules rules;
static const uint8_t digest[32] = { 0x60, 0xb8, 0x75 };
static char text[8192];

static int set_up(void **state)
{
	(void)state;
	rules.count = rules.len = 0;
	return 0;
}

static void add(enum key_rule_kind kind, enum promise_source source, const char *names,
                const struct key_record *records, size_t count)
{
	struct key_rule rule = { .kind = kind,
		                 .source = source,
		                 .names = bytes_of_string(names),
		                 .record_count = count };

	for (size_t i = 0; i < count; i++)
		rule.records[i] = records[i];
	assert_true(key_rules_add(&rules, &rule));
}

static const char *rules_in_words(void)
{
	json_t *object = json_object();
	FILE *out = fmemopen(text, sizeof(text), "w");

	explain_key_put_rules(object, "key_rules", bytes_of(rules.octets, rules.len));
	explain_key_print_rules(out, json_object_get(object, "key_rules"));
	fclose(out);
	json_decref(object);
	return text;
}

static void records_stand_in_full_and_in_words(void **state)
{
	const struct key_record records[] = {
		{ 3, 1, 1, bytes_of(digest, sizeof(digest)) },
		{ 2, 0, 2, bytes_of("\xab\xcd", 2) },
	};

	(void)state;
	add(KEY_RULE_TLSA, SOURCE_DANE, "mx1.example.org:example.org", records, 2);
	assert_string_equal(
		rules_in_words(),
		"  key, by dane: one of these TLSA records\n"
		"             3 1 1 "
		"60b8750000000000000000000000000000000000000000000000000000000000 "
		"(the server's own key, SHA-256)\n"
		"             2 0 2 abcd (an issuer's certificate, SHA-512, and one of the names "
		"mx1.example.org example.org)\n");
}

static void rules_of_two_sources_stand_side_by_side(void **state)
{
	const struct key_record record = { 3, 1, 0, bytes_of(digest, 2) };

	(void)state;
	add(KEY_RULE_PKIX, SOURCE_MTA_STS, "mx1.example.org:.example.com", NULL, 0);
	add(KEY_RULE_TLSA, SOURCE_DANE, "mx1.example.org", &record, 1);
	assert_string_equal(
		rules_in_words(),
		"  key, by mta-sts: a certificate of a trusted authority for one of the "
		"names mx1.example.org .example.com\n"
		"  and, by dane: one of these TLSA records\n"
		"             3 1 0 60b8 (the server's own key, in full)\n");
}

static void fingerprints_stand_alone(void **state)
{
	const struct key_record record = { .data = bytes_of(digest, 3) };

	(void)state;
	add(KEY_RULE_FINGERPRINT, SOURCE_LOCAL, "", &record, 1);
	assert_string_equal(rules_in_words(), "  key, by local: one of these fingerprints\n"
	                                      "             60b875\n");
}

static void what_is_long_is_cut_and_what_is_much_is_counted(void **state)
{
	static const uint8_t certificate[400];
	struct key_record records[KEY_RECORDS_MAX];
	char names[600];

	(void)state;
	for (size_t i = 0; i < KEY_RECORDS_MAX; i++)
		records[i] =
			(struct key_record){ 2, 0, 0, bytes_of(certificate, sizeof(certificate)) };
	memset(names, 'n', sizeof(names) - 1);
	names[sizeof(names) - 1] = '\0';
	add(KEY_RULE_TLSA, SOURCE_DANE, names, records, KEY_RECORDS_MAX);
	assert_non_null(strstr(rules_in_words(), "0000... (an issuer's certificate, in full"));
	assert_non_null(strstr(text, "nnn...)\n"));
	assert_non_null(strstr(text, "             and 24 more\n"));
	assert_true(strlen(text) < EXPLAIN_RECORDS_MAX * 500);
}

static const char *last_in_words(const struct last_key *key)
{
	json_t *object = json_object();
	FILE *out = fmemopen(text, sizeof(text), "w");

	explain_key_put_last(object, "last_key", key);
	explain_key_put_probe(object, "last_probe", key);
	text[0] = '\0';
	explain_key_print_last(out, json_object_get(object, "last_key"));
	explain_key_print_probe(out, json_object_get(object, "last_probe"));
	fclose(out);
	json_decref(object);
	return text;
}

static struct last_key a_key(void)
{
	struct last_key key = {
		.sight = SIGHT_PROBE,
		.server = { .family = 4, .octets = { 198, 51, 100, 25 } },
		.age_s = 90,
		.finding = {
			.outcome = KEY_MET,
			.source = SOURCE_DANE,
			.matched = "3 1 1 60b875",
			.seen = {
				.has_leaf = true,
				.leaf_digest = { 0x0a },
				.has_anchor = true,
				.anchor_digest = { 0x0b },
				.names = "mx1.example.org",
				.issuer = "CN=an authority",
				.not_before_s = 1767225600,
				.not_after_s = 1798761600,
			},
		},
	};

	return key;
}

#define ZEROS62 "00000000000000000000000000000000000000000000000000000000000000"

static void the_last_key_says_all_that_its_certificate_does(void **state)
{
	const struct last_key key = a_key();

	(void)state;
	assert_string_equal(last_in_words(&key),
	                    "  last key   met by dane 3 1 1 60b875\n"
	                    "             probed, 90 s ago at 198.51.100.25\n"
	                    "             names mx1.example.org\n"
	                    "             issued by CN=an authority\n"
	                    "             from 2026-01-01T00:00:00Z to 2027-01-01T00:00:00Z\n"
	                    "             key 0a" ZEROS62 "\n"
	                    "             anchor's key 0b" ZEROS62 "\n");
}

static void a_wrong_one_says_why(void **state)
{
	struct last_key key = a_key();

	(void)state;
	key.sight = SIGHT_WIRE;
	key.finding.outcome = KEY_NAME_MISMATCH;
	key.finding.matched[0] = '\0';
	strcpy(key.finding.why, "none of its names");
	assert_non_null(strstr(last_in_words(&key),
	                       "  last key   name-mismatch: none of its names\n"
	                       "             proven, 90 s ago"));
}

static void of_a_host_that_promised_nothing_nothing_was_asked(void **state)
{
	struct last_key key = a_key();

	(void)state;
	key.finding.source = SOURCE_NONE;
	key.finding.matched[0] = '\0';
	assert_non_null(strstr(last_in_words(&key), "  last key   nothing was asked of it\n"));
}

static void why_the_last_probe_could_not_tell_stands_behind_any_key(void **state)
{
	struct last_key key = { .sight = SIGHT_NONE, .probe_age_s = 7 };

	(void)state;
	strcpy(key.probe, "from 192.0.2.1: the connection was refused");
	assert_string_equal(last_in_words(&key), "  probe      could not tell, 7 s ago: from "
	                                         "192.0.2.1: the connection was refused\n");
	key = a_key();
	strcpy(key.probe, "x");
	assert_non_null(strstr(last_in_words(&key), "\n  probe      could not tell, 0 s ago: x\n"));
}

static void where_none_was_seen_nothing_stands(void **state)
{
	const struct last_key key = { .sight = SIGHT_NONE };

	(void)state;
	assert_string_equal(last_in_words(&key), "");
	assert_string_equal(rules_in_words(), "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(records_stand_in_full_and_in_words),
		TEST(rules_of_two_sources_stand_side_by_side),
		TEST(fingerprints_stand_alone),
		TEST(what_is_long_is_cut_and_what_is_much_is_counted),
		TEST(the_last_key_says_all_that_its_certificate_does),
		TEST(a_wrong_one_says_why),
		TEST(of_a_host_that_promised_nothing_nothing_was_asked),
		TEST(why_the_last_probe_could_not_tell_stands_behind_any_key),
		TEST(where_none_was_seen_nothing_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
