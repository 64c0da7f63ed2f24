/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_MERGE_H
#define HOPGUARD_POLICY_MERGE_H

/*
 * Asks every source what a destination has promised, and makes one answer of it (policy/combine.h). DANE is asked for all, since it also
 * finds the hosts and their places; a policy is asked for at the same time; table, lists and memory are at hand.
 */

#include <stdbool.h>

#include "policy/resolver.h"
#include "verdict/evidence.h"
#include "verdict/promise.h"

enum merge_subject {
	MERGE_DOMAIN, /* a mail domain */
	MERGE_HOST,   /* a host: MX_HOST */
};

struct event_base;
struct local;
struct mtasts;
struct policy_lists;
struct seen;
struct watch_list;

/* Where promises come from; all borrowed, each but the loop, the resolver and the clocks may be NULL: then it says nothing. */
struct merge_sources {
	struct event_base *base;
	struct resolver *resolver;
	struct resolver *fresh; /* whose cache is empty, for a refresh; NULL: the other */
	struct mtasts *mtasts;
	const struct local *local;
	const struct policy_lists *lists;
	const struct watch_list *watch;
	const struct seen *seen;
	/* Monotonic, and wall clock since 1970. */
	uint64_t (*now_ms)(void);
	uint64_t (*time_ms)(void);
};

struct merge_question {
	enum merge_subject subject;
	const char *name; /* lower case A-labels */
	bool is_refresh; /* before anything is refused: a policy is fetched again, the DNS asked past the cache */
};

struct merge;

/* `destination` is valid during the callback, after which the ask is gone. */
typedef void (*merge_fn)(void *owner, const struct destination *destination);

/* `sources` must outlive the ask. NULL: out of memory. Never calls back from within. */
struct merge *merge_ask(const struct merge_sources *sources, const struct merge_question *question,
                        merge_fn fn, void *owner);
/* No callback comes. Only before it came. */
void merge_cancel(struct merge *merge);

enum {
	MERGE_STANDING_DAYS = 2, /* on so many its promise was met from here, or it is a stranger */
	MERGE_STANDING_NAMED = 1000000, /* more days than anybody lives */
};

/*
 * How well the domain is known here: 0, a stranger; the days on which its promise was met; MERGE_STANDING_NAMED by table, list or watch.
 * Without any look-up; what is not 0 makes a destination established.
 */
uint32_t merge_standing(const struct merge_sources *sources, const char *domain);

/* Whether the domain's policy, as far as it is known, names hosts, and not this one. */
bool merge_excludes(const struct merge_sources *sources, const char *domain, const char *host);
/* Whether it names this one. Of a policy that is not known, neither holds. */
bool merge_names(const struct merge_sources *sources, const char *domain, const char *host);

/* What each source says of it, for `hopguard explain`; DANE's stands with the hosts. How many. */
size_t merge_evidence(struct evidence evidence[EVIDENCE_MAX], const struct merge_sources *sources,
                      const struct destination *destination);

#endif
