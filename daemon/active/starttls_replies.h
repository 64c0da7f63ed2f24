/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ACTIVE_STARTTLS_REPLIES_H
#define HOPGUARD_ACTIVE_STARTTLS_REPLIES_H

/* The replies of the server, from octets as they come to what the result keeps of them. */

#include "active/starttls_result.h"
#include "wire/smtp_reply.h"

enum {
	REPLY_LINES_MAX =
		256, /* of one reply; the longest real ones are a page of legal text in the banner */
	REPLY_OCTETS_MAX =
		2 *
		SMTP_REPLY_LINE_MAX, /* so that there is always room behind an incomplete line */
};

/* Zeroed it is empty. Who reads from the server puts it behind `len`. */
struct starttls_replies {
	size_t len;
	size_t line_count; /* of the reply that is being read */
	uint8_t octets[REPLY_OCTETS_MAX];
};

enum reply_progress {
	REPLY_INCOMPLETE,
	REPLY_COMPLETE,  /* result->code and ->reply are of it */
	REPLY_MALFORMED, /* no SMTP, or without an end: result->reply has what came */
};

/*
 * Takes the reply to that step (BANNER, EHLO, ASKED) from the front of the octets as far as it is there, and what it says into the
 * result. COMPLETE: what is left came behind it.
 */
enum reply_progress starttls_replies_take(struct starttls_replies *replies,
                                          struct starttls_result *result, enum starttls_step step);

#endif
