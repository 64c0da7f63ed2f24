/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_SOCKETS_H
#define HOPGUARD_SOCKETS_H

/* Sockets that the supervisor makes for the scout, which has no right to: so many a second at most, whatever the scout may want. */

#include <stdint.h>

#include "config.h"
#include "messages.h"

enum { SOCKETS_PER_SECOND = 256 };

struct children;

/* Zeroed at first. */
struct sockets {
	uint64_t second;
	unsigned made;
};

/* Answers, with a socket or without. */
void sockets_serve(struct sockets *sockets, struct children *children,
                   const struct message_sockets *request, const struct config *config,
                   uint64_t now_ms);

#endif
