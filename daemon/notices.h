/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_NOTICES_H
#define HOPGUARD_NOTICES_H

/* The supervisor's own events: what cannot be told now waits for the next ledger, in order. */

#include <stddef.h>

#include "children.h"

/* More are said to standard error only. */
enum { NOTICES_MAX = 32 };

struct notices {
	struct message_event messages[NOTICES_MAX];
	size_t count;
};

/* event: kind, mode, subject and text count. children NULL: none yet. Without a ledger that is ready, it is also said to standard error. */
void notices_add(struct notices *notices, struct children *children, const struct event *event);
/* Whenever a ledger may be there. */
void notices_send(struct notices *notices, struct children *children);

#endif
