/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_EVENT_OUTLET_H
#define HOPGUARD_EVENT_OUTLET_H

/*
 * The event file as the supervisor has it open for the ledger: anew at each reload, and again and again where it could not be opened.
 * Nobody's mail waits for it. Told as `degraded`, subject `event file`, and as `recovered`.
 */

#include <stdbool.h>
#include <stdint.h>

#include "children.h"
#include "resources.h"
#include "settings.h"
#include "verdict/event.h"

enum { EVENT_OUTLET_AGAIN_MS = 10 * 1000 };

struct event_outlet {
	struct resources *resources; /* whose event_file it is */
	int next;                    /* of a reload that is under way; -1: none */
	bool is_told;                /* that it cannot be written */
	uint64_t tried_ms;           /* 0: not yet */
	void (*tell)(void *owner, enum event_kind kind, const char *subject, const char *text);
	void *owner;
};

/*
 * What a reload begins with: event_outlet_take or event_outlet_discard follows. One that was not open before, and cannot be now, goes on
 * without. 0, or -errno with one line in error.
 */
int event_outlet_reopen(struct event_outlet *outlet, const struct config *was,
                        const struct config *now, char error[CONFIG_ERROR_MAX]);
void event_outlet_take(struct event_outlet *outlet);
void event_outlet_discard(struct event_outlet *outlet);

/* Once a second, by the monotonic clock. */
void event_outlet_look(struct event_outlet *outlet, const struct settings *settings,
                       struct children *children, uint64_t now_ms);

#endif
