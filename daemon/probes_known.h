/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_PROBES_KNOWN_H
#define HOPGUARD_PROBES_KNOWN_H

/* What probes saw, by the hash of what was asked; of too much, what was unused for longest goes. */

#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "config.h"
#include "messages.h"

/* Who is to be told: at most one question of each guard. */
struct probe_askers {
	uint64_t guards; /* a bit for each index */
	uint64_t keys[CONFIG_QUEUES_MAX];
};

struct probe_known {
	uint64_t seen_ms;    /* when it ended */
	uint64_t used_ms;    /* when it was asked for last */
	uint64_t refresh_ms; /* when to look anew, if it is in use; 0: not planned */
	struct probe_askers askers;
	struct message_probe asked; /* to ask the same again */
	size_t octets;
	struct message_probed *seen; /* as long as its chain is */
};

struct probes_known;

/* NULL: out of memory. octets_max: of what was seen, in all. */
struct probes_known *probes_known_new(size_t capacity, size_t octets_max,
                                      const uint8_t secret[TABLE_SECRET_LEN]);
void probes_known_free(struct probes_known *known);

/* NULL: nothing. Valid until the next put. */
struct probe_known *probes_known_find(struct probes_known *known, uint64_t hash);
/* Copies `seen`, in the place of what was there; all else but the octets stays. NULL: out of memory, or too large. */
struct probe_known *probes_known_put(struct probes_known *known, uint64_t hash,
                                     const struct message_probed *seen);
size_t probes_known_count(const struct probes_known *known);
/* One by one, from the oldest; NULL at the end. `last` NULL: the first. */
struct probe_known *probes_known_next(const struct probes_known *known, uint64_t *hash,
                                      const struct probe_known *last);

#endif
