/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_FUZZ_HARMLESS_LINE_H
#define HOPGUARD_TESTS_FUZZ_HARMLESS_LINE_H

/* What of a client's octets may have passed where nothing that commits was allowed. */

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static inline bool harmless_is_verb(const char *verb, size_t len)
{
	static const char *const harmless[] = { "EHLO", "HELO", "NOOP",     "RSET",
		                                "QUIT", "HELP", "STARTTLS", "MAIL" };

	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		if (len == strlen(harmless[i]) && strncasecmp(verb, harmless[i], len) == 0)
			return true;
	}
	return false;
}
/* What is left of "RCPT TO" when its beginning passed before we were there, or less. */
static inline bool harmless_is_rest(const char *line, size_t len)
{
	static const char whole[] = "RCPT TO";

	for (const char *rest = whole + 1; rest <= whole + strlen(whole); rest++) {
		const char *wanted = rest;
		size_t at = 0;

		while (at < len) {
			if (line[at] == ' ' || line[at] == '\t')
				wanted += *wanted == ' ';
			else if (*wanted != '\0' && strncasecmp(line + at, wanted, 1) == 0)
				wanted++;
			else
				break;
			at++;
		}
		if (at == len)
			return true;
	}
	return false;
}

/*
 * Of a line, also one that a CR or NUL begins: no more than the verb has passed, or the verb is
 * harmless.
 */
static inline void harmless_check_line(const char *line, size_t len, bool may_be_rest)
{
	size_t verb = 0;

	if (may_be_rest && harmless_is_rest(line, len))
		return;
	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	while (verb < len && isalpha((unsigned char)line[verb]))
		verb++;
	if (harmless_is_verb(line, verb) &&
	    (verb == len || line[verb] == ' ' || line[verb] == '\t'))
		return;
	if (strncasecmp(line, "RCPT", len < 4 ? len : 4) == 0 && !memchr(line, ':', len))
		return;
	if (verb == len && len <= 8)
		return;
	fprintf(stderr, "passed: %.*s\n", (int)len, line);
	abort();
}

/* may_be_rest: a line may be the rest of one that began before us. */
static inline void harmless_check(const uint8_t *octets, size_t len, bool may_be_rest)
{
	size_t start = 0;

	for (size_t at = 0; at <= len; at++) {
		if (at < len && octets[at] != '\r' && octets[at] != '\n' && octets[at] != '\0')
			continue;
		/* From here on it is TLS, a sealed alert perhaps, or a ClientHello in SSL 2.0 framing. */
		if (at > start &&
		    (octets[start] >= 0x80 || (octets[start] >= 0x14 && octets[start] <= 0x17)))
			return;
		harmless_check_line((const char *)octets + start, at - start, may_be_rest);
		start = at + 1;
	}
}

#endif
