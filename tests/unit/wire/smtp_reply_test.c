/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/smtp_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "../guarded.h"

#define TEXT(literal)                                                                              \
	{                                                                                          \
		(const uint8_t *)(literal), sizeof(literal) - 1                                    \
	}

struct line_case {
	struct bytes line;
	uint16_t code;
	bool is_last;
	bool ends_bare_lf;
	struct bytes text;
};

static const struct line_case lines[] = {
	{ TEXT("220 mx1.example.org ESMTP\r\n"), 220, true, false, TEXT("mx1.example.org ESMTP") },
	{ TEXT("250-STARTTLS\r\n"), 250, false, false, TEXT("STARTTLS") },
	{ TEXT("250 STARTTLS\n"), 250, true, true, TEXT("STARTTLS") },
	{ TEXT("250 STARTTLS \r\r\n"), 250, true, false, TEXT("STARTTLS ") },
	{ TEXT("354\r\n"), 354, true, false, TEXT("") },
	{ TEXT("354\n"), 354, true, true, TEXT("") },
	{ TEXT("250-\r\n"), 250, false, false, TEXT("") },
	{ TEXT("250 \r\n"), 250, true, false, TEXT("") },
	{ TEXT("999- a\0b\rc\r\n"), 999, false, false, TEXT(" a\0b\rc") },
	{ TEXT("100 x\r\n"), 100, true, false, TEXT("x") },
};

enum { LINES = sizeof(lines) / sizeof(lines[0]) };

static const struct bytes malformed_lines[] = {
	TEXT("\r\n"),         TEXT("\n"),           TEXT("22\r\n"),
	TEXT("22 ready\r\n"), TEXT("020 x\r\n"),    TEXT("000\r\n"),
	TEXT("2a0 x\r\n"),    TEXT("22: x\r\n"),    TEXT("2200 x\r\n"),
	TEXT("220x\r\n"),     TEXT("220\tx\r\n"),   TEXT("220\0x\r\n"),
	TEXT(" 220 x\r\n"),   TEXT("STARTTLS\r\n"), TEXT("+20 x\r\n"),
	TEXT("220_x\r\n"),    TEXT("22\r0 x\r\n"),  TEXT("\xb2\xb2\xb0 x\r\n"),
};

static void a_line_yields_code_separator_and_text(void **state)
{
	struct guarded page = guarded_new();

	(void)state;
	for (size_t i = 0; i < LINES; i++) {
		const struct line_case *c = &lines[i];
		struct smtp_reply_line line;
		size_t consumed = 0;

		assert_int_equal(
			smtp_reply_line_parse(&line, &consumed, guarded_bytes(&page, c->line)),
			PARSE_OK);
		assert_int_equal(consumed, c->line.len);
		assert_int_equal(line.code, c->code);
		assert_int_equal(line.is_last, c->is_last);
		assert_int_equal(line.ends_bare_lf, c->ends_bare_lf);
		assert_true(bytes_equal(line.text, c->text));
	}
	guarded_free(&page);
}

static void a_line_without_its_end_asks_for_more(void **state)
{
	struct guarded page = guarded_new();

	(void)state;
	for (size_t i = 0; i < LINES; i++) {
		for (size_t cut = 0; cut < lines[i].line.len; cut++) {
			struct smtp_reply_line line = { .code = 7 };
			size_t consumed = 7;
			struct bytes prefix = bytes_slice(lines[i].line, 0, cut);

			assert_int_equal(smtp_reply_line_parse(&line, &consumed,
			                                       guarded_bytes(&page, prefix)),
			                 PARSE_MORE);
			assert_int_equal(line.code, 7);
			assert_int_equal(consumed, 7);
		}
	}
	guarded_free(&page);
}

static void a_line_without_code_and_separator_is_malformed(void **state)
{
	struct guarded page = guarded_new();

	(void)state;
	for (size_t i = 0; i < sizeof(malformed_lines) / sizeof(malformed_lines[0]); i++) {
		struct smtp_reply_line line;
		size_t consumed = 7;

		if (smtp_reply_line_parse(&line, &consumed,
		                          guarded_bytes(&page, malformed_lines[i])) !=
		            PARSE_MALFORMED ||
		    consumed != 7)
			fail_msg("took \"%.*s\"", (int)malformed_lines[i].len,
			         (const char *)malformed_lines[i].data);
	}
	guarded_free(&page);
}

static void a_line_longer_than_the_bound_is_malformed(void **state)
{
	struct guarded page = guarded_new();
	uint8_t text[SMTP_REPLY_LINE_MAX + 1] = "250 ";
	struct smtp_reply_line line;
	size_t consumed = 0;

	(void)state;
	memset(text + 4, 'a', sizeof(text) - 4);
	assert_int_equal(smtp_reply_line_parse(
				 &line, &consumed,
				 guarded_bytes(&page, bytes_of(text, SMTP_REPLY_LINE_MAX - 1))),
	                 PARSE_MORE);
	assert_int_equal(
		smtp_reply_line_parse(&line, &consumed,
	                              guarded_bytes(&page, bytes_of(text, SMTP_REPLY_LINE_MAX))),
		PARSE_MALFORMED);
	text[SMTP_REPLY_LINE_MAX] = '\n';
	assert_int_equal(smtp_reply_line_parse(
				 &line, &consumed,
				 guarded_bytes(&page, bytes_of(text, SMTP_REPLY_LINE_MAX + 1))),
	                 PARSE_MALFORMED);
	text[SMTP_REPLY_LINE_MAX - 1] = '\n';
	assert_int_equal(smtp_reply_line_parse(
				 &line, &consumed,
				 guarded_bytes(&page, bytes_of(text, SMTP_REPLY_LINE_MAX + 1))),
	                 PARSE_OK);
	assert_int_equal(consumed, SMTP_REPLY_LINE_MAX);
	guarded_free(&page);
}

struct keyword_case {
	struct bytes text;
	bool is_starttls;
	bool is_mask;
};

static const struct keyword_case keywords[] = {
	{ TEXT("STARTTLS"), true, false },
	{ TEXT("starttls"), true, false },
	{ TEXT("StartTLS \t"), true, false },
	/* What some clients take for an offer and others do not. */
	{ TEXT("STARTTLS FOO"), false, true },
	{ TEXT(" STARTTLS"), false, true },
	{ TEXT("STARTTLS="), false, true },
	{ TEXT("STARTTLSX"), false, true },
	{ TEXT("STARTTLS\0"), false, true },
	{ TEXT("STARTTLS\r"), false, true },
	{ TEXT("STARTTLS-X"), false, true },
	/* Overwritten. */
	{ TEXT("XXXXXXXA"), false, true },
	{ TEXT("XXXXXXXX"), false, true },
	{ TEXT("XXXXXXXB"), false, true },
	{ TEXT("XXXX"), false, true },
	{ TEXT("XXXXA"), false, true },
	{ TEXT("xxxxxxxx"), false, true },
	{ TEXT("XXXXXXX9"), false, true },
	{ TEXT("XXXX 10240000"), false, true },
	{ TEXT("XXXXXXXXXXXXXXXXXXXXX"), false, true },
	{ TEXT("XTARTTLS"), false, true },
	{ TEXT("STARTTLX"), false, true },
	{ TEXT("STXXXXLS"), false, true },
	{ TEXT("xxxxttls"), false, true },
	{ TEXT("STARTTL*"), false, true },
	{ TEXT("********"), false, true },
	{ TEXT("******** x"), false, true },
	{ TEXT("S*ARTXLS"), false, true },
	{ TEXT("STARTTL\0"), false, true },
	{ TEXT("ST\xc1RTTLS"), false, true },
	{ TEXT("START LS"), false, true },
	{ TEXT("        "), false, true },
	/* Honest keywords. */
	{ TEXT(""), false, false },
	{ TEXT("STARTTL"), false, false },
	{ TEXT("STARTSSL"), false, false },
	{ TEXT("START-LS"), false, false },
	{ TEXT("XXX"), false, false },
	{ TEXT("XXXXAB"), false, false },
	{ TEXT("XXXX-"), false, false },
	{ TEXT("*******"), false, false },
	{ TEXT("*********"), false, false },
	{ TEXT("XCLIENT NAME ADDR"), false, false },
	{ TEXT("XFORWARD NAME ADDR"), false, false },
	{ TEXT("XEXCH50"), false, false },
	{ TEXT("XLOOP 0123456789"), false, false },
	{ TEXT("XVERP"), false, false },
	{ TEXT("XADR"), false, false },
	{ TEXT("XSTA"), false, false },
	{ TEXT("XSHADOW"), false, false },
	{ TEXT("XSHADOWREQUEST"), false, false },
	{ TEXT("X-EXPS GSSAPI NTLM"), false, false },
	{ TEXT("X-LINK2STATE"), false, false },
	{ TEXT("SIZE 10240000"), false, false },
	{ TEXT("PIPELINING"), false, false },
	{ TEXT("8BITMIME"), false, false },
	{ TEXT("CHUNKING"), false, false },
	{ TEXT("SMTPUTF8"), false, false },
	{ TEXT("AUTH PLAIN LOGIN"), false, false },
	{ TEXT("AUTH=PLAIN"), false, false },
	{ TEXT("ENHANCEDSTATUSCODES"), false, false },
	{ TEXT("HELP"), false, false },
};

static void a_keyword_is_an_offer_a_mask_or_neither(void **state)
{
	struct guarded page = guarded_new();

	(void)state;
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		const struct keyword_case *c = &keywords[i];
		struct bytes text = guarded_bytes(&page, c->text);

		if (smtp_keyword_is_starttls(text) != c->is_starttls ||
		    smtp_keyword_is_mask(text) != c->is_mask)
			fail_msg("\"%.*s\": starttls %d, mask %d", (int)text.len,
			         (const char *)text.data, smtp_keyword_is_starttls(text),
			         smtp_keyword_is_mask(text));
	}
	guarded_free(&page);
}

static void a_banner_without_words_is_overwritten(void **state)
{
	static const char *const masks[] = { "****************", "**************2******0*******",
		                             "XXXXXXXX XXXX", " * * * *" };
	static const char *const banners[] = {
		"mx.example.org ESMTP", "FTP server ready", "", "***", "**** ESMTP ****", "20030"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++)
		assert_true(smtp_banner_is_mask(bytes_of_string(masks[i])));
	for (size_t i = 0; i < sizeof(banners) / sizeof(banners[0]); i++)
		assert_false(smtp_banner_is_mask(bytes_of_string(banners[i])));
}

static void a_banner_names_its_protocol_behind_the_name_of_its_host(void **state)
{
	static const struct {
		const char *text;
		bool is_smtp;
		bool is_other;
	} cases[] = {
		{ "mx.example.org ESMTP Postfix", true, false },
		{ "mx.example.org Microsoft ESMTP MAIL Service", true, false },
		{ "mx.example.org smtp", true, false },
		{ "ESMTP", true, false },
		{ "smtp.example.org ready", false, false },
		{ "ftp.example.org ready", false, false },
		{ "mx.example.org SMT", false, false },
		{ "", false, false },
		{ "FTP server ready", false, true },
		{ "host (vsFTPd 3.0.3)", false, false },
		{ "ftp.example.org ProFTPD, ftp", false, true },
		{ "mx.example.org POP3", false, true },
		{ "mx.example.org IMAP4 ESMTP", true, true },
	};
	struct guarded page = guarded_new();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes text = guarded_bytes(&page, bytes_of_string(cases[i].text));

		if (smtp_banner_names_smtp(text) != cases[i].is_smtp ||
		    smtp_banner_names_other(text) != cases[i].is_other)
			fail_msg("\"%s\"", cases[i].text);
	}
	guarded_free(&page);
}

static void each_octet_of_starttls_may_be_crossed_out(void **state)
{
	struct guarded page = guarded_new();

	(void)state;
	for (unsigned pattern = 0; pattern < 256; pattern++) {
		char word[] = "STARTTLS";
		struct bytes text;

		for (int i = 0; i < 8; i++) {
			if (pattern & 1U << i)
				word[i] = 'X';
		}
		text = guarded_bytes(&page, bytes_of_string(word));
		assert_int_equal(smtp_keyword_is_starttls(text), pattern == 0);
		assert_int_equal(smtp_keyword_is_mask(text), pattern != 0);
	}
	guarded_free(&page);
}

static void only_a_domain_name_counts_as_the_greeting_host(void **state)
{
	static const struct {
		const char *text;
		const char *host;
	} cases[] = {
		{ "mx1.example.org ESMTP Postfix", "mx1.example.org" },
		{ "mx1.example.org", "mx1.example.org" },
		{ "MX1.Example.ORG. ESMTP", "MX1.Example.ORG" },
		{ "mx_1.a-b.example\tESMTP", "mx_1.a-b.example" },
		{ "mx.4u.1a ESMTP", "mx.4u.1a" },
		{ "ESMTP ready", "" },
		{ "localhost", "" },
		{ "192.0.2.1 ESMTP", "" },
		{ "[192.0.2.1] ESMTP", "" },
		{ "***************", "" },
		{ " mx1.example.org", "" },
		{ "mx1..example.org", "" },
		{ ".example.org", "" },
		{ "mx1.example.org..", "" },
		{ "mx1.exam\xc3\xa4.org", "" },
		{ "mx1.example.org,ESMTP", "" },
		{ ".", "" },
		{ "", "" },
	};
	struct guarded page = guarded_new();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes text = guarded_bytes(&page, bytes_of_string(cases[i].text));
		struct bytes host = smtp_greeting_host(text);

		if (!bytes_equal(host, bytes_of_string(cases[i].host)))
			fail_msg("\"%s\": \"%.*s\"", cases[i].text, (int)host.len,
			         (const char *)host.data);
	}
	guarded_free(&page);
}

static void a_greeting_host_keeps_to_the_lengths_of_the_dns(void **state)
{
	char text[300];

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text + 63, ".example", 8);
	assert_int_equal(smtp_greeting_host(bytes_of(text, 71)).len, 71);
	assert_int_equal(smtp_greeting_host(bytes_of(text + 1, 70)).len, 70);
	text[63] = 'a';
	text[64] = '.';
	assert_int_equal(smtp_greeting_host(bytes_of(text, 72)).len, 0);

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 50 == 49 ? '.' : 'a';
	assert_int_equal(smtp_greeting_host(bytes_of(text, 253)).len, 253);
	assert_int_equal(smtp_greeting_host(bytes_of(text, 254)).len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_yields_code_separator_and_text),
		cmocka_unit_test(a_line_without_its_end_asks_for_more),
		cmocka_unit_test(a_line_without_code_and_separator_is_malformed),
		cmocka_unit_test(a_line_longer_than_the_bound_is_malformed),
		cmocka_unit_test(a_keyword_is_an_offer_a_mask_or_neither),
		cmocka_unit_test(a_banner_without_words_is_overwritten),
		cmocka_unit_test(a_banner_names_its_protocol_behind_the_name_of_its_host),
		cmocka_unit_test(each_octet_of_starttls_may_be_crossed_out),
		cmocka_unit_test(only_a_domain_name_counts_as_the_greeting_host),
		cmocka_unit_test(a_greeting_host_keeps_to_the_lengths_of_the_dns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
