/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/smtp_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "../guarded.h"

/* No verb has this value: it shows whether one was written. */
enum { UNSET = 99 };

#define TEXT(literal)                                                                              \
	{                                                                                          \
		(const uint8_t *)(literal), sizeof(literal) - 1                                    \
	}

struct harmless_case {
	struct bytes line;
	size_t want;
	int verb;
};

#define ALL(literal)                                                                               \
	{                                                                                          \
		TEXT(literal), sizeof(literal) - 1, UNSET                                          \
	}
#define COMMITS(literal, before, verb)                                                             \
	{                                                                                          \
		TEXT(literal), sizeof(before) - 1, verb                                            \
	}

static const struct harmless_case whole_lines[] = {
	/* Harmless verbs take whatever follows. */
	ALL("EHLO mail.example.org\r\n"),
	ALL("helo\tmail.example.org\r\n"),
	ALL("NOOP RCPT TO:<user@example.org>\r\n"),
	ALL("RsEt\r\n"),
	ALL("QUIT\n"),
	ALL("HELP RCPT\r\n"),
	ALL("STARTTLS\r\n"),
	ALL("STARTTLS foo\r\n"),
	ALL("  \tEHLO mail.example.org\r\n"),
	ALL("EHLO\r\r\n"),
	ALL("EHLO m\xc3\xbcnchen.example\r\n"),
	/* The others commit with the octet behind the verb. */
	COMMITS("MAIL FROM:<user@example.org>\r\n", "MAIL", SMTP_MAIL),
	COMMITS("mAiL\tFROM:<>\r\n", "MAIL", SMTP_MAIL),
	COMMITS("MAIL\r\n", "MAIL", SMTP_MAIL),
	COMMITS("MAIL\n", "MAIL", SMTP_MAIL),
	COMMITS("DATA\r\n", "DATA", SMTP_DATA),
	COMMITS("BDAT 86 LAST\r\n", "BDAT", SMTP_BDAT),
	COMMITS("AUTH PLAIN AHVzZXIAcGFzcw==\r\n", "AUTH", SMTP_AUTH),
	COMMITS("VRFY user\r\n", "VRFY", SMTP_VRFY),
	COMMITS("EXPN list\r\n", "EXPN", SMTP_EXPN),
	COMMITS("XCLIENT NAME=a\r\n", "XCLIENT", SMTP_XCLIENT),
	COMMITS("XFORWARD NAME=a\r\n", "XFORWARD", SMTP_XFORWARD),
	/* RCPT waits until it is clear whether a recipient comes. */
	COMMITS("RCPT TO:<user@example.org>\r\n", "RCPT TO", SMTP_RCPT),
	COMMITS("rcpt to:<user@example.org>\r\n", "RCPT TO", SMTP_RCPT),
	COMMITS(" RCPT TO:<user@example.org>\r\n", " RCPT TO", SMTP_RCPT),
	COMMITS("\t RCPT\t TO \t:<user@example.org>\r\n", "\t RCPT\t TO \t", SMTP_RCPT),
	COMMITS("RCPT  TO :<user@example.org>\r\n", "RCPT  TO ", SMTP_RCPT),
	COMMITS("RCPT TO<user@example.org>\r\n", "RCPT TO", SMTP_RCPT),
	COMMITS("RCPT TO user@example.org\r\n", "RCPT TO ", SMTP_RCPT),
	COMMITS("RCPT TOM\r\n", "RCPT TO", SMTP_RCPT),
	COMMITS("RCPT T:<user@example.org>\r\n", "RCPT T", SMTP_RCPT),
	COMMITS("RCPT <user@example.org>\r\n", "RCPT ", SMTP_RCPT),
	COMMITS("RCPT user@example.org\r\n", "RCPT ", SMTP_RCPT),
	COMMITS("RCPT\r\n", "RCPT", SMTP_RCPT),
	COMMITS("RCPT \r\n", "RCPT ", SMTP_RCPT),
	COMMITS("RCPT TO\r\n", "RCPT TO", SMTP_RCPT),
	COMMITS("RCPT TO\n", "RCPT TO", SMTP_RCPT),
	COMMITS("RCPT TO\0:<user@example.org>\r\n", "RCPT TO", SMTP_RCPT),
	COMMITS("RCPT T\rO:<user@example.org>\r\n", "RCPT T", SMTP_RCPT),
	/* Nothing of a word that no known verb begins with passes. */
	COMMITS("QUITX\r\n", "QUIT", SMTP_VERB_UNKNOWN),
	COMMITS("EHLOX mail.example.org\r\n", "EHLO", SMTP_VERB_UNKNOWN),
	COMMITS("STARTTLSS\r\n", "STARTTLS", SMTP_VERB_UNKNOWN),
	COMMITS("RCPTTO:<user@example.org>\r\n", "RCPT", SMTP_VERB_UNKNOWN),
	COMMITS("RCPT:<user@example.org>\r\n", "RCPT", SMTP_VERB_UNKNOWN),
	COMMITS("MAILFROM:<user@example.org>\r\n", "MAIL", SMTP_VERB_UNKNOWN),
	COMMITS("EH\r\n", "EH", SMTP_VERB_UNKNOWN),
	COMMITS("EH LO\r\n", "EH", SMTP_VERB_UNKNOWN),
	COMMITS("EHL\0O\r\n", "EHL", SMTP_VERB_UNKNOWN),
	COMMITS("EHLO\0\r\n", "EHLO", SMTP_VERB_UNKNOWN),
	COMMITS("XXXX mail.example.org\r\n", "X", SMTP_VERB_UNKNOWN),
	COMMITS("dXNlcg==\r\n", "d", SMTP_VERB_UNKNOWN),
	COMMITS("SEND FROM:<user@example.org>\r\n", "S", SMTP_VERB_UNKNOWN),
	COMMITS("\x0b"
	        "EHLO mail.example.org\r\n",
	        "", SMTP_VERB_UNKNOWN),
	COMMITS("\xc5\x83OOP\r\n", "", SMTP_VERB_UNKNOWN),
	COMMITS("\r\n", "", SMTP_VERB_UNKNOWN),
	COMMITS("\n", "", SMTP_VERB_UNKNOWN),
	COMMITS(" \t \r\n", " \t ", SMTP_VERB_UNKNOWN),
	COMMITS("\0\r\n", "", SMTP_VERB_UNKNOWN),
	/* A CR or NUL inside may end the line for some server. */
	COMMITS("NOOP\rRCPT TO:<user@example.org>\r\n", "NOOP\r", SMTP_VERB_UNKNOWN),
	COMMITS("NOOP a\r\rRCPT TO:<user@example.org>\r\n", "NOOP a\r\r", SMTP_VERB_UNKNOWN),
	COMMITS("NOOP a\0RCPT TO:<user@example.org>\r\n", "NOOP a", SMTP_VERB_UNKNOWN),
	COMMITS("NOOP a\r\0\r\n", "NOOP a\r", SMTP_VERB_UNKNOWN),
};

enum { WHOLE_LINES = sizeof(whole_lines) / sizeof(whole_lines[0]) };

static size_t harmless(int *verb, struct bytes partial)
{
	enum smtp_verb written = (enum smtp_verb)UNSET;
	size_t len = smtp_command_harmless_len(&written, partial);

	*verb = (int)written;
	return len;
}

static void each_line_passes_up_to_the_octet_that_commits(void **state)
{
	struct guarded page = guarded_new();

	(void)state;
	for (size_t i = 0; i < WHOLE_LINES; i++) {
		const struct harmless_case *c = &whole_lines[i];
		int verb;
		size_t len = harmless(&verb, guarded_bytes(&page, c->line));

		if (len != c->want || verb != c->verb)
			fail_msg("\"%.*s\": %zu octets, verb %d", (int)c->line.len,
			         (const char *)c->line.data, len, verb);
	}
	guarded_free(&page);
}

static void check_every_cut(struct guarded *page, struct bytes line)
{
	int whole_verb;
	size_t whole = harmless(&whole_verb, guarded_bytes(page, line));

	for (size_t cut = 0; cut <= line.len; cut++) {
		struct bytes prefix = bytes_slice(line, 0, cut);
		int verb;
		size_t len = harmless(&verb, guarded_bytes(page, prefix));
		size_t want = cut < whole ? cut : whole;
		int want_verb = cut > whole ? whole_verb : UNSET;

		if (len != want || verb != want_verb)
			fail_msg("\"%.*s\" cut at %zu: %zu octets, verb %d", (int)line.len,
			         (const char *)line.data, cut, len, verb);
	}
}

static void what_passed_stays_harmless_wherever_the_line_is_cut(void **state)
{
	struct guarded page = guarded_new();

	(void)state;
	for (size_t i = 0; i < WHOLE_LINES; i++)
		check_every_cut(&page, whole_lines[i].line);
	guarded_free(&page);
}

static void every_three_octets_behind_a_verb_keep_to_the_rule(void **state)
{
	static const char *const heads[] = { "",     " ",      "RCPT", "RCPT T",   "RCPT TO",
		                             "NOOP", "NOOP x", "MAIL", "STARTTLS", "EH" };
	static const uint8_t octets[] = { ' ', '\t', '\r', '\n', '\0', ':', 't', 'O', 'r', '<' };
	struct guarded page = guarded_new();
	uint8_t line[16];

	(void)state;
	for (size_t h = 0; h < sizeof(heads) / sizeof(heads[0]); h++) {
		size_t len = strlen(heads[h]);

		memcpy(line, heads[h], len);
		for (size_t n = 0; n < sizeof(octets) * sizeof(octets) * sizeof(octets); n++) {
			line[len] = octets[n % sizeof(octets)];
			line[len + 1] = octets[n / sizeof(octets) % sizeof(octets)];
			line[len + 2] = octets[n / sizeof(octets) / sizeof(octets)];
			check_every_cut(&page, bytes_of(line, len + 3));
		}
	}
	guarded_free(&page);
}

static void a_verb_of_a_thousand_octets_stops_at_its_first(void **state)
{
	struct guarded page = guarded_new();
	uint8_t line[1000];
	int verb;

	(void)state;
	memset(line, 'z', sizeof(line));
	assert_int_equal(harmless(&verb, guarded_bytes(&page, bytes_of(line, sizeof(line)))), 0);
	assert_int_equal(verb, SMTP_VERB_UNKNOWN);
	guarded_free(&page);
}

static void octets_behind_the_first_line_are_not_looked_at(void **state)
{
	struct bytes two = bytes_of_string("NOOP\r\nRCPT TO:<user@example.org>\r\n");
	int verb;

	(void)state;
	assert_int_equal(harmless(&verb, two), strlen("NOOP\r\n"));
	assert_int_equal(verb, UNSET);
}

struct parse_case {
	struct bytes line;
	enum smtp_verb verb;
	struct bytes argument;
	bool ends_bare_lf;
	bool has_bare_cr;
};

static const struct parse_case parsed_lines[] = {
	{ TEXT("EHLO mail.example.org\r\n"), SMTP_EHLO, TEXT("mail.example.org"), false, false },
	{ TEXT(" \trcpt\t TO:<a@b>  \r\n"), SMTP_RCPT, TEXT("TO:<a@b>  "), false, false },
	{ TEXT("DATA\n"), SMTP_DATA, TEXT(""), true, false },
	{ TEXT("\n"), SMTP_VERB_UNKNOWN, TEXT(""), true, false },
	{ TEXT("\r\n"), SMTP_VERB_UNKNOWN, TEXT(""), false, false },
	{ TEXT("QUIT\r\r\n"), SMTP_QUIT, TEXT(""), false, false },
	{ TEXT("QUITX\r\n"), SMTP_VERB_UNKNOWN, TEXT(""), false, false },
	{ TEXT("MAIL FROM:<>\r\n"), SMTP_MAIL, TEXT("FROM:<>"), false, false },
	{ TEXT("NOOP\rMAIL\r\n"), SMTP_NOOP, TEXT("\rMAIL"), false, true },
	{ TEXT("NOOP a\0b\r\n"), SMTP_NOOP, TEXT("a\0b"), false, true },
	{ TEXT("BDAT 0 LAST\r\n"), SMTP_BDAT, TEXT("0 LAST"), false, false },
	{ TEXT("starttls\r\n"), SMTP_STARTTLS, TEXT(""), false, false },
	{ TEXT("Help\r\n"), SMTP_HELP, TEXT(""), false, false },
	{ TEXT("HELO a\r\n"), SMTP_HELO, TEXT("a"), false, false },
	{ TEXT("RSET\r\n"), SMTP_RSET, TEXT(""), false, false },
	{ TEXT("AUTH PLAIN\r\n"), SMTP_AUTH, TEXT("PLAIN"), false, false },
	{ TEXT("VRFY a\r\n"), SMTP_VRFY, TEXT("a"), false, false },
	{ TEXT("EXPN a\r\n"), SMTP_EXPN, TEXT("a"), false, false },
	{ TEXT("XCLIENT A=b\r\n"), SMTP_XCLIENT, TEXT("A=b"), false, false },
	{ TEXT("XFORWARD A=b\r\n"), SMTP_XFORWARD, TEXT("A=b"), false, false },
};

enum { PARSED_LINES = sizeof(parsed_lines) / sizeof(parsed_lines[0]) };

static void a_line_yields_its_verb_and_argument(void **state)
{
	struct guarded page = guarded_new();

	(void)state;
	for (size_t i = 0; i < PARSED_LINES; i++) {
		const struct parse_case *c = &parsed_lines[i];
		struct smtp_command command;
		size_t consumed = 0;

		assert_int_equal(
			smtp_command_parse(&command, &consumed, guarded_bytes(&page, c->line)),
			PARSE_OK);
		assert_int_equal(consumed, c->line.len);
		assert_int_equal(command.verb, c->verb);
		assert_true(bytes_equal(command.argument, c->argument));
		assert_int_equal(command.ends_bare_lf, c->ends_bare_lf);
		assert_int_equal(command.has_bare_cr, c->has_bare_cr);
	}
	guarded_free(&page);
}

static void a_line_without_its_end_asks_for_more(void **state)
{
	struct guarded page = guarded_new();

	(void)state;
	for (size_t i = 0; i < PARSED_LINES; i++) {
		struct bytes line = parsed_lines[i].line;

		for (size_t cut = 0; cut < line.len; cut++) {
			struct smtp_command command = { .verb = SMTP_VRFY };
			size_t consumed = 7;
			struct bytes prefix = bytes_slice(line, 0, cut);

			assert_int_equal(smtp_command_parse(&command, &consumed,
			                                    guarded_bytes(&page, prefix)),
			                 PARSE_MORE);
			assert_int_equal(consumed, 7);
			assert_int_equal(command.verb, SMTP_VRFY);
		}
	}
	guarded_free(&page);
}

static void a_pipelined_line_is_left_for_the_next_call(void **state)
{
	struct bytes two = bytes_of_string("RSET\r\nQUIT\r\n");
	struct smtp_command command;
	size_t consumed;

	(void)state;
	assert_int_equal(smtp_command_parse(&command, &consumed, two), PARSE_OK);
	assert_int_equal(command.verb, SMTP_RSET);
	assert_int_equal(consumed, strlen("RSET\r\n"));
}

static void a_line_longer_than_the_bound_is_malformed(void **state)
{
	struct guarded page = guarded_new();
	uint8_t *line = malloc(SMTP_COMMAND_LINE_MAX + 1);
	struct smtp_command command;
	size_t consumed;

	(void)state;
	assert_non_null(line);
	memset(line, 'a', SMTP_COMMAND_LINE_MAX + 1);
	assert_int_equal(
		smtp_command_parse(&command, &consumed,
	                           guarded_bytes(&page, bytes_of(line, SMTP_COMMAND_LINE_MAX - 1))),
		PARSE_MORE);
	assert_int_equal(
		smtp_command_parse(&command, &consumed,
	                           guarded_bytes(&page, bytes_of(line, SMTP_COMMAND_LINE_MAX))),
		PARSE_MALFORMED);
	line[SMTP_COMMAND_LINE_MAX] = '\n';
	assert_int_equal(
		smtp_command_parse(&command, &consumed,
	                           guarded_bytes(&page, bytes_of(line, SMTP_COMMAND_LINE_MAX + 1))),
		PARSE_MALFORMED);
	line[SMTP_COMMAND_LINE_MAX - 1] = '\n';
	assert_int_equal(
		smtp_command_parse(&command, &consumed,
	                           guarded_bytes(&page, bytes_of(line, SMTP_COMMAND_LINE_MAX))),
		PARSE_OK);
	assert_int_equal(consumed, SMTP_COMMAND_LINE_MAX);
	free(line);
	guarded_free(&page);
}

static void bdat_takes_a_count_and_the_word_last(void **state)
{
	uint64_t size;
	bool is_last;

	(void)state;
	assert_true(smtp_bdat_size(&size, &is_last, bytes_of_string("86 LAST")));
	assert_int_equal(size, 86);
	assert_true(is_last);
	assert_true(smtp_bdat_size(&size, &is_last, bytes_of_string("0 \t last ")));
	assert_int_equal(size, 0);
	assert_true(is_last);
	assert_true(smtp_bdat_size(&size, &is_last, bytes_of_string("00000000000000000000012 ")));
	assert_int_equal(size, 12);
	assert_false(is_last);
	assert_true(smtp_bdat_size(&size, &is_last, bytes_of_string("4611686018427387904")));
	assert_int_equal(size, UINT64_C(1) << 62);
}

static void bdat_refuses_what_is_no_count(void **state)
{
	static const char *const wrong[] = {
		"",
		" ",
		"LAST",
		"-1",
		"+1",
		"0x10",
		"1,0",
		"1 LAST LAST",
		"1 FIRST",
		"1LAST",
		" 1",
		"4611686018427387905",
		"18446744073709551616",
		"99999999999999999999999999",
	};
	uint64_t size = 7;
	bool is_last = true;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (smtp_bdat_size(&size, &is_last, bytes_of_string(wrong[i])))
			fail_msg("took \"%s\"", wrong[i]);
	}
	assert_int_equal(size, 7);
	assert_true(is_last);
}

static const struct {
	struct bytes line;
	size_t want;
	bool is_recipient;
} rests[] = {
	{ TEXT(":<bob@example.org>\r\n"), 0, true },
	{ TEXT("<bob@example.org>\r\n"), 0, true },
	{ TEXT("o:<bob@example.org>\r\n"), 1, true },
	{ TEXT("TO:<bob@example.org>\r\n"), 2, true },
	{ TEXT(" \tTo\t :<bob@example.org>\r\n"), 6, true },
	{ TEXT("T  TO:<bob@example.org>\r\n"), 5, true },
	{ TEXT("cpt to <bob@example.org>\r\n"), 7, true },
	/* Not yet, or not at all. */
	{ TEXT("CPT T"), 5, false },
	{ TEXT("  "), 2, false },
	{ TEXT("T\r\n"), 1, false },
	{ TEXT("to be or not\r\n"), 3, false },
	{ TEXT("Tomorrow: <bob@example.org>\r\n"), 2, false },
	{ TEXT("CPTTO:<bob@example.org>\r\n"), 3, false },
	{ TEXT("\r\n:<bob@example.org>\r\n"), 0, false },
	/* Whole commands are none. */
	{ TEXT("RCPT TO:<bob@example.org>\r\n"), 0, false },
	{ TEXT("MAIL FROM:<bob@example.org>\r\n"), 0, false },
};

static void what_is_left_of_a_recipients_line_is_known_at_its_colon(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
		bool is_recipient = false;
		size_t before = 0;

		for (size_t len = 0; len <= rests[i].line.len; len++) {
			struct bytes cut = bytes_slice(rests[i].line, 0, len);
			size_t got = smtp_recipient_rest_len(&is_recipient, cut);

			if (got < before || got > len || (is_recipient && len <= rests[i].want))
				fail_msg("%zu: %zu of %zu octets", i, got, len);
			before = got;
		}
		if (before != rests[i].want || is_recipient != rests[i].is_recipient)
			fail_msg("%zu: %zu octets, not %zu", i, before, rests[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_passes_up_to_the_octet_that_commits),
		cmocka_unit_test(what_passed_stays_harmless_wherever_the_line_is_cut),
		cmocka_unit_test(every_three_octets_behind_a_verb_keep_to_the_rule),
		cmocka_unit_test(a_verb_of_a_thousand_octets_stops_at_its_first),
		cmocka_unit_test(octets_behind_the_first_line_are_not_looked_at),
		cmocka_unit_test(a_line_yields_its_verb_and_argument),
		cmocka_unit_test(a_line_without_its_end_asks_for_more),
		cmocka_unit_test(a_pipelined_line_is_left_for_the_next_call),
		cmocka_unit_test(a_line_longer_than_the_bound_is_malformed),
		cmocka_unit_test(what_is_left_of_a_recipients_line_is_known_at_its_colon),
		cmocka_unit_test(bdat_takes_a_count_and_the_word_last),
		cmocka_unit_test(bdat_refuses_what_is_no_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
