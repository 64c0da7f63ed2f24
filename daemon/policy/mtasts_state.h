/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_MTASTS_STATE_H
#define HOPGUARD_POLICY_MTASTS_STATE_H

/*
 * What the engine's files share: mtasts.c (asks, and the look-ups that they wait for), mtasts_keep.c (policies are taken, renewed, saved,
 * and end), mtasts_view.c (what is known, as answer and evidence).
 */

#include <sys/queue.h>

#include "policy/mtasts.h"
#include "policy/mtasts_cache.h"
#include "policy/mtasts_gaps.h"

enum { MTASTS_FAILED_TTL_S = 30 /* a mail may have the record looked up again so soon */ };

struct mtasts_enquiry;

struct mtasts_ask {
	TAILQ_ENTRY(mtasts_ask)
	link; /* of the enquiry it waits for, else of those that are ready */
	struct mtasts *mtasts;
	struct mtasts_enquiry *enquiry; /* NULL: ready */
	mtasts_fn fn;
	void *owner;
	uint64_t deadline_ms;
	char domain[DOMAIN_NAME_MAX];
	/* What it is answered where neither a policy nor a gap is known. */
	enum mtasts_state otherwise;
	uint32_t ttl_s;
	char why[MTASTS_WHY_MAX];
};

TAILQ_HEAD(mtasts_ask_list, mtasts_ask);

/* One look-up, and all who wait for it. */
struct mtasts_enquiry {
	TAILQ_ENTRY(mtasts_enquiry) link;
	struct mtasts *mtasts;
	struct mtasts_lookup *lookup;
	bool is_forced;
	bool is_behind; /* nobody waits for it */
	struct mtasts_ask_list asks;
	char domain[DOMAIN_NAME_MAX];
};

TAILQ_HEAD(mtasts_enquiry_list, mtasts_enquiry);

struct mtasts {
	struct resolver *resolver;
	struct mtasts_options options;
	struct mtasts_hooks hooks;
	void *owner;
	struct event *deliver;
	struct mtasts_fetcher *fetcher;
	struct mtasts_cache *cache;
	struct mtasts_gaps *gaps;
	struct mtasts_enquiry_list enquiries;
	struct mtasts_ask_list ready;
	size_t enquiry_count;
	size_t behind_count;
	size_t ask_count;
	unsigned renewals_left; /* in this second */
	uint64_t random_count;
	struct row row; /* room, as these are large */
};

/* mtasts.c */
uint64_t mtasts_random(struct mtasts *mtasts);
struct mtasts_enquiry *mtasts_enquiry_of(const struct mtasts *mtasts, const char *domain);
/* A look-up that nobody waits for. False: there is no room for one now. */
bool mtasts_look_behind(struct mtasts *mtasts, const char *domain, bool is_forced);

/* mtasts_keep.c */
/* What was found becomes what is known. */
void mtasts_keep(struct mtasts *mtasts, const char *domain, const struct mtasts_finding *finding);
/* Each entry whose time has come. */
void mtasts_keep_tick(struct mtasts *mtasts);
/* Its standing, as it is now: it stays, others may leave. */
void mtasts_keep_stand(struct mtasts *mtasts, struct mtasts_entry *entry);
void mtasts_on_leave(void *owner, const struct mtasts_entry *entry);

#endif
