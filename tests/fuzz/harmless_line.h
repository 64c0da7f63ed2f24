/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_FUZZ_HARMLESS_LINE_H
#define HOPGUARD_TESTS_FUZZ_HARMLESS_LINE_H

/*
 * What of a client's octets may have passed where nothing that commits was allowed but MAIL: whole lines of harmless verbs and of MAIL,
 * and behind them as much as says nothing yet. By a reading of its own of what smtp_command.h and session.h promise.
 */

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	/* A longer one is no line: what follows is passed on as its rest, if it was allowed. */
	HARMLESS_LINE_MAX = 12288 + 2,
	HARMLESS_SEALED_MAX = 19, /* an alert of TLS 1.3, sealed */
	HARMLESS_RECORD_MAX = 16384 + 2048,
};

struct harmless {
	const uint8_t *octets;
	size_t len;
	size_t at;
	bool may_be_rest; /* in front may stand what is not the beginning of a line, or TLS */
	bool has_asked;   /* STARTTLS has passed */
	bool is_tls_free; /* in TLS all may pass: nobody was there to judge keys */
};

static inline void harmless_require(const struct harmless *passed, bool is_harmless)
{
	if (is_harmless)
		return;
	fprintf(stderr, "passed, at %zu of %zu: %.*s\n", passed->at, passed->len,
	        (int)(passed->len - passed->at), (const char *)passed->octets + passed->at);
	abort();
}

static inline int harmless_octet(const struct harmless *passed, size_t at)
{
	return at < passed->len ? passed->octets[at] : -1;
}

static inline bool harmless_is_blank(int octet)
{
	return octet == ' ' || octet == '\t';
}

static inline size_t harmless_skip_blanks(const struct harmless *passed, size_t at)
{
	while (harmless_is_blank(harmless_octet(passed, at)))
		at++;
	return at;
}

static inline bool harmless_is_word(const struct harmless *passed, size_t at, size_t end,
                                    const char *word)
{
	return end - at == strlen(word) &&
	       strncasecmp((const char *)passed->octets + at, word, end - at) == 0;
}

/* Of which a whole line may pass. */
static inline bool harmless_is_verb(const struct harmless *passed, size_t at, size_t end)
{
	static const char *const verbs[] = { "EHLO", "HELO", "NOOP",     "RSET",
		                             "QUIT", "HELP", "STARTTLS", "MAIL" };

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (harmless_is_word(passed, at, end, verbs[i]))
			return true;
	}
	return false;
}

/* Of any that the program knows, as far as it goes. */
static inline bool harmless_begins_verb(const struct harmless *passed, size_t at, size_t end)
{
	static const char *const verbs[] = { "EHLO", "HELO",     "NOOP",    "RSET",
		                             "QUIT", "HELP",     "MAIL",    "RCPT",
		                             "DATA", "BDAT",     "AUTH",    "VRFY",
		                             "EXPN", "STARTTLS", "XCLIENT", "XFORWARD" };

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (end - at <= strlen(verbs[i]) &&
		    strncasecmp((const char *)passed->octets + at, verbs[i], end - at) == 0)
			return true;
	}
	return false;
}

/* All that is left is what is left of "RCPT TO" when its beginning passed before we were there, or less. */
static inline bool harmless_is_rest(const struct harmless *passed)
{
	static const char whole[] = "RCPT TO";

	for (const char *rest = whole + 1; rest <= whole + strlen(whole); rest++) {
		const char *wanted = rest;
		size_t at = passed->at;

		for (; at < passed->len; at++) {
			if (harmless_is_blank(passed->octets[at]))
				wanted += *wanted == ' ';
			else if (*wanted != '\0' && tolower(passed->octets[at]) == tolower(*wanted))
				wanted++;
			else
				break;
		}
		if (at == passed->len)
			return true;
	}
	return false;
}

/* "RCPT", and behind blanks "TO" or less of it, and blanks: no more, and no end. */
static inline bool harmless_is_recipient(const struct harmless *passed, size_t end)
{
	size_t at = harmless_skip_blanks(passed, end);

	for (const char *to = "to"; *to != '\0' && at < passed->len; to++, at++) {
		if (at == end || tolower(passed->octets[at]) != *to)
			return false;
	}
	return harmless_skip_blanks(passed, at) == passed->len;
}

/* Behind the verb, to the end: CRs and an LF. No NUL, and nothing behind another CR, which some server takes for the end. */
static inline void harmless_pass_line(struct harmless *passed, size_t at, bool is_mail)
{
	const size_t start = passed->at;
	bool is_beyond;
	int octet;

	while ((octet = harmless_octet(passed, at)) > 0 && octet != '\r' && octet != '\n')
		at++;
	/* It was allowed as it stood, and is told to be cut short. What a server may take for its end is one there, too. */
	is_beyond = is_mail && at - start >= HARMLESS_LINE_MAX - 1;
	harmless_require(passed, octet != '\0' || is_beyond);
	at += octet == '\0';
	while (harmless_octet(passed, at) == '\r')
		at++;
	octet = harmless_octet(passed, at);
	harmless_require(passed, octet < 0 || octet == '\n' || is_beyond);
	passed->at = at + (octet == '\n');
	passed->may_be_rest = false;
}

static inline void harmless_check_line(struct harmless *passed)
{
	size_t verb = harmless_skip_blanks(passed, passed->at), end = verb;
	int octet;

	if (passed->may_be_rest && harmless_is_rest(passed)) {
		passed->at = passed->len;
		return;
	}
	while (end < passed->len && isalpha(passed->octets[end]))
		end++;
	octet = harmless_octet(passed, end);
	if ((harmless_is_blank(octet) || octet == '\r' || octet == '\n') &&
	    harmless_is_verb(passed, verb, end)) {
		passed->has_asked |= harmless_is_word(passed, verb, end, "STARTTLS");
		harmless_pass_line(passed, end, harmless_is_word(passed, verb, end, "MAIL"));
		return;
	}
	harmless_require(passed, octet < 0 ? harmless_begins_verb(passed, verb, end)
	                                   : harmless_is_word(passed, verb, end, "RCPT") &&
	                                             harmless_is_recipient(passed, end));
	passed->at = passed->len;
}

/* As much of a record's header as is there. *content_len of a whole one. */
static inline bool harmless_is_header(const struct harmless *passed, size_t *content_len)
{
	const uint8_t *header = passed->octets + passed->at;
	size_t len = passed->len - passed->at;

	if ((len > 0 && (header[0] < 0x14 || header[0] > 0x17)) || (len > 1 && header[1] != 3) ||
	    (len > 2 && header[2] > 4))
		return false;
	*content_len = len < 5 ? 0 : (size_t)(header[3] << 8 | header[4]);
	return *content_len <= HARMLESS_RECORD_MAX;
}

/* A ClientHello in SSL 2.0's framing, as much of it as is there. */
static inline void harmless_check_old_hello(struct harmless *passed)
{
	const uint8_t *hello = passed->octets + passed->at;
	size_t len = passed->len - passed->at;

	harmless_require(passed, (len < 3 || hello[2] == 1) && (len < 4 || hello[3] == 3) &&
	                                 (len < 5 || hello[4] <= 4));
	if (len < 2) {
		passed->at = passed->len;
		return;
	}
	passed->at += 2 + (size_t)((hello[0] & 0x7f) << 8 | hello[1]);
	if (passed->at > passed->len)
		passed->at = passed->len;
}

/*
 * Records of a handshake, and alerts, sealed or not. Of application data no more than that there are some. Who was seen to ask for it
 * begins TLS by a ClientHello.
 */
static inline void harmless_check_records(struct harmless *passed)
{
	bool is_midstream = passed->may_be_rest && passed->at == 0;
	uint8_t first = passed->octets[passed->at];
	size_t content_len = 0;

	harmless_require(passed, passed->has_asked || is_midstream);
	harmless_require(passed, first == 0x16 || (first >= 0x80) != is_midstream);
	if (first >= 0x80)
		harmless_check_old_hello(passed);
	while (passed->at < passed->len) {
		bool is_data = passed->octets[passed->at] == 0x17;

		harmless_require(passed, harmless_is_header(passed, &content_len));
		if (is_data && passed->is_tls_free && passed->len - passed->at >= 5) {
			passed->at = passed->len;
			return;
		}
		harmless_require(passed, !is_data || content_len <= HARMLESS_SEALED_MAX ||
		                                 passed->len - passed->at == 5);
		passed->at += 5 + content_len;
		if (passed->at > passed->len)
			passed->at = passed->len;
	}
}

/* may_be_rest: it began before us, with a line or with TLS. is_tls_free: what comes in TLS is not denied. */
static inline void harmless_check(const uint8_t *octets, size_t len, bool may_be_rest,
                                  bool is_tls_free)
{
	struct harmless passed = {
		.octets = octets, .len = len, .may_be_rest = may_be_rest, .is_tls_free = is_tls_free
	};

	while (passed.at < len) {
		uint8_t octet = octets[passed.at];

		if (octet >= 0x80 || (octet >= 0x14 && octet <= 0x17))
			harmless_check_records(&passed);
		else
			harmless_check_line(&passed);
	}
}

#endif
