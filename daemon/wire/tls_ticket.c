/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tls_ticket.h"

enum parse_result tls_ticket_parse(struct tls_ticket *ticket, struct bytes body)
{
	struct cursor fields = cursor_over(body);
	struct tls_ticket parsed = { .lifetime_s = cursor_u32(&fields) };

	parsed.ticket = cursor_vector16(&fields);
	if (!cursor_finished(&fields))
		return PARSE_MALFORMED;
	*ticket = parsed;
	return PARSE_OK;
}
