/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ENQUIRIES_H
#define HOPGUARD_ENQUIRIES_H

/* The scout's open look-ups: each destination once, whoever and however many ask for it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "policy/merge.h"

enum {
	ENQUIRIES_MAX = 1024,         /* beyond, a question is put off: the guard asks again */
	ENQUIRIES_AHEAD_MAX = 512,    /* beyond, nothing is looked up ahead: the rest is for mail */
	ENQUIRY_EXPLANATIONS_MAX = 8, /* operators who wait for the same name */
	ENQUIRY_RENEWALS_MAX =
		2, /* times that one is overtaken: who makes news all the time delays nobody's mail */
};

/* Who waits for the answer. */
struct enquirers {
	uint64_t guards;                                 /* a bit for each index */
	uint32_t explanations[ENQUIRY_EXPLANATIONS_MAX]; /* request numbers */
	uint8_t explanation_count;
	bool is_ahead;
};

struct enquiries;

/* Called once for each look-up that ends; the enquiry is gone already. */
typedef void (*enquiry_fn)(void *owner, const struct enquirers *enquirers,
                           const struct destination *destination);

/* sources are borrowed. NULL: out of memory. */
struct enquiries *enquiries_new(const struct merge_sources *sources,
                                const uint8_t secret[TABLE_SECRET_LEN], enquiry_fn fn, void *owner);
/* Open look-ups end without a callback. */
void enquiries_free(struct enquiries *enquiries);

/*
 * For mail of that client, which has a share: as many as are free when it begins one more. False: no room, nothing will come. Family 0:
 * the client is not known.
 */
bool enquiries_ask_for_guard(struct enquiries *enquiries, const struct merge_question *question,
                             unsigned guard, const struct address *client);
/* For mail that may follow: every guard is answered. False also from ENQUIRIES_AHEAD_MAX on. */
bool enquiries_ask_ahead(struct enquiries *enquiries, enum merge_subject subject, const char *name);
bool enquiries_ask_for_explanation(struct enquiries *enquiries, enum merge_subject subject,
                                   const char *name, uint32_t request);
/* What the open look-ups began with has changed: they begin anew. */
void enquiries_renew(struct enquiries *enquiries);
/*
 * The same for those that may be answered from a cache, as they end: by then it may be older than what is known. After
 * ENQUIRY_RENEWALS_MAX times the answer goes out as it is.
 */
void enquiries_overtake(struct enquiries *enquiries);
size_t enquiries_count(const struct enquiries *enquiries);
/* Whom the look-up of an address is for: its questions take turns with those of others. */
struct party enquiries_party(const struct enquiries *enquiries, const struct address *client,
                             const char *destination);

#endif
