/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_MENTIONS_H
#define HOPGUARD_POLICY_MENTIONS_H

/*
 * Who stands at one address: the MX hosts that answers name there, the strongest promises where many do. So nobody's many names for an
 * address drive a promise out. A mention holds its record; what is released is given back in octets.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/destination_record.h"

enum { MENTIONS_MAX = 8 /* names that may share an address and are told apart */ };

/* An MX host at an address, as the latest answer that names it tells. */
struct mention {
	struct record *record; /* held; NULL: free */
	uint8_t place;
};

/* Zeroed it is empty. */
struct mentions {
	struct mention mention[MENTIONS_MAX];
	bool is_crowded; /* somebody had to go, or found no place */
};

bool mention_is_fresh(const struct mention *mention, uint64_t now_ms);

/* That place of the record, in place of what the same name said, of what it proves wrong, or of the weakest. Octets released. */
size_t mentions_add(struct mentions *mentions, struct record *record, size_t place,
                    uint64_t now_ms);
/* What that record says, or (NULL) what anybody does. Octets released. */
size_t mentions_remove(struct mentions *mentions, const struct record *record);
/* Of the fresh ones. NULL: there is none. */
const struct mention *mentions_strongest(const struct mentions *mentions, uint64_t now_ms);

#endif
