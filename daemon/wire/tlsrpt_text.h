/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_TLSRPT_TEXT_H
#define HOPGUARD_WIRE_TLSRPT_TEXT_H

/* The TXT record at _smtp._tls.DOMAIN, by which a domain asks for reports about TLS (RFC 8460 section 3). */

#include <stddef.h>

#include "base/bytes.h"

enum {
	TLSRPT_TXT_MAX = 1024, /* of one record's joined strings */
	TLSRPT_RUA_MAX = 256,
};

enum tlsrpt_state {
	TLSRPT_NONE, /* no record is one of TLSRPT */
	TLSRPT_FOUND,
	TLSRPT_INVALID, /* the domain gets no reports */
};

/* What a record set says, record by record. Zeroed, nothing was said. */
struct tlsrpt {
	size_t count; /* records that start "v=TLSRPTv1;": the others are not of TLSRPT */
	const char *
		fault; /* NULL, or the rule that the last such record breaks; static, fits one line */
	char rua[TLSRPT_RUA_MAX]; /* as it is written; cut */
};

/* rdata: the strings of one record, each behind its length (RFC 1035 section 3.3.14). */
void tlsrpt_add(struct tlsrpt *tlsrpt, struct bytes rdata);
enum tlsrpt_state tlsrpt_state(const struct tlsrpt *tlsrpt);
/* Why it is INVALID; else "". */
const char *tlsrpt_why(const struct tlsrpt *tlsrpt);

#endif
