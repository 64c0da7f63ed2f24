/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/smtp_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "../guarded.h"

#define TEXT(literal)                                                                              \
	{                                                                                          \
		(const uint8_t *)(literal), sizeof(literal) - 1                                    \
	}

struct path_case {
	struct bytes argument;
	enum smtp_path_kind kind;
	const char *domain;
};

#define DOMAIN(literal, domain)                                                                    \
	{                                                                                          \
		TEXT(literal), SMTP_PATH_DOMAIN, domain                                            \
	}
#define LITERAL(literal, domain)                                                                   \
	{                                                                                          \
		TEXT(literal), SMTP_PATH_LITERAL, domain                                           \
	}
#define LOCAL(literal)                                                                             \
	{                                                                                          \
		TEXT(literal), SMTP_PATH_LOCAL, ""                                                 \
	}
#define MALFORMED(literal)                                                                         \
	{                                                                                          \
		TEXT(literal), SMTP_PATH_MALFORMED, ""                                             \
	}

static const struct path_case cases[] = {
	DOMAIN("TO:<user@example.org>", "example.org"),
	DOMAIN("to:<user@Example.ORG>", "Example.ORG"),
	DOMAIN("FROM:<user@example.org> SIZE=1 BODY=8BITMIME", "example.org"),
	DOMAIN(" TO \t:\t <user@example.org> ", "example.org"),
	DOMAIN("TO<user@example.org>", "example.org"),
	DOMAIN("TO:<user@example.org.>", "example.org"),
	DOMAIN("TO:<user@localhost>", "localhost"),
	DOMAIN("TO:<user@a_b-c.example>", "a_b-c.example"),
	DOMAIN("TO:<u@m\xc3\xbcnchen.example>", "m\xc3\xbcnchen.example"),
	DOMAIN("TO:< user@example.org >", "example.org"),
	DOMAIN("TO:<user@a0.Zz9>", "a0.Zz9"),
	DOMAIN("TO:<user@\x80\xff>", "\x80\xff"),
	MALFORMED("TO:<user@exa/mple.org>"),
	MALFORMED("TO:<user@exa:mple.org>"),
	MALFORMED("TO:<user@exa[mple.org>"),
	MALFORMED("TO:<user@exa`mple.org>"),
	MALFORMED("TO:<user@exa{mple.org>"),
	/* Source routes. */
	DOMAIN("TO:<@relay1.example,@relay2.example:user@example.org> NOTIFY=NEVER", "example.org"),
	DOMAIN("TO:<@relay1.example.:user@example.org>", "example.org"),
	DOMAIN("TO:<@[192.0.2.1],@[IPv6:2001:db8::1]:user@example.org>", "example.org"),
	LOCAL("TO:<@relay1.example:postmaster>"),
	MALFORMED("TO:<@example.org>"),
	MALFORMED("TO:<@relay1.example:>"),
	MALFORMED("TO:<@relay1.example,user@example.org>"),
	MALFORMED("TO:<@relay1.example,:user@example.org>"),
	MALFORMED("TO:<@relay1.example,@:user@example.org>"),
	MALFORMED("TO:<@relay1.example:@relay2.example:user@example.org>"),
	MALFORMED("TO:<@relay1.example user@example.org>"),
	MALFORMED("TO:<@[192.0.2.1:user@example.org>"),
	MALFORMED("TO:<@relay1.example,>"),
	/* Quotes. */
	DOMAIN("TO:<\"a b@c\"@example.org>", "example.org"),
	DOMAIN("TO:<\"x\\\"@y\"@example.org>", "example.org"),
	DOMAIN("TO:<\"x>@evil.example> \"@example.org>", "example.org"),
	DOMAIN("TO:<a\\@b.example@example.org>", "example.org"),
	DOMAIN("TO:<a\\>@example.org>", "example.org"),
	DOMAIN("TO:<\"\"@example.org>", "example.org"),
	DOMAIN("TO:<a.\"b c\".d@example.org>", "example.org"),
	DOMAIN("TO:\"a b\"@example.org NOTIFY=NEVER", "example.org"),
	LOCAL("TO:<\"user@example.org\">"),
	LOCAL("TO:<user\\@example.org>"),
	MALFORMED("TO:<\"user@example.org>"),
	MALFORMED("TO:<user@\"example.org\">"),
	MALFORMED("TO:<user\\@example.org\\>"),
	MALFORMED("TO:\"user@example.org"),
	MALFORMED("TO:< postmaster\\ >"),
	/* Without brackets. */
	DOMAIN("TO:user@example.org", "example.org"),
	DOMAIN("TO: user@example.org ORCPT=rfc822;user@example.net", "example.org"),
	LOCAL("TO:postmaster"),
	MALFORMED("TO:user@example.org>"),
	MALFORMED("TO:"),
	MALFORMED("TO: \t"),
	MALFORMED("TO user@example.org"),
	MALFORMED("TO"),
	MALFORMED("TO:User <user@example.org>"),
	/* Address literals. */
	LITERAL("TO: <u@[192.0.2.1]>", "[192.0.2.1]"),
	LITERAL("TO:<u@[IPv6:2001:db8::1]>", "[IPv6:2001:db8::1]"),
	LITERAL("TO:u@[192.0.2.1]", "[192.0.2.1]"),
	MALFORMED("TO:<u@[]>"),
	MALFORMED("TO:<u@[192.0.2.1>"),
	MALFORMED("TO:<u@192.0.2.1]>"),
	MALFORMED("TO:<u@[192.0.2.1].example>"),
	MALFORMED("TO:<u@[192.0.2.1]]>"),
	MALFORMED("TO:<u@[[192.0.2.1]>"),
	MALFORMED("TO:<u@[192.0\\.2.1]>"),
	MALFORMED("TO:<u@[a@b]>"),
	MALFORMED("TO:<u@[192.0.2.1 ]>"),
	LITERAL("TO:<u@[a]>", "[a]"),
	LITERAL("TO:<u@[!~]>", "[!~]"),
	MALFORMED("TO:<u@[\xc3\xa4]>"),
	MALFORMED("TO:<u@[\x7f]>"),
	/* No domain. */
	LOCAL("TO:<postmaster>"),
	LOCAL("FROM:<> SIZE=1"),
	LOCAL("FROM:<>"),
	LOCAL("FROM:< >"),
	LOCAL("TO:<a%b.example>"),
	LOCAL("TO:<b.example!a>"),
	/* Older ways to write a route belong to the host behind the last '@'. */
	DOMAIN("TO:<a%b.example@example.org>", "example.org"),
	DOMAIN("TO:<b.example!a@example.org>", "example.org"),
	DOMAIN("TO:<NODE::USER@example.org>", "example.org"),
	DOMAIN("TO:<a@b.example@example.org>", "example.org"),
	/* Nonsense. */
	MALFORMED(""),
	MALFORMED(":<user@example.org>"),
	MALFORMED("<user@example.org>"),
	MALFORMED("TOO:<user@example.org>"),
	MALFORMED("TO:<user@example.org"),
	MALFORMED("TO:<user@>"),
	MALFORMED("TO:<@>"),
	MALFORMED("TO:<@@example.org>"),
	MALFORMED("TO:<user@.>"),
	MALFORMED("TO:<user@.example.org>"),
	MALFORMED("TO:<user@example..org>"),
	MALFORMED("TO:<user@example.org..>"),
	MALFORMED("TO:<user@exam ple.org>"),
	MALFORMED("TO:<us er@example.org>"),
	MALFORMED("TO:<user @example.org>"),
	MALFORMED("TO:<user@ example.org>"),
	MALFORMED("TO:<user@example.org(comment)>"),
	MALFORMED("TO:<user@example.org,other@example.net>"),
	MALFORMED("TO:<<user@example.org>>"),
	MALFORMED("TO:<user@example.org><other@example.net>"),
	MALFORMED("TO:<user@example.org> <other@example.net>"),
	MALFORMED("TO:user@example.org <other@example.net>"),
	MALFORMED("TO:<user@example.org>NOTIFY=NEVER"),
	MALFORMED("TO:<user@exam\0ple.org>"),
	MALFORMED("TO:<\1user@example.org>"),
	MALFORMED("TO:us>er@example.org"),
	MALFORMED("TO:us<er@example.org"),
	MALFORMED("TO:<us<er@example.org>"),
	MALFORMED("TO:<us\rer@example.org>"),
	MALFORMED("TO:<us\x7f"
	          "er@example.org>"),
	MALFORMED("TO:<\"a\tb\"@example.org>"),
};

enum { CASES = sizeof(cases) / sizeof(cases[0]) };

static void the_domain_is_found_however_the_path_is_written(void **state)
{
	struct guarded page = guarded_new();

	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		const struct path_case *c = &cases[i];
		struct bytes domain = { 0 };
		enum smtp_path_kind kind =
			smtp_path_domain(&domain, guarded_bytes(&page, c->argument));

		if (kind != c->kind || !bytes_equal(domain, bytes_of_string(c->domain)))
			fail_msg("\"%.*s\": kind %d, \"%.*s\"", (int)c->argument.len,
			         (const char *)c->argument.data, (int)kind, (int)domain.len,
			         (const char *)domain.data);
	}
	guarded_free(&page);
}

static void a_bracketed_path_cut_short_never_yields_a_domain(void **state)
{
	struct guarded page = guarded_new();

	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		struct bytes argument = cases[i].argument;
		size_t bracket = bytes_find(argument, '<');
		struct bytes domain;

		for (size_t cut = 0; cut < argument.len; cut++) {
			struct bytes prefix = bytes_slice(argument, 0, cut);
			enum smtp_path_kind kind =
				smtp_path_domain(&domain, guarded_bytes(&page, prefix));

			if (bracket < cut && bytes_find(prefix, '>') == cut &&
			    kind != SMTP_PATH_MALFORMED)
				fail_msg("\"%.*s\": kind %d", (int)cut, (const char *)prefix.data,
				         (int)kind);
		}
	}
	guarded_free(&page);
}

static void check_domain_of(struct guarded *page, size_t len, bool is_literal)
{
	char argument[600] = "TO:<u@";
	enum smtp_path_kind want = is_literal ? SMTP_PATH_LITERAL : SMTP_PATH_DOMAIN;
	size_t at = strlen(argument);
	struct bytes domain;

	for (size_t i = 0; i < len; i++)
		argument[at + i] = i % 50 == 49 ? '.' : 'a';
	argument[at + len - 1] = 'a';
	if (is_literal) {
		argument[at] = '[';
		argument[at + len - 1] = ']';
	}
	argument[at + len] = '>';
	assert_int_equal(
		smtp_path_domain(&domain, guarded_bytes(page, bytes_of(argument, at + len + 1))),
		len <= SMTP_DOMAIN_MAX ? want : SMTP_PATH_MALFORMED);
}

static void a_domain_of_more_than_255_octets_is_malformed(void **state)
{
	struct guarded page = guarded_new();

	(void)state;
	for (size_t len = 251; len < 260; len++) {
		check_domain_of(&page, len, false);
		check_domain_of(&page, len, true);
	}
	guarded_free(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_domain_is_found_however_the_path_is_written),
		cmocka_unit_test(a_bracketed_path_cut_short_never_yields_a_domain),
		cmocka_unit_test(a_domain_of_more_than_255_octets_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
