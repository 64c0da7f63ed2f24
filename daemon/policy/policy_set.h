/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_POLICY_SET_H
#define HOPGUARD_POLICY_POLICY_SET_H

/*
 * Domains and the policies that hold for them, many domains to one policy; filled once, then only read. Names are found by a hash with
 * a secret. A domain costs its name, a NUL and 16 to 24 octets; a policy 12 octets and its patterns.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/siphash.h"
#include "policy/mx_pattern.h"

/* Borrowed from the set. */
struct policy_view {
	enum mx_policy_mode mode;
	uint32_t mx_count;
	const char *mxs; /* mx_pattern.h; one behind the other, each with its NUL */
};

enum policy_set_result {
	POLICY_SET_OK,
	POLICY_SET_REPEATED,
	POLICY_SET_FULL /* or out of memory */
};

struct policy_set;

/* Room for that many domains. NULL: out of memory. */
struct policy_set *policy_set_new(size_t domains_max, const uint8_t secret[SIPHASH_KEY_LEN]);
void policy_set_free(struct policy_set *set);

/* A new policy, without any host: its number, or -1 when out of memory. */
int64_t policy_set_add(struct policy_set *set, enum mx_policy_mode mode);
/* To the policy that was added last. False: out of memory. */
bool policy_set_add_mx(struct policy_set *set, const char *pattern);
/* `domain` in lower case A-labels. */
enum policy_set_result policy_set_add_domain(struct policy_set *set, const char *domain,
                                             uint32_t policy);

/* Gives back what nothing more will be added to. */
void policy_set_trim(struct policy_set *set);

bool policy_set_find(struct policy_view *found, const struct policy_set *set, const char *domain);
/* In the order they were added; NULL behind the last. */
const char *policy_set_domain(const struct policy_set *set, size_t index);
size_t policy_set_count(const struct policy_set *set);
/* Octets that it holds. */
size_t policy_set_memory(const struct policy_set *set);

/* Whether the policy names that host; `host` in lower case A-labels. */
bool policy_view_allows(const struct policy_view *policy, const char *host);

#endif
