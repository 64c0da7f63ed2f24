/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_SMTP_REPLY_H
#define HOPGUARD_WIRE_SMTP_REPLY_H

/* Replies of an SMTP server, line by line (RFC 5321 section 4.2). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/parse.h"

/* RFC 5321 section 4.5.3.1.5 asks for 512; servers in the field send more. */
enum { SMTP_REPLY_LINE_MAX = 2048 };

struct smtp_reply_line {
	/* 100-999 as written; whether the protocol knows it is the reader's matter. */
	uint16_t code;
	bool is_last;      /* a space, or nothing, behind the code; else a hyphen */
	bool ends_bare_lf; /* LF without CR */
	struct bytes text; /* behind the separator, without CRs and LF at the end; borrowed */
};

/*
 * *consumed counts the line with its end. MALFORMED: no code and separator in front, or no line end
 * within SMTP_REPLY_LINE_MAX.
 */
enum parse_result smtp_reply_line_parse(struct smtp_reply_line *line, size_t *consumed,
                                        struct bytes readable);

/*
 * A line of an EHLO reply that offers STARTTLS: the bare keyword, any case; trailing blanks are
 * allowed. With a parameter (RFC 3207 has none) or a blank in front it is no offer, since not every
 * client takes it for one: whoever writes that could make a strip look like a client that does not
 * ask.
 */
bool smtp_keyword_is_starttls(struct bytes text);

/*
 * A keyword as firewalls' "fixup" overwrites one: 4 or more X with at most one other letter or
 * digit behind (XXXXXXXA, XXXX); eight octets, each STARTTLS's own in its place or X or junk that
 * no keyword may hold; or STARTTLS with anything before or behind that makes it no offer.
 * Registered X- keywords (XCLIENT, XFORWARD, XEXCH50, XLOOP, XVERP, XADR, XSTA, XSHADOW, X-*) are
 * not masks.
 */
bool smtp_keyword_is_mask(struct bytes text);

/*
 * A banner as "fixup" overwrites one: four octets or more, and no letter or digit among them but X and the digits of 220,
 * which Cisco's leaves standing. Some clients say HELO then, Postfix among them.
 */
bool smtp_banner_is_mask(struct bytes text);

/* Whether a line of a banner names SMTP (ESMTP, LSMTP, ...), as real servers' do; the host's name, its first word, does not count. */
bool smtp_banner_names_smtp(struct bytes text);
/* A word of it names another protocol that opens with a code of three digits or is at home on a mail server: "FTP", "POP3". */
bool smtp_banner_names_other(struct bytes text);

/*
 * The host a banner or EHLO reply greets as: its first word, if that is a domain name of two labels
 * or more and no address; else empty. Without a trailing dot.
 */
struct bytes smtp_greeting_host(struct bytes text);

#endif
