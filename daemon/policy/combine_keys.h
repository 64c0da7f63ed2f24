/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_COMBINE_KEYS_H
#define HOPGUARD_POLICY_COMBINE_KEYS_H

/* What the promises of combine.h ask of the key, where they ask for one (PROMISE_KEY). */

#include <stdbool.h>

#include "policy/dane.h"
#include "policy/local_entry.h"
#include "verdict/promise.h"

struct key_sources {
	const struct local_entry *entry; /* NULL: there is none */
	/* By host, as in struct dane_result. */
	struct dane_keys *const *dane;
	/* The end of the domain's own CNAME chain (RFC 7672 section 3.2.2); empty: not known. */
	const char *canonical;
};

/* destination: as combine() left it. Fills in its keys; a host for which there is no room stays without. */
void combine_keys(struct destination *destination, const struct key_sources *sources);

#endif
