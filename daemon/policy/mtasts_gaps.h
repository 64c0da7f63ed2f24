/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_MTASTS_GAPS_H
#define HOPGUARD_POLICY_MTASTS_GAPS_H

/*
 * Domains whose TXT record promises a policy that cannot be had, while none is cached: mail to them goes as if they had promised
 * nothing (RFC 8461 section 3.3), so they are tried again early, and told of. All times monotonic milliseconds.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "policy/mtasts_lookup.h"
#include "verdict/promise.h"

enum { GAPS_MAX = 4096 };

struct mtasts_gap {
	char domain[DOMAIN_NAME_MAX];
	char why[LOOKUP_WHY_MAX];
	unsigned failures; /* in a row */
	bool is_unknown;   /* not even the record could be looked up: nothing may be promised */
	uint64_t tried_ms;
	uint64_t retry_ms;
	uint64_t asked_ms;
	uint64_t told_ms; /* 0: never */
};

struct mtasts_gaps;

/* NULL: out of memory. */
struct mtasts_gaps *mtasts_gaps_new(const uint8_t secret[TABLE_SECRET_LEN]);
void mtasts_gaps_free(struct mtasts_gaps *gaps);

/* NULL: none. Valid until another is made or one removed. */
struct mtasts_gap *mtasts_gaps_find(struct mtasts_gaps *gaps, const char *domain);
/* One that is not there yet; the one found longest ago leaves where there is no room. NULL: out of memory. */
struct mtasts_gap *mtasts_gaps_add(struct mtasts_gaps *gaps, const char *domain);
void mtasts_gaps_remove(struct mtasts_gaps *gaps, const char *domain);
/* One to be tried again, which was asked for at asked_since_ms or later; its retry_ms is to be moved. NULL: none. */
struct mtasts_gap *mtasts_gaps_due(struct mtasts_gaps *gaps, uint64_t now_ms,
                                   uint64_t asked_since_ms);
size_t mtasts_gaps_count(const struct mtasts_gaps *gaps);

#endif
