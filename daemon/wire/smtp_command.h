/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_SMTP_COMMAND_H
#define HOPGUARD_WIRE_SMTP_COMMAND_H

/* Commands of an SMTP client (RFC 5321 section 4.1), also while they are still incomplete. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/parse.h"

enum {
	/* RFC 5321 asks for 512, RFC 4954 for 12,288 with AUTH, SMTPUTF8 and DSN for more than 512. */
	SMTP_COMMAND_LINE_MAX = 12288 + 2,
	SMTP_DOMAIN_MAX = 255,
};

enum smtp_verb {
	SMTP_VERB_UNKNOWN, /* also an empty line: no server takes it for nothing */
	SMTP_EHLO,
	SMTP_HELO,
	SMTP_NOOP,
	SMTP_RSET,
	SMTP_QUIT,
	SMTP_HELP,
	SMTP_STARTTLS,
	SMTP_MAIL,
	SMTP_RCPT,
	SMTP_DATA,
	SMTP_BDAT,
	SMTP_AUTH,
	SMTP_VRFY,
	SMTP_EXPN,
	SMTP_XCLIENT,
	SMTP_XFORWARD,
};

struct smtp_command {
	enum smtp_verb verb;
	struct bytes argument; /* behind the verb and its blanks, without line end; borrowed */
	bool ends_bare_lf;
	bool has_bare_cr;      /* a CR inside the line, or a NUL: no command has one */
};

/* One whole line. *consumed counts it with its end. MALFORMED: no end within SMTP_COMMAND_LINE_MAX. */
enum parse_result smtp_command_parse(struct smtp_command *command, size_t *consumed,
                                     struct bytes readable);

/*
 * Of a line that has no end yet: how many of its octets may pass without anything irrevocable having passed. That is all
 * of them while the verb is still open or harmless (EHLO HELO NOOP RSET QUIT HELP STARTTLS), and what lies before the octet that
 * completes the verb otherwise (before the blank behind MAIL, AUTH, an unknown verb; for RCPT before the colon of
 * "RCPT TO:", blanks between RCPT and TO allowed; an unknown verb is complete after 12 octets without blank). *verb is the verb
 * that is completed there, set only when the result is less than partial.len. Works on whole lines, too.
 */
size_t smtp_command_harmless_len(enum smtp_verb *verb, struct bytes partial);

/* RFC 5321 section 4.1.1.3 and 4.1.2. */
enum smtp_path_kind {
	SMTP_PATH_DOMAIN,    /* a domain follows */
	SMTP_PATH_LITERAL,   /* an address literal: the domain is its text with the brackets */
	SMTP_PATH_LOCAL,     /* no domain: <postmaster>, <> */
	SMTP_PATH_MALFORMED,
};

/*
 * The domain of a "TO:<path>" or "FROM:<path>" argument: source routes are skipped, quoted local parts and quoted pairs respected, blanks
 * around the path and missing angle brackets tolerated as servers do. A trailing dot is dropped. domain is a view, in the sender's spelling
 * (may be UTF-8, RFC 6531).
 */
enum smtp_path_kind smtp_path_domain(struct bytes *domain, struct bytes argument);

/* BDAT's octet count and LAST (RFC 3030). False when malformed or above 2^62. */
bool smtp_bdat_size(uint64_t *size, bool *is_last, struct bytes argument);

#endif
