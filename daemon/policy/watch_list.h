/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_WATCH_LIST_H
#define HOPGUARD_POLICY_WATCH_LIST_H

/*
 * Domains that the operator wants looked up ahead of any mail, and when each is due again: one a line, U-labels allowed, empty lines
 * and what follows a # passed over. A line that is no domain is said, and the others hold.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "verdict/promise.h"

enum {
	/* What WATCH_RATE can keep fresh, were all at the shortest interval. */
	WATCH_DOMAINS_MAX = 4096,
	WATCH_RATE = 20,           /* look-ups a second */
	WATCH_INTERVAL_S = 5 * 60, /* between two of a domain, however short its TTL */
	WATCH_ANSWER_S = 60,       /* without an answer for so long, it is asked again */
	WATCH_FAULTS_MAX = 8,      /* shown; more are counted */
};

struct watch_faults {
	size_t count;
	struct watch_fault {
		unsigned line; /* from 1 */
		const char *rule;
	} shown[WATCH_FAULTS_MAX];
};

struct watch_list;

/* NULL: out of memory. */
struct watch_list *watch_list_parse(struct watch_faults *faults, struct bytes text);
/* The first WATCH_DOMAINS_MAX that `at` names, one after the other until NULL; lower case A-labels. NULL: out of memory. */
struct watch_list *watch_list_of(const char *(*at)(const void *owner, size_t index),
                                 const void *owner);
void watch_list_free(struct watch_list *list);

size_t watch_list_count(const struct watch_list *list);
/* `domain` in lower case A-labels, as in all that follow. */
bool watch_list_has(const struct watch_list *list, const char *domain);

/* What another list knew of the same domains; all others are due at once. */
void watch_list_adopt(struct watch_list *list, const struct watch_list *old);
/* One that is due, and was not asked for meanwhile; NULL: none. */
const char *watch_list_due(struct watch_list *list, uint64_t now_ms);
/* An answer came, to whoever asked; nothing happens when the domain is not in the list. */
void watch_list_learn(struct watch_list *list, const char *domain, uint32_t ttl_s, uint64_t now_ms);

#endif
