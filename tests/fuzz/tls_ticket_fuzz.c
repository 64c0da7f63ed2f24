/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The body of a NewSessionTicket: what was read puts together to the whole body again, and a body that is cut is none. */

#include "require.h"

#include "wire/tls_ticket.h"

enum { HEAD_LEN = 4 + 2, CUTS_MAX = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes body = exact_copy(bytes_of(data, len));
	struct tls_ticket ticket;

	if (tls_ticket_parse(&ticket, body) == PARSE_OK) {
		uint8_t head[HEAD_LEN];

		REQUIRE(body.len == HEAD_LEN + ticket.ticket.len);
		put_u32(head, ticket.lifetime_s);
		put_u16(head + 4, (uint16_t)ticket.ticket.len);
		REQUIRE(bytes_equal(bytes_slice(body, 0, HEAD_LEN), bytes_of(head, HEAD_LEN)));
		REQUIRE(ticket.ticket.len == 0 || ticket.ticket.data == body.data + HEAD_LEN);
		for (size_t cut = 0; cut < len; cut += 1 + len / CUTS_MAX)
			REQUIRE(tls_ticket_parse(&ticket, exact_cut(body, cut)) == PARSE_MALFORMED);
	}
	exact_free(body);
	return 0;
}
