/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_SOCKETS_H
#define HOPGUARD_SOCKETS_H

/*
 * Sockets that the supervisor makes for the scout, which has no right to: in nobody's name but a guarded client's, and so many a second
 * at most, whatever the scout may want.
 */

#include <stdint.h>

#include "base/rate.h"
#include "config.h"
#include "messages.h"

enum { SOCKETS_PER_SECOND = 256 };

struct children;

/* Zeroed at first. */
struct sockets {
	struct rate made;
};

/* A descriptor or -errno: -EPERM in the name of anybody else, -EAGAIN beyond the bound. */
int sockets_make(struct sockets *sockets, const struct message_sockets *request,
                 const struct rules *rules, uint64_t now_ms);
/* Answers, with a socket or without. */
void sockets_serve(struct sockets *sockets, struct children *children,
                   const struct message_sockets *request, const struct config *config,
                   uint64_t now_ms);

#endif
