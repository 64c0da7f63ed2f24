/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_SUPPORT_TALKER_H
#define HOPGUARD_TESTS_SUPPORT_TALKER_H

/* An end of a connection that loses nothing: it has heard all that the other said so far. */

#include <stdint.h>

#include "wire/craft.h"
#include "wire/packet.h"

struct talker {
	struct endpoint endpoint;
	uint32_t seq; /* of what it says next */
};

/* A segment to the other, as it goes out now. The payload is borrowed. */
static inline struct craft talker_says(struct talker *self, const struct talker *other,
                                       uint8_t flags, struct bytes payload)
{
	const struct craft craft = {
		.source = self->endpoint,
		.destination = other->endpoint,
		.seq = self->seq,
		.ack = flags & TCP_ACK ? other->seq : 0,
		.window = 64240,
		.flags = flags,
		.payload = payload,
	};

	self->seq += (uint32_t)payload.len + (flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
	return craft;
}

#endif
