/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_TLS_TICKET_H
#define HOPGUARD_WIRE_TLS_TICKET_H

/*
 * The NewSessionTicket message up to TLS 1.2 (RFC 5077 section 3.3), given as the whole body of the message. TLS 1.3 has another, and
 * encrypts it.
 */

#include <stdint.h>

#include "base/bytes.h"
#include "wire/parse.h"

struct tls_ticket {
	uint32_t lifetime_s; /* a hint; 0: none */
	struct bytes ticket; /* borrowed from the body; empty: the server has none after all */
};

/* MALFORMED: the ticket is not as long as what is left of the body. */
enum parse_result tls_ticket_parse(struct tls_ticket *ticket, struct bytes body);

#endif
