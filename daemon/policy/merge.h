/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_MERGE_H
#define HOPGUARD_POLICY_MERGE_H

/*
 * Asks every source what a destination has promised, and makes one answer of it. DANE is asked first: it also finds the
 * hosts and their places, to which the promises of other sources are added.
 */

#include "policy/resolver.h"
#include "verdict/promise.h"

enum merge_subject {
	MERGE_DOMAIN, /* a mail domain */
	MERGE_HOST,   /* a host: MX_HOST */
};

/* Where promises come from; all borrowed. */
struct merge_sources {
	struct resolver *resolver;
};

struct merge;

/* `destination` is valid during the callback, after which the ask is gone. */
typedef void (*merge_fn)(void *owner, const struct destination *destination);

/* `name` in lower case A-labels. NULL: out of memory. Never calls back from within. */
struct merge *merge_ask(const struct merge_sources *sources, enum merge_subject subject,
                        const char *name, merge_fn fn, void *owner);
/* No callback comes. Only before it came. */
void merge_cancel(struct merge *merge);

#endif
