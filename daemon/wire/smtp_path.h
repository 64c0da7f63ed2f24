/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_SMTP_PATH_H
#define HOPGUARD_WIRE_SMTP_PATH_H

/* The mailbox that a RCPT or MAIL command names (RFC 5321 sections 4.1.1.3 and 4.1.2). */

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* RFC 5321 section 4.5.3.1.2. */
enum { SMTP_DOMAIN_MAX = 255 };

enum smtp_path_kind {
	SMTP_PATH_DOMAIN,  /* a domain follows */
	SMTP_PATH_LITERAL, /* an address literal: the domain is its text with the brackets */
	SMTP_PATH_LOCAL,   /* no domain: <postmaster>, <> */
	SMTP_PATH_MALFORMED,
};

/*
 * The domain of a "TO:<path>" or "FROM:<path>" argument, behind the last '@' outside quotes: source
 * routes are skipped, quoted local parts and quoted pairs respected, blanks around the path and
 * missing angle brackets tolerated as servers do. A trailing dot is dropped. domain is a view of
 * the argument in the sender's spelling, labels of letters, digits, '-', '_' and octets above 127
 * (RFC 6531; not checked to be UTF-8), written only for DOMAIN and LITERAL. MALFORMED is also what
 * two servers could read as two domains: a second path, quotes left open.
 */
enum smtp_path_kind smtp_path_domain(struct bytes *domain, struct bytes argument);

/*
 * Where a command's path is MALFORMED, what a tolerant server may still read as its domain: a name behind the last '@' before the
 * first '>'. Empty: none.
 */
struct bytes smtp_path_likely_domain(struct bytes line);

#endif
