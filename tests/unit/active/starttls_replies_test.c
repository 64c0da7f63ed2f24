/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "active/starttls_replies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct reading {
	struct starttls_replies replies;
	struct starttls_result result;
};

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct reading));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static void hear(struct reading *reading, const char *text, size_t len)
{
	assert_true(len <= sizeof(reading->replies.octets) - reading->replies.len);
	memcpy(reading->replies.octets + reading->replies.len, text, len);
	reading->replies.len += len;
}

static enum reply_progress take(struct reading *reading, enum starttls_step step, const char *text)
{
	hear(reading, text, strlen(text));
	return starttls_replies_take(&reading->replies, &reading->result, step);
}

static void a_reply_that_comes_octet_by_octet_is_the_same(void **state)
{
	static const char reply[] =
		"250-mx.example at your service\r\n250-SIZE 1000\r\n250-starttls \r\n250 XXXX\r\n";
	struct reading *reading = *state;

	for (size_t i = 0; i + 1 < sizeof(reply) - 1; i++) {
		hear(reading, reply + i, 1);
		assert_int_equal(
			starttls_replies_take(&reading->replies, &reading->result, VISIT_AT_EHLO),
			REPLY_INCOMPLETE);
	}
	assert_int_equal(take(reading, VISIT_AT_EHLO, "\n"), REPLY_COMPLETE);
	assert_int_equal(reading->replies.len, 0);
	assert_int_equal(reading->result.code, 250);
	assert_string_equal(reading->result.ehlo, "mx.example at your service");
	assert_int_equal(reading->result.keyword_count, 3);
	assert_string_equal(reading->result.keywords[0], "SIZE 1000");
	assert_true(reading->result.is_offered);
	assert_true(reading->result.is_masked);
}

static void what_stands_behind_a_reply_stays(void **state)
{
	struct reading *reading = *state;

	assert_int_equal(take(reading, VISIT_AT_BANNER, "220 mx\r\n250"), REPLY_COMPLETE);
	assert_int_equal(reading->replies.len, 3);
	assert_memory_equal(reading->replies.octets, "250", 3);
}

static void the_name_in_the_first_line_is_no_keyword(void **state)
{
	struct reading *reading = *state;

	assert_int_equal(take(reading, VISIT_AT_EHLO, "250-STARTTLS\r\n250 SIZE\r\n"),
	                 REPLY_COMPLETE);
	assert_false(reading->result.is_offered);
}

static void a_refusal_of_ehlo_offers_nothing(void **state)
{
	struct reading *reading = *state;

	assert_int_equal(take(reading, VISIT_AT_EHLO, "502-no\r\n502 STARTTLS\r\n"),
	                 REPLY_COMPLETE);
	assert_false(reading->result.is_offered);
	assert_int_equal(reading->result.keyword_count, 0);
}

static void a_banner_of_asterisks_is_a_mask(void **state)
{
	struct reading *reading = *state;

	assert_int_equal(take(reading, VISIT_AT_BANNER, "220 *****************2****200*0\r\n"),
	                 REPLY_COMPLETE);
	assert_true(reading->result.is_banner_masked);
}

static void keywords_beyond_the_bound_are_read_but_not_kept(void **state)
{
	struct reading *reading = *state;

	assert_int_equal(take(reading, VISIT_AT_EHLO, "250-mx\r\n"), REPLY_INCOMPLETE);
	for (size_t i = 0; i < STARTTLS_KEYWORDS_MAX; i++)
		assert_int_equal(take(reading, VISIT_AT_EHLO, "250-X-MORE\r\n"), REPLY_INCOMPLETE);
	assert_false(reading->result.is_truncated);
	assert_int_equal(take(reading, VISIT_AT_EHLO, "250 STARTTLS\r\n"), REPLY_COMPLETE);
	assert_true(reading->result.is_truncated);
	assert_true(reading->result.is_offered);
	assert_int_equal(reading->result.keyword_count, STARTTLS_KEYWORDS_MAX);
}

static void a_reply_of_too_many_lines_is_malformed(void **state)
{
	struct reading *reading = *state;

	for (size_t i = 0; i < REPLY_LINES_MAX; i++)
		assert_int_equal(take(reading, VISIT_AT_BANNER, "220-more\r\n"), REPLY_INCOMPLETE);
	assert_int_equal(take(reading, VISIT_AT_BANNER, "220 more\r\n"), REPLY_MALFORMED);
}

static void a_line_of_the_largest_size_is_taken_and_none_longer(void **state)
{
	struct reading *reading = *state;
	char line[SMTP_REPLY_LINE_MAX + 1];

	memset(line, 'a', sizeof(line));
	memcpy(line, "220 ", 4);
	memcpy(line + SMTP_REPLY_LINE_MAX - 2, "\r\n", 2);
	hear(reading, line, SMTP_REPLY_LINE_MAX);
	assert_int_equal(
		starttls_replies_take(&reading->replies, &reading->result, VISIT_AT_BANNER),
		REPLY_COMPLETE);
	assert_int_equal(strlen(reading->result.banner), STARTTLS_TEXT_MAX - 1);
	memcpy(line + SMTP_REPLY_LINE_MAX - 2, "a\r\n", 3);
	hear(reading, line, SMTP_REPLY_LINE_MAX + 1);
	assert_int_equal(
		starttls_replies_take(&reading->replies, &reading->result, VISIT_AT_BANNER),
		REPLY_MALFORMED);
}

static void nothing_that_is_kept_steers_a_terminal(void **state)
{
	struct reading *reading = *state;

	assert_int_equal(take(reading, VISIT_AT_BANNER, "220 a\x1b]0;b\x07\x9b\r\n"),
	                 REPLY_COMPLETE);
	assert_string_equal(reading->result.banner, "a?]0;b??");
	assert_int_equal(take(reading, VISIT_AT_BANNER, "\x1b[1mSSH\r\n"), REPLY_MALFORMED);
	assert_string_equal(reading->result.reply, "?[1mSSH");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_reply_that_comes_octet_by_octet_is_the_same),
		TEST(what_stands_behind_a_reply_stays),
		TEST(the_name_in_the_first_line_is_no_keyword),
		TEST(a_refusal_of_ehlo_offers_nothing),
		TEST(a_banner_of_asterisks_is_a_mask),
		TEST(keywords_beyond_the_bound_are_read_but_not_kept),
		TEST(a_reply_of_too_many_lines_is_malformed),
		TEST(a_line_of_the_largest_size_is_taken_and_none_longer),
		TEST(nothing_that_is_kept_steers_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
