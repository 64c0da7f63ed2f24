/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ATTACHED_H
#define HOPGUARD_ATTACHED_H

/*
 * Networks that are attached to this machine while hopguard runs: with `clients` at its default they are guarded as those that were there
 * when it started. Told as `reloaded`; what cannot be put into the rules as `degraded`, subject `clients`, and tried again.
 */

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "verdict/event.h"

enum {
	/* An interface is given its address first and its default route a while later: until that is there, it looks as if it led inside. */
	ATTACHED_QUIET_MS = 2000,
	/* Where something changes all the time. */
	ATTACHED_PATIENCE_MS = 10 * 1000,
	/* Until what failed is tried again. */
	ATTACHED_RETRY_MS = 5000,
	/* Without the kernel's notices. */
	ATTACHED_UNWATCHED_MS = 30 * 1000,
	/* To read a large routing table takes a while: so many times that long it is left alone. */
	ATTACHED_REST = 20,
};

struct routes_watch;

struct attached_hooks {
	/* The rules as they are now. 0: they are in. */
	int (*put_in)(void *owner);
	void (*tell)(void *owner, enum event_kind kind, const char *subject, const char *text);
};

struct attached {
	const struct attached_hooks *hooks;
	void *owner;
	struct routes_watch *watch; /* NULL: none was to be had, so it looks now and then */
	bool is_due;
	/* The first and the last change that nobody looked at yet. */
	uint64_t first_ms, last_ms;
	uint64_t looked_ms, rests_until_ms;
	const char *trouble; /* as it was told; NULL: none */
};

/* What changed between settings_read and this is seen at the first look. hooks are borrowed. */
void attached_open(struct attached *attached, const struct attached_hooks *hooks, void *owner,
                   uint64_t now_ms);
void attached_close(struct attached *attached);

/* The configuration is another. */
void attached_note(struct attached *attached, uint64_t now_ms);
/* Once a second, while the rules are in. True: whom they guard is another. */
bool attached_look(struct attached *attached, struct config *config, uint64_t now_ms);

#endif
