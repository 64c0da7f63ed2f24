/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_POLICY_LISTS_H
#define HOPGUARD_POLICY_POLICY_LISTS_H

/*
 * The policy lists of this machine, in the configuration's order: the first one that names a domain counts, among those that have not
 * expired. A list older than the newest ever taken from the same path is refused. How long a list holds is found by the wall
 * clock when it is taken, and counted by one that cannot be set from then on: a clock that steps neither revives a list nor kills it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "policy/policy_list.h"
#include "verdict/row.h"

enum {
	POLICY_LISTS_MAX = 8,
	POLICY_LISTS_REMEMBERED_MAX =
		32, /* paths whose newest timestamp is known, configured or not */
};

/* Monotonic, and wall clock since 1970. */
struct policy_moment {
	uint64_t now_ms;
	uint64_t time_ms;
};

struct policy_list_offer {
	const char *path;
	struct bytes text;
	bool is_signed;
};

enum listed_state {
	LISTED_NOT,
	LISTED_TESTING, /* to be told, not to be enforced */
	LISTED_ENFORCE,
	LISTED_EXPIRED, /* only by lists that have expired: as if it promised nothing, to be told */
};

/* Borrowed until the next call that changes the lists. */
struct listed {
	enum listed_state state;
	struct policy_view policy;
	const char *path;
	bool is_signed;
	uint32_t age_s;  /* since the list's timestamp when it was taken */
	uint32_t left_s; /* 0: expired */
};

/* What a list in use says of itself. */
struct policy_list_facts {
	uint64_t timestamp_s;
	uint64_t expires_s;
	size_t domains;
	size_t memory; /* octets */
	bool is_expired;
};

struct policy_lists;

/* NULL: out of memory. */
struct policy_lists *policy_lists_new(const uint8_t secret[SIPHASH_KEY_LEN]);
void policy_lists_free(struct policy_lists *lists);

/* Their paths, in order; a list of another path is dropped. At most POLICY_LISTS_MAX. */
void policy_lists_configure(struct policy_lists *lists, const char *const *paths, size_t count);

/*
 * Puts it in the place of the one before; that one stays when this one is not good. 0, or -errno with one line in error (that does not
 * name the path): -ESTALE: older than the newest that was taken, -EINVAL: malformed, -ENOENT: no such path is configured.
 */
int policy_lists_take(struct policy_lists *lists, const struct policy_list_offer *offer,
                      struct policy_moment moment, char error[POLICY_LIST_ERROR_MAX]);

/* What an earlier process remembered. True: the list in use from that path is older, and was dropped. */
bool policy_lists_recall(struct policy_lists *lists, const struct row_list *row);
/* What is newer than anything recalled or saved, one at a time until policy_lists_note_saved. False: nothing. */
bool policy_lists_unsaved(struct row_list *row, const struct policy_lists *lists);
void policy_lists_note_saved(struct policy_lists *lists, const struct row_list *row);

/* False (and LISTED_NOT): no list names it. `domain` in lower case A-labels. */
bool policy_lists_find(struct listed *listed, const struct policy_lists *lists, const char *domain,
                       uint64_t now_ms);
/* The domains of all lists in use, one list behind the other; NULL behind the last. */
const char *policy_lists_domain(const struct policy_lists *lists, size_t index);
/* False: no list in use from that path. */
bool policy_lists_facts(struct policy_list_facts *facts, const struct policy_lists *lists,
                        const char *path, uint64_t now_ms);
/* The path of a list that has expired since it was taken, each once; NULL: none. */
const char *policy_lists_expired(struct policy_lists *lists, uint64_t now_ms);

#endif
