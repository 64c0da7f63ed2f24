/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_MTASTS_LOOKUP_H
#define HOPGUARD_POLICY_MTASTS_LOOKUP_H

/* What a domain says of MTA-STS now: its TXT record, the addresses of its policy host, its policy file (RFC 8461 section 3). */

#include <stdbool.h>
#include <stdint.h>

#include "policy/mtasts_fetch.h"
#include "policy/resolver.h"
#include "wire/mtasts_text.h"

enum { LOOKUP_WHY_MAX = 320 };

enum mtasts_found {
	MTASTS_FOUND_FAILED,  /* the TXT record cannot be looked up: nothing is known */
	MTASTS_FOUND_NOTHING, /* no TXT record, or what counts as none: why says which */
	MTASTS_FOUND_SAME,    /* the known id: the file was not asked for */
	MTASTS_FOUND_POLICY,
	MTASTS_FOUND_BROKEN, /* a policy was promised, and no valid one is to be had */
};

/* Valid during the callback. */
struct mtasts_finding {
	enum mtasts_found found;
	uint32_t ttl_s; /* of NOTHING: how long that holds */
	const char *id; /* of SAME, POLICY and BROKEN */
	struct mtasts_policy policy;
	struct bytes text;
	const char *why; /* one line; empty for SAME and POLICY */
};

struct mtasts_lookup;

/* Never called from within mtasts_lookup_start; the look-up is gone after it. */
typedef void (*mtasts_lookup_fn)(void *owner, const struct mtasts_finding *finding);

/* False: the name is so long that there can be no _mta-sts below it. */
bool mtasts_lookup_is_possible(const char *domain);
/*
 * `domain`, a possible one, in lower case A-labels. known_id: no file is fetched while the record has that one; "" for none. NULL: out of
 * memory.
 */
struct mtasts_lookup *mtasts_lookup_start(struct resolver *resolver, struct mtasts_fetcher *fetcher,
                                          const char *domain, const char *known_id, bool is_urgent,
                                          mtasts_lookup_fn fn, void *owner);
/* The file is to be fetched whatever the id is. */
void mtasts_lookup_force(struct mtasts_lookup *lookup);
/* Whether it knows already that a policy is promised. */
bool mtasts_lookup_has_record(const struct mtasts_lookup *lookup);
/* No callback comes. Only before it came. */
void mtasts_lookup_cancel(struct mtasts_lookup *lookup);

#endif
