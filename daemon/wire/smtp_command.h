/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_SMTP_COMMAND_H
#define HOPGUARD_WIRE_SMTP_COMMAND_H

/* Commands of an SMTP client (RFC 5321 section 4.1), also while they are still incomplete. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/parse.h"

/* RFC 5321 asks for 512, RFC 4954 for 12,288 with AUTH, SMTPUTF8 and DSN for more than 512. */
enum { SMTP_COMMAND_LINE_MAX = 12288 + 2 };

enum smtp_verb {
	SMTP_VERB_UNKNOWN, /* also an empty line: servers answer it with an error */
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
	struct bytes argument; /* behind the verb and its blanks, without the line end; borrowed */
	bool ends_bare_lf;
	bool has_bare_cr; /* a CR inside the line, or a NUL: no command has one */
};

/*
 * One whole line; blanks before the verb are skipped, as servers do. *consumed counts it with its
 * end. MALFORMED: no end within SMTP_COMMAND_LINE_MAX.
 */
enum parse_result smtp_command_parse(struct smtp_command *command, size_t *consumed,
                                     struct bytes readable);

/*
 * How many octets of one line, with or without its end, may pass without anything irrevocable
 * having passed: all, while the verb is still open or is harmless (EHLO HELO NOOP RSET QUIT HELP
 * STARTTLS), else those before the octet that commits. That is the octet behind the verb (RCPT: the
 * one that completes "RCPT TO:", or says that it will not come), the first that no known verb has
 * there, the end of an empty line; in a harmless command a NUL and what follows a CR that ends no
 * line. More octets never make fewer harmless. *verb, the verb that commits, is set only then (the
 * result is less than the line's length); octets behind the first LF are not looked at.
 */
size_t smtp_command_harmless_len(enum smtp_verb *verb, struct bytes partial);

/*
 * A line whose beginning was missed: how many of its octets are "RCPT TO" or less, as much as passes of a recipient's line before
 * it is decided. Less than all: *is_recipient says whether a colon is next, or a '<' where the colon is missing, so that a recipient
 * follows. No whole command of ours is taken for one. More octets never make fewer; those behind the first LF are not looked at.
 */
size_t smtp_recipient_rest_len(bool *is_recipient, struct bytes partial);

/* BDAT's octet count and LAST (RFC 3030). False when malformed or above 2^62. */
bool smtp_bdat_size(uint64_t *size, bool *is_last, struct bytes argument);

#endif
