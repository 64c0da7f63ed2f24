/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/mtasts_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../guarded.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The data of one record: one string, or several where '|' parts them. */
static struct bytes record_of(uint8_t rdata[2048], const char *text)
{
	size_t len = 0;

	for (;;) {
		size_t part = strcspn(text, "|");

		assert_true(part < 256);
		rdata[len++] = (uint8_t)part;
		memcpy(rdata + len, text, part);
		len += part;
		if (text[part] == '\0')
			return bytes_of(rdata, len);
		text += part + 1;
	}
}

static const struct txt_case {
	const char *records[3];
	enum mtasts_txt_state state;
	const char *id_or_why;
} txt_cases[] = {
	{ { "v=STSv1; id=20160831085700Z;" }, MTASTS_TXT_FOUND, "20160831085700Z" },
	{ { "v=STSv1;id=1" }, MTASTS_TXT_FOUND, "1" },
	{ { "v=STSv1; \t id=1 \t ; \t" }, MTASTS_TXT_FOUND, "1" },
	{ { "v=STSv1; id=ABCDEFGHIJklmnopqrstuvwxyz012345" },
	  MTASTS_TXT_FOUND,
	  "ABCDEFGHIJklmnopqrstuvwxyz012345" },
	{ { "v=STSv1; id=1; id=2" }, MTASTS_TXT_FOUND, "1" },
	{ { "v=STSv1; a=b; x-1_2.3=!\"#/:<>~; id=1" }, MTASTS_TXT_FOUND, "1" },
	{ { "v=ST|Sv1; i||d=1|2" }, MTASTS_TXT_FOUND, "12" },
	{ { "v=spf1 -all", "v=STSv1; id=1", "v=STSv1" }, MTASTS_TXT_FOUND, "1" },
	{ { NULL }, MTASTS_TXT_NONE, "no record starts with v=STSv1;" },
	{ { "", "v=STSv1", " v=STSv1; id=1" }, MTASTS_TXT_NONE, "no record starts with v=STSv1;" },
	{ { "V=STSv1; id=1", "v=stsv1; id=1", "v=STSv1 ; id=1" },
	  MTASTS_TXT_NONE,
	  "no record starts with v=STSv1;" },
	{ { "v=STSv1; id=1", "v=STSv1; id=1" },
	  MTASTS_TXT_INVALID,
	  "more than one record starts with v=STSv1;" },
	{ { "v=STSv1; id=1", "v=STSv1;" },
	  MTASTS_TXT_INVALID,
	  "more than one record starts with v=STSv1;" },
	{ { "v=STSv1;" }, MTASTS_TXT_INVALID, "id is missing" },
	{ { "v=STSv1; a=b" }, MTASTS_TXT_INVALID, "id is missing" },
	{ { "v=STSv1; ID=1" }, MTASTS_TXT_INVALID, "id is missing" },
	{ { "v=STSv1; id=" }, MTASTS_TXT_INVALID, "id is not 1 to 32 letters and digits" },
	{ { "v=STSv1; id=1-2" }, MTASTS_TXT_INVALID, "id is not 1 to 32 letters and digits" },
	{ { "v=STSv1; id=1 2" }, MTASTS_TXT_INVALID, "id is not 1 to 32 letters and digits" },
	{ { "v=STSv1; id=\xc3\xa4" }, MTASTS_TXT_INVALID, "id is not 1 to 32 letters and digits" },
	{ { "v=STSv1; id=123456789012345678901234567890123" },
	  MTASTS_TXT_INVALID,
	  "id is not 1 to 32 letters and digits" },
	{ { "v=STSv1; id=1; x" }, MTASTS_TXT_INVALID, "a field has no '='" },
	{ { "v=STSv1;; id=1" }, MTASTS_TXT_INVALID, "a field has no '='" },
	{ { "v=STSv1; id=1; -x=1" },
	  MTASTS_TXT_INVALID,
	  "a field's name is not 1 to 32 letters, digits, '_', '-' and '.'" },
	{ { "v=STSv1; id=1; =1" },
	  MTASTS_TXT_INVALID,
	  "a field's name is not 1 to 32 letters, digits, '_', '-' and '.'" },
	{ { "v=STSv1; id=1; a23456789012345678901234567890123=1" },
	  MTASTS_TXT_INVALID,
	  "a field's name is not 1 to 32 letters, digits, '_', '-' and '.'" },
	{ { "v=STSv1; id=1; x=a b" },
	  MTASTS_TXT_INVALID,
	  "a field's value is empty or has other octets than printable ASCII without ' ', ';' and "
	  "'='" },
	{ { "v=STSv1; id=1; x=" },
	  MTASTS_TXT_INVALID,
	  "a field's value is empty or has other octets than printable ASCII without ' ', ';' and "
	  "'='" },
};

static void read_records(struct mtasts_txt *txt, struct guarded *page, const struct txt_case *c)
{
	uint8_t rdata[2048];

	mtasts_txt_init(txt);
	for (size_t i = 0; i < COUNT(c->records) && c->records[i]; i++)
		mtasts_txt_add(txt, guarded_bytes(page, record_of(rdata, c->records[i])));
}

static void a_record_set_is_read_as_its_grammar_says(void **state)
{
	struct guarded page = guarded_new();
	struct mtasts_txt txt;

	(void)state;
	for (size_t i = 0; i < COUNT(txt_cases); i++) {
		const struct txt_case *c = &txt_cases[i];
		const char *says;

		read_records(&txt, &page, c);
		says = mtasts_txt_state(&txt) == MTASTS_TXT_FOUND ? txt.id : mtasts_txt_why(&txt);
		if (mtasts_txt_state(&txt) != c->state || strcmp(says, c->id_or_why) != 0)
			fail_msg("\"%s\": state %d, \"%s\"", c->records[0] ? c->records[0] : "",
			         (int)mtasts_txt_state(&txt), says);
	}
	guarded_free(&page);
}

static void a_record_cut_anywhere_never_has_a_longer_id(void **state)
{
	struct guarded page = guarded_new();
	uint8_t rdata[2048];
	struct mtasts_txt txt;

	(void)state;
	for (size_t i = 0; i < COUNT(txt_cases) && txt_cases[i].records[0]; i++) {
		struct bytes record = record_of(rdata, txt_cases[i].records[0]);

		for (size_t cut = 0; cut < record.len; cut++) {
			mtasts_txt_init(&txt);
			mtasts_txt_add(&txt, guarded_bytes(&page, bytes_slice(record, 0, cut)));
			/* The last string says how long it is, so what is cut is never complete. */
			if (mtasts_txt_state(&txt) == MTASTS_TXT_FOUND &&
			    strchr(txt_cases[i].records[0], '|') == NULL)
				fail_msg("\"%s\" cut at %zu", txt_cases[i].records[0], cut);
		}
	}
	guarded_free(&page);
}

static void a_record_over_its_bound_is_invalid(void **state)
{
	struct guarded page = guarded_new();
	uint8_t rdata[2048];
	struct mtasts_txt txt;

	(void)state;
	for (size_t len = 1022; len < 1028; len++) {
		char text[1100] = "v=STSv1; id=1; x=";

		memset(text + strlen(text), 'y', sizeof(text) - strlen(text) - 1);
		text[len + 4] = '\0';
		for (size_t at = 255; at < len + 4; at += 256)
			text[at] = '|';
		mtasts_txt_init(&txt);
		mtasts_txt_add(&txt, guarded_bytes(&page, record_of(rdata, text)));
		assert_int_equal(mtasts_txt_state(&txt),
		                 len <= MTASTS_TXT_MAX ? MTASTS_TXT_FOUND : MTASTS_TXT_INVALID);
	}
	guarded_free(&page);
}

static const struct policy_case {
	const char *text;
	const char *rule; /* NULL: a policy */
	size_t line;
	enum mtasts_mode mode;
	uint32_t max_age_s;
	size_t mx_count;
} policy_cases[] = {
	{ "version: STSv1\nmode: enforce\nmx: a.example\nmx: *.b.example\nmax_age: 604800\n", NULL,
	  0, MTASTS_MODE_ENFORCE, 604800, 2 },
	{ "version: STSv1\r\nmode: testing\r\nmx: a.example\r\nmax_age: 0\r\n", NULL, 0,
	  MTASTS_MODE_TESTING, 0, 1 },
	{ "max_age:31557600\nmx:a\nmode:enforce\nversion:STSv1", NULL, 0, MTASTS_MODE_ENFORCE,
	  31557600, 1 },
	{ "version: STSv1\nmode: none\nmax_age: 86400", NULL, 0, MTASTS_MODE_NONE, 86400, 0 },
	{ "version: STSv1\nmode: none\nmx: ..\nmax_age: 0086400", NULL, 0, MTASTS_MODE_NONE, 86400,
	  0 },
	{ "version: STSv1\nversion: STSv2\nmode: none\nmode: enforce\nmax_age: 1\nmax_age: -\n",
	  NULL, 0, MTASTS_MODE_NONE, 1, 0 },
	{ "version: \t STSv1 \t\nmode:enforce \nmx: \ta.example \nmax_age: 1\t\n\n \r\n", NULL, 0,
	  MTASTS_MODE_ENFORCE, 1, 1 },
	{ "version: STSv1\nx-1_2.3: \xc3\xa4: b\nModes: none\nMX: c\nmode: enforce\nmx: a_b\n"
	  "max_age: 1\ny:",
	  NULL, 0, MTASTS_MODE_ENFORCE, 1, 1 },
	{ "version: STSv1\nmode: enforce\nmx: a.example.\nmx: *\nmx: *.\nmx: a..b\nmx: .a\nmx: "
	  "a*.b\n"
	  "mx: *.*.b\nmx: a b\nmx:\nmx: \xc3\xa4.example\nmx: ok\nmax_age: 1\n",
	  NULL, 0, MTASTS_MODE_ENFORCE, 1, 1 },
	{ "", "version is missing", 0, 0, 0, 0 },
	{ "\n\n", "version is missing", 0, 0, 0, 0 },
	{ "mode: none\nmax_age: 1\n", "version is missing", 0, 0, 0, 0 },
	{ "Version: STSv1\nmode: none\nmax_age: 1\n", "version is missing", 0, 0, 0, 0 },
	{ "version: STSv2\nversion: STSv1\nmode: none\nmax_age: 1\n", "version is not STSv1", 1, 0,
	  0, 0 },
	{ "version: stsv1\nmode: none\nmax_age: 1\n", "version is not STSv1", 1, 0, 0, 0 },
	{ "version: STSv1\nmax_age: 1\n", "mode is missing", 0, 0, 0, 0 },
	{ "version: STSv1\nmode: Enforce\n", "mode is none of none, testing, enforce", 2, 0, 0, 0 },
	{ "version: STSv1\nmode:\n", "mode is none of none, testing, enforce", 2, 0, 0, 0 },
	{ "version: STSv1\nmode: none\n", "max_age is missing", 0, 0, 0, 0 },
	{ "version: STSv1\nmode: none\nmax_age: 31557601", "max_age is above 31557600 seconds", 3,
	  0, 0, 0 },
	{ "version: STSv1\nmode: none\nmax_age: 18446744073709551617",
	  "max_age is above 31557600 seconds", 3, 0, 0, 0 },
	{ "version: STSv1\nmode: none\nmax_age: 00000000001", "max_age is above 31557600 seconds",
	  3, 0, 0, 0 },
	{ "version: STSv1\nmode: none\nmax_age:", "max_age is no number of seconds", 3, 0, 0, 0 },
	{ "version: STSv1\nmode: none\nmax_age: 1 2", "max_age is no number of seconds", 3, 0, 0,
	  0 },
	{ "version: STSv1\nmode: none\nmax_age: +1", "max_age is no number of seconds", 3, 0, 0,
	  0 },
	{ "version: STSv1\nmode: enforce\nmax_age: 1\n", "no mx names a host", 0, 0, 0, 0 },
	{ "version: STSv1\nmode: testing\nmx: a b\nmax_age: 1\n", "no mx names a host", 0, 0, 0,
	  0 },
	{ "version: STSv1\nnonsense\n", "no colon behind a key", 2, 0, 0, 0 },
	{ "version: STSv1\n# a comment: here\n",
	  "a key is not 1 to 32 letters, digits, '_', '-' and '.'", 2, 0, 0, 0 },
	{ " version: STSv1\n", "a key is not 1 to 32 letters, digits, '_', '-' and '.'", 1, 0, 0,
	  0 },
	{ "version : STSv1\n", "a key is not 1 to 32 letters, digits, '_', '-' and '.'", 1, 0, 0,
	  0 },
	{ ": STSv1\n", "a key is not 1 to 32 letters, digits, '_', '-' and '.'", 1, 0, 0, 0 },
	{ "\xef\xbb\xbfversion: STSv1\n", "a key is not 1 to 32 letters, digits, '_', '-' and '.'",
	  1, 0, 0, 0 },
	{ "a23456789012345678901234567890123: 1\n",
	  "a key is not 1 to 32 letters, digits, '_', '-' and '.'", 1, 0, 0, 0 },
	{ "version: STSv1\rmode: none\rmax_age: 1\r", "a control character", 1, 0, 0, 0 },
	{ "version: STSv1\nx: \x1b[31m\n", "a control character", 2, 0, 0, 0 },
	{ "version: STSv1\nmode: none\nmax_age: 1\r", "a control character", 3, 0, 0, 0 },
};

static void a_policy_file_is_read_as_its_grammar_says(void **state)
{
	struct guarded page = guarded_new();

	(void)state;
	for (size_t i = 0; i < COUNT(policy_cases); i++) {
		const struct policy_case *c = &policy_cases[i];
		struct bytes text = guarded_bytes(&page, bytes_of_string(c->text));
		struct mtasts_policy policy = { 0 };
		struct mtasts_fault fault = { 0 };
		enum parse_result result = mtasts_policy_parse(&policy, &fault, text);

		if (result != (c->rule ? PARSE_MALFORMED : PARSE_OK) || fault.line != c->line ||
		    (c->rule && strcmp(fault.rule, c->rule) != 0) || policy.mode != c->mode ||
		    policy.max_age_s != c->max_age_s || policy.mx_count != c->mx_count)
			fail_msg("\"%s\": %s, line %zu, mode %d, max_age %u, %zu mx", c->text,
			         fault.rule ? fault.rule : "a policy", fault.line, (int)policy.mode,
			         policy.max_age_s, policy.mx_count);
	}
	guarded_free(&page);
}

static void a_nul_is_a_control_character(void **state)
{
	static const char text[] = "version: STSv1\nmode: none\nmax_age: 1\nx: \0\n";
	struct mtasts_policy policy;
	struct mtasts_fault fault;

	(void)state;
	assert_int_equal(mtasts_policy_parse(&policy, &fault, bytes_of(text, sizeof(text) - 1)),
	                 PARSE_MALFORMED);
	assert_string_equal(fault.rule, "a control character");
	assert_int_equal(fault.line, 4);
}

/* Nothing is read behind the end, and a file that lost its end is no other policy than it says then. */
static void a_policy_file_cut_anywhere_stays_inside(void **state)
{
	struct guarded page = guarded_new();
	struct mtasts_policy policy;
	struct mtasts_fault fault;
	struct bytes pattern;

	(void)state;
	for (size_t i = 0; i < COUNT(policy_cases); i++) {
		struct bytes whole = bytes_of_string(policy_cases[i].text);

		for (size_t cut = 0; cut < whole.len; cut++) {
			struct bytes text = guarded_bytes(&page, bytes_slice(whole, 0, cut));
			struct mtasts_mx_cursor cursor = mtasts_mx_over(text);
			size_t count = 0;

			while (mtasts_mx_next(&pattern, &cursor))
				count++;
			if (mtasts_policy_parse(&policy, &fault, text) == PARSE_OK)
				assert_int_equal(policy.mx_count, count);
		}
	}
	guarded_free(&page);
}

static void patterns_come_as_they_are_written(void **state)
{
	const char *const want[] = { "a.example", "*.B.example", "a_b", "a.example" };
	struct mtasts_mx_cursor cursor = mtasts_mx_over(bytes_of_string(
		"mx: a.example\nmode: enforce\nmx: ..\r\nmx:*.B.example \r\nxmx: c\n"
		"mx: a_b\nmx: a.example"));
	struct bytes pattern;

	(void)state;
	for (size_t i = 0; i < COUNT(want); i++) {
		assert_true(mtasts_mx_next(&pattern, &cursor));
		assert_true(bytes_equal(pattern, bytes_of_string(want[i])));
	}
	assert_false(mtasts_mx_next(&pattern, &cursor));
	assert_false(mtasts_mx_next(&pattern, &cursor));
}

static enum parse_result parse_padded(struct mtasts_fault *fault, size_t len)
{
	static const char head[] = "version: STSv1\nmode: none\nmax_age: 1\npad: ";
	struct mtasts_policy policy;
	char *text = malloc(len);
	enum parse_result result;

	assert_non_null(text);
	memset(text, 'x', len);
	memcpy(text, head, sizeof(head) - 1);
	result = mtasts_policy_parse(&policy, fault, bytes_of(text, len));
	free(text);
	return result;
}

static void a_file_of_64_kib_is_read_and_one_octet_more_is_not(void **state)
{
	struct mtasts_fault fault;

	(void)state;
	assert_int_equal(parse_padded(&fault, 64 * 1024), PARSE_OK);
	assert_int_equal(parse_padded(&fault, 64 * 1024 + 1), PARSE_MALFORMED);
	assert_string_equal(fault.rule, "longer than 64 KiB");
	assert_int_equal(fault.line, 0);
}

/* A file that is not kept in full is no policy: with some of its hosts left out it would refuse the others. */
static void a_policy_of_more_than_4_kib_of_mx_is_too_large(void **state)
{
	enum { MX_FOR_CERTAIN = (MTASTS_KEPT_MAX - 64) / 14 };
	static char text[64 * 1024];
	uint8_t kept[MTASTS_KEPT_MAX];
	struct mtasts_policy policy;
	struct mtasts_fault fault;
	size_t len = (size_t)snprintf(text, sizeof(text),
	                              "version: STSv1\nmode: enforce\nmax_age: 31557600\n");

	(void)state;
	for (size_t i = 0; i < MX_FOR_CERTAIN; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "mx:   a.example   \n");
	assert_int_equal(mtasts_policy_parse(&policy, &fault, bytes_of(text, len)), PARSE_OK);
	assert_int_equal(policy.mx_count, MX_FOR_CERTAIN);
	assert_in_range(mtasts_policy_reduce(kept, &policy, bytes_of(text, len)),
	                MTASTS_KEPT_MAX - 64, MTASTS_KEPT_MAX);
	len += (size_t)snprintf(text + len, sizeof(text) - len, "mx: a.example\n");
	assert_int_equal(mtasts_policy_parse(&policy, &fault, bytes_of(text, len)),
	                 PARSE_MALFORMED);
	assert_string_equal(fault.rule, "more than 4 KiB of mx");
	assert_int_equal(fault.line, MX_FOR_CERTAIN + 4);
}

static void must_be_the_same(const struct mtasts_policy *policy, struct bytes text,
                             const struct mtasts_policy *again, struct bytes kept)
{
	struct mtasts_mx_cursor cursor = mtasts_mx_over(text);
	struct mtasts_mx_cursor kept_cursor = mtasts_mx_over(kept);
	struct bytes pattern, kept_pattern;

	assert_int_equal(again->mode, policy->mode);
	assert_int_equal(again->max_age_s, policy->max_age_s);
	assert_int_equal(again->mx_count, policy->mx_count);
	while (mtasts_mx_next(&pattern, &cursor)) {
		assert_true(mtasts_mx_next(&kept_pattern, &kept_cursor));
		assert_true(bytes_equal(pattern, kept_pattern));
	}
	assert_false(mtasts_mx_next(&kept_pattern, &kept_cursor));
}

static void what_is_kept_of_a_file_is_the_same_policy(void **state)
{
	uint8_t kept[MTASTS_KEPT_MAX], twice[MTASTS_KEPT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(policy_cases); i++) {
		struct bytes text = bytes_of_string(policy_cases[i].text);
		struct mtasts_policy policy, again;
		struct mtasts_fault fault;
		size_t len;

		if (mtasts_policy_parse(&policy, &fault, text) != PARSE_OK)
			continue;
		len = mtasts_policy_reduce(kept, &policy, text);
		assert_int_equal(mtasts_policy_parse(&again, &fault, bytes_of(kept, len)),
		                 PARSE_OK);
		must_be_the_same(&policy, text, &again, bytes_of(kept, len));
		/* And there is no more to be left out. */
		assert_int_equal(mtasts_policy_reduce(twice, &again, bytes_of(kept, len)), len);
		assert_memory_equal(kept, twice, len);
	}
}

static void names_over_their_bounds_are_no_hosts(void **state)
{
	char text[512];
	struct bytes pattern;

	(void)state;
	for (int label = 62; label < 66; label++) {
		struct mtasts_mx_cursor cursor;

		snprintf(text, sizeof(text), "mx: %0*d.example\n", label, 0);
		cursor = mtasts_mx_over(bytes_of_string(text));
		assert_int_equal(mtasts_mx_next(&pattern, &cursor), label <= 63);
	}
	for (int last = 60; last < 64; last++) {
		struct mtasts_mx_cursor cursor;
		/* "*." and 4 labels of 63 with the dots between are 257. */
		int len = snprintf(text, sizeof(text), "mx: *.%063d.%063d.%063d.%0*d\n", 0, 0, 0,
		                   last, 0);

		cursor = mtasts_mx_over(bytes_of_string(text));
		assert_int_equal(mtasts_mx_next(&pattern, &cursor), len - 5 <= 255);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_set_is_read_as_its_grammar_says),
		cmocka_unit_test(a_record_cut_anywhere_never_has_a_longer_id),
		cmocka_unit_test(a_record_over_its_bound_is_invalid),
		cmocka_unit_test(a_policy_file_is_read_as_its_grammar_says),
		cmocka_unit_test(a_nul_is_a_control_character),
		cmocka_unit_test(a_policy_file_cut_anywhere_stays_inside),
		cmocka_unit_test(patterns_come_as_they_are_written),
		cmocka_unit_test(a_file_of_64_kib_is_read_and_one_octet_more_is_not),
		cmocka_unit_test(a_policy_of_more_than_4_kib_of_mx_is_too_large),
		cmocka_unit_test(what_is_kept_of_a_file_is_the_same_policy),
		cmocka_unit_test(names_over_their_bounds_are_no_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
