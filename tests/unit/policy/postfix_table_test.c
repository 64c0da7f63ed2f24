/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/postfix_table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../guarded.h"

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { KEPT_MAX = 8 };

#define SHA256 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct {
	size_t entry_count;
	struct local_entry entries[KEPT_MAX];
	size_t problem_count;
	struct postfix_problem problems[KEPT_MAX];
	int refusal; /* of each entry from the second on */
} got;

static int take_entry(void *owner, const struct local_entry *entry)
{
	(void)owner;
	if (got.entry_count > 0 && got.refusal)
		return got.refusal;
	if (got.entry_count < KEPT_MAX)
		got.entries[got.entry_count] = *entry;
	got.entry_count++;
	return 0;
}

static void tell(void *owner, const struct postfix_problem *problem)
{
	(void)owner;
	if (got.problem_count < KEPT_MAX)
		got.problems[got.problem_count] = *problem;
	got.problem_count++;
}

static const struct postfix_sink sink = { NULL, take_entry, tell };

static bool parse_bytes(struct bytes text)
{
	memset(&got, 0, offsetof(__typeof__(got), refusal));
	return postfix_table_parse(&sink, "tls_policy", text);
}

static void parse(const char *text)
{
	assert_true(parse_bytes(bytes_of_string(text)));
}

/* One entry, and as many problems as said; the first is `problem`. */
static const struct {
	const char *text;
	enum local_level level;
	const char *match;
	uint8_t fingerprints;
	size_t problems;
	enum postfix_severity severity;
	const char *problem;
} lines[] = {
	{ "example.org none", LOCAL_NONE, "", 0, 0, 0, "" },
	{ "example.org\tmay\n", LOCAL_MAY, "", 0, 0, 0, "" },
	{ "example.org encrypt\r\n", LOCAL_ENCRYPT, "", 0, 0, 0, "" },
	{ "example.org  DANE", LOCAL_DANE, "", 0, 0, 0, "" },
	{ "EXAMPLE.org dane-only", LOCAL_DANE_ONLY, "", 0, 0, 0, "" },
	{ "example.org half-dane", LOCAL_DANE, "", 0, 1, POSTFIX_IGNORED,
	  "tls_policy:1: half-dane counts as dane" },
	{ "example.org verify", LOCAL_VERIFY, "", 0, 0, 0, "" },
	{ "example.org secure match=nexthop:.example.net", LOCAL_SECURE, "nexthop:.example.net", 0,
	  0, 0, "" },
	{ "example.org secure, match=a.example,match=b.example ,", LOCAL_SECURE,
	  "a.example:b.example", 0, 0, 0, "" },
	{ "example.org verify MATCH=hostname", LOCAL_VERIFY, "hostname", 0, 0, 0, "" },
	{ "example.org fingerprint match=" SHA256 "|" SHA256, LOCAL_FINGERPRINT, "", 2, 0, 0, "" },
	{ "example.org fingerprint\n match=" SHA256 "\n\tmatch=" SHA256, LOCAL_FINGERPRINT, "", 2,
	  0, 0, "" },
	/* Attributes that are not looked at leave the entry as it is. */
	{ "example.org secure ciphers=high protocols=>=TLSv1.2", LOCAL_SECURE, "", 0, 2,
	  POSTFIX_IGNORED,
	  "tls_policy:1: ciphers=high is not looked at: the mail server itself chooses ciphers" },
	{ "example.org encrypt protocols=!SSLv2:!SSLv3", LOCAL_ENCRYPT, "", 0, 1, POSTFIX_IGNORED,
	  "tls_policy:1: protocols=!SSLv2:!SSLv3 is not looked at: the mail server itself chooses "
	  "versions of TLS" },
	{ "example.org encrypt exclude=aNULL:MD5", LOCAL_ENCRYPT, "", 0, 1, POSTFIX_IGNORED,
	  "tls_policy:1: exclude=aNULL:MD5 is not looked at: the mail server itself chooses "
	  "ciphers" },
	{ "example.org dane servername=mx", LOCAL_DANE, "", 0, 1, POSTFIX_IGNORED,
	  "tls_policy:1: servername=mx is not looked at: the mail server itself says which name it "
	  "wants" },
	{ "example.org may connection_reuse=no", LOCAL_MAY, "", 0, 1, POSTFIX_IGNORED,
	  "tls_policy:1: connection_reuse=no is not looked at: each connection is judged by "
	  "itself" },
	{ "example.org dane enable_rpk=yes", LOCAL_DANE, "", 0, 1, POSTFIX_IGNORED,
	  "tls_policy:1: enable_rpk=yes is not looked at: the mail server itself asks for raw "
	  "keys" },
	{ "example.org encrypt colour=blue", LOCAL_ENCRYPT, "", 0, 1, POSTFIX_IGNORED,
	  "tls_policy:1: colour=blue is not looked at: no such attribute is known" },
	{ "example.org encrypt # why", LOCAL_ENCRYPT, "", 0, 2, POSTFIX_IGNORED,
	  "tls_policy:1: \"#\" is not looked at: attribute=value is expected" },
	{ "example.org encrypt =x", LOCAL_ENCRYPT, "", 0, 1, POSTFIX_IGNORED,
	  "tls_policy:1: \"=x\" is not looked at: attribute=value is expected" },
	{ "example.org encrypt match=nexthop", LOCAL_ENCRYPT, "", 0, 1, POSTFIX_IGNORED,
	  "tls_policy:1: match is not looked at: it is for fingerprint, verify and secure" },
	{ "example.org none tafile=/etc/ca.pem", LOCAL_NONE, "", 0, 1, POSTFIX_IGNORED,
	  "tls_policy:1: tafile=/etc/ca.pem is not looked at: no such attribute is known" },
	/* A key that cannot be judged: TLS is still asked for, and no server is wronged. */
	{ "example.org fingerprint", LOCAL_ENCRYPT, "", 0, 1, POSTFIX_WEAKER,
	  "tls_policy:1: match=FINGERPRINT is missing: the line counts as encrypt" },
	{ "example.org fingerprint match=3D:95", LOCAL_ENCRYPT, "", 0, 1, POSTFIX_WEAKER,
	  "tls_policy:1: a fingerprint is the SHA-256 of a certificate or of its public key, as 64 "
	  "hexadecimal digits, not \"3D:95\": the line counts as encrypt" },
	{ "example.org fingerprint match=" SHA256 "|00112233445566778899aabbccddeeff",
	  LOCAL_ENCRYPT, "", 0, 1, POSTFIX_WEAKER,
	  "tls_policy:1: a fingerprint is of SHA-256, and this is as long as one of MD5: the line "
	  "counts as encrypt" },
	{ "example.org secure match=a.example:*.example", LOCAL_ENCRYPT, "", 0, 1, POSTFIX_WEAKER,
	  "tls_policy:1: nexthop, dot-nexthop, hostname, or a name as mx.example.org or "
	  ".example.org, not \"*.example\": the line counts as encrypt" },
	{ "example.org secure match=", LOCAL_ENCRYPT, "", 0, 1, POSTFIX_WEAKER,
	  "tls_policy:1: nexthop, dot-nexthop, hostname, or a name as mx.example.org or "
	  ".example.org, not \"\": the line counts as encrypt" },
	{ "example.org verify tafile=/etc/ca.pem match=hostname", LOCAL_ENCRYPT, "", 0, 1,
	  POSTFIX_WEAKER,
	  "tls_policy:1: tafile names authorities that hopguard does not trust: the line counts as "
	  "encrypt" },
};

static void a_line_is_a_name_a_level_and_attributes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
		parse(lines[i].text);
		if (got.entry_count != 1 || got.problem_count != lines[i].problems)
			fail_msg("%s: %zu entries, %zu problems", lines[i].text, got.entry_count,
			         got.problem_count);
		assert_string_equal(got.problems[0].text, lines[i].problem);
		assert_int_equal(got.problems[0].severity, lines[i].severity);
		assert_string_equal(got.entries[0].name, "example.org");
		assert_int_equal(got.entries[0].scope, LOCAL_DOMAIN);
		assert_int_equal(got.entries[0].level, lines[i].level);
		assert_string_equal(got.entries[0].match, lines[i].match);
		assert_int_equal(got.entries[0].fingerprint_count, lines[i].fingerprints);
		assert_string_equal(got.entries[0].origin, "tls_policy:1");
		assert_int_equal(got.entries[0].until_ms, 0);
		assert_false(got.entries[0].only_alerts);
	}
}

/* The second line of three says nothing; the others count. */
static const struct {
	const char *line;
	const char *problem;
} unused[] = {
	{ "example.org secured",
	  "none, may, encrypt, dane, dane-only, fingerprint, verify or secure is "
	  "expected, not \"secured\"" },
	{ "example.org secure;match=nexthop",
	  "none, may, encrypt, dane, dane-only, fingerprint, verify or secure is expected, not "
	  "\"secure;match=nexthop\"" },
	{ "example.org: encrypt",
	  "a domain as example.org, .example.org for those below it, or a next hop as "
	  "[mail.example.org] or [192.0.2.1], not \"example.org:\"" },
	{ "[mail.example.org]:587 encrypt", "only port 25 is meant, not \"587\"" },
	{ "/\\.example\\.org$/ encrypt", "a pattern, as in tables of type regexp or pcre" },
	{ "exam\x01ple.org encrypt", "control characters are no text" },
	{ "example.org encrypt\x7f", "control characters are no text" },
	{ "exam\xffple.org encrypt",
	  "a domain as example.org, .example.org for those below it, or a next hop as "
	  "[mail.example.org] or [192.0.2.1], not \"exam?ple.org\"" },
};

static void a_line_that_says_nothing_costs_no_other_line(void **state)
{
	char text[512], problem[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(unused); i++) {
		snprintf(text, sizeof(text),
		         "a.example may\n%s\n match=nexthop\nb.example secure\n", unused[i].line);
		snprintf(problem, sizeof(problem), "tls_policy:2: %s: the line is not used",
		         unused[i].problem);
		parse(text);
		assert_int_equal(got.problem_count, 1);
		assert_string_equal(got.problems[0].text, problem);
		assert_int_equal(got.problems[0].line, 2);
		assert_int_equal(got.problems[0].severity, POSTFIX_UNUSED);
		assert_int_equal(got.entry_count, 2);
		assert_string_equal(got.entries[0].name, "a.example");
		assert_string_equal(got.entries[1].name, "b.example");
		assert_string_equal(got.entries[1].origin, "tls_policy:4");
	}
}

static void a_name_without_a_level_is_told_where_it_stands(void **state)
{
	static const char *const texts[] = { "a.example may\nexample.org\nb.example may",
		                             "a.example may\nexample.org ,\n\nb.example may" };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		parse(texts[i]);
		assert_int_equal(got.entry_count, 2);
		assert_int_equal(got.problem_count, 1);
		assert_string_equal(got.problems[0].text,
		                    "tls_policy:2: a level is expected behind the "
		                    "name: the line is not used");
	}
}

static void a_blank_in_front_goes_on_with_the_line_before(void **state)
{
	(void)state;
	parse("# for\n"
	      "\n"
	      "example.org\n"
	      "# a comment between\n"
	      "  # another\n"
	      " \t\r\n"
	      "  secure\n"
	      "\n"
	      "\tmatch=nexthop\n"
	      " colour=blue\n"
	      "#example.com none\n"
	      ".example.net encrypt");
	assert_int_equal(got.entry_count, 2);
	assert_int_equal(got.entries[0].level, LOCAL_SECURE);
	assert_string_equal(got.entries[0].match, "nexthop");
	assert_string_equal(got.entries[0].origin, "tls_policy:3");
	assert_int_equal(got.entries[1].scope, LOCAL_SUBDOMAINS);
	assert_string_equal(got.entries[1].origin, "tls_policy:12");
	assert_int_equal(got.problem_count, 1);
	assert_string_equal(got.problems[0].text, "tls_policy:10: colour=blue is not looked at: no "
	                                          "such attribute is known");
}

static void a_first_line_that_begins_with_a_blank_says_nothing(void **state)
{
	(void)state;
	parse("# comment\n example.org encrypt\nexample.net may\n");
	assert_int_equal(got.entry_count, 1);
	assert_string_equal(got.entries[0].name, "example.net");
	assert_string_equal(got.problems[0].text, "tls_policy:2: the line begins with a blank, and "
	                                          "there is none that it goes on with");
}

static void what_makes_one_line_weaker_does_not_weaken_the_next(void **state)
{
	(void)state;
	parse("a.example secure tafile=/etc/ca.pem\nb.example secure match=nexthop");
	assert_int_equal(got.entry_count, 2);
	assert_int_equal(got.entries[0].level, LOCAL_ENCRYPT);
	assert_int_equal(got.entries[1].level, LOCAL_SECURE);
	assert_string_equal(got.entries[1].match, "nexthop");
}

static void a_nul_does_not_end_a_name(void **state)
{
	static const char text[] = "example.org\0.evil.example none\nexample.net may";

	(void)state;
	assert_true(parse_bytes(bytes_of(text, sizeof(text) - 1)));
	assert_int_equal(got.entry_count, 1);
	assert_string_equal(got.entries[0].name, "example.net");
	assert_string_equal(got.problems[0].text,
	                    "tls_policy:1: control characters are no text: the line is not used");
}

static void a_name_given_twice_is_told(void **state)
{
	(void)state;
	got.refusal = -EEXIST;
	parse("example.org may\nexample.org\n none");
	assert_int_equal(got.entry_count, 1);
	assert_int_equal(got.problem_count, 1);
	assert_string_equal(got.problems[0].text,
	                    "tls_policy:2: the name was given before: the line is not used");
	got.refusal = 0;
}

static void without_room_the_rest_is_left_out_and_told_once(void **state)
{
	(void)state;
	got.refusal = -ENOSPC;
	assert_false(parse_bytes(bytes_of_string("a.example may\nb.example may\nc.example may\n ,\n"
	                                         "d.example wrong")));
	assert_int_equal(got.entry_count, 1);
	assert_int_equal(got.problem_count, 1);
	assert_string_equal(got.problems[0].text,
	                    "tls_policy:2: there is no room for more entries: "
	                    "this and all behind it are not used");
	got.refusal = 0;
}

static void a_table_has_its_bound(void **state)
{
	char *text = malloc(POSTFIX_TABLE_MAX + 1);

	(void)state;
	assert_non_null(text);
	memset(text, '\n', POSTFIX_TABLE_MAX + 1);
	memcpy(text, "a.example may\n", 14);
	assert_true(parse_bytes(bytes_of(text, POSTFIX_TABLE_MAX)));
	assert_int_equal(got.entry_count, 1);
	assert_false(parse_bytes(bytes_of(text, POSTFIX_TABLE_MAX + 1)));
	assert_int_equal(got.entry_count, 0);
	assert_string_equal(got.problems[0].text,
	                    "tls_policy: longer than 8388608 octets: the table is not used");
	free(text);
}

static void words_of_any_length_stay_within_their_room(void **state)
{
	static char text[300 * 1024];
	static const char *const heads[] = { "",
		                             "example.org ",
		                             "example.org secure ",
		                             "example.org secure match=",
		                             "example.org fingerprint match=",
		                             "example.org secure x=" };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(heads); i++) {
		memset(text, 'a', sizeof(text));
		memcpy(text, heads[i], strlen(heads[i]));
		for (size_t len = sizeof(text); len > 500; len = len > 2000 ? len / 2 : len - 1) {
			assert_true(parse_bytes(bytes_of(text, len)));
			assert_int_equal(got.problem_count, 1);
			assert_true(strlen(got.problems[0].text) < 400);
		}
	}
}

static void a_table_cut_anywhere_says_nothing_that_was_not_written(void **state)
{
	static const char text[] = "a.example may\n"
				   "b.example secure match=nexthop:.b.example exclude=aNULL\n"
				   "# comment\n"
				   "[mail.c.example]:25 fingerprint\n"
				   "  match=" SHA256 "|" SHA256 "\n"
				   ".d.example dane-only\r\n";
	struct guarded page = guarded_new();

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		assert_true(parse_bytes(guarded_bytes(&page, bytes_of(text, len))));
		assert_true(got.entry_count <= 4 && got.problem_count <= 3);
		for (size_t i = 0; i < got.entry_count; i++)
			assert_true(got.entries[i].level != LOCAL_UNSET && got.entries[i].name[0]);
	}
	assert_int_equal(got.entry_count, 4);
	assert_int_equal(got.entries[3].level, LOCAL_DANE_ONLY);
	guarded_free(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_a_name_a_level_and_attributes),
		cmocka_unit_test(a_line_that_says_nothing_costs_no_other_line),
		cmocka_unit_test(a_name_without_a_level_is_told_where_it_stands),
		cmocka_unit_test(a_blank_in_front_goes_on_with_the_line_before),
		cmocka_unit_test(a_first_line_that_begins_with_a_blank_says_nothing),
		cmocka_unit_test(what_makes_one_line_weaker_does_not_weaken_the_next),
		cmocka_unit_test(a_nul_does_not_end_a_name),
		cmocka_unit_test(a_name_given_twice_is_told),
		cmocka_unit_test(without_room_the_rest_is_left_out_and_told_once),
		cmocka_unit_test(a_table_has_its_bound),
		cmocka_unit_test(words_of_any_length_stay_within_their_room),
		cmocka_unit_test(a_table_cut_anywhere_says_nothing_that_was_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
