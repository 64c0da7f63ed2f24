/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_REVERSE_H
#define HOPGUARD_POLICY_REVERSE_H

/*
 * What the reverse zone calls an address (RFC 1035 section 3.5, RFC 3596 section 2.5). Whoever owns the zone writes what he likes into
 * it: a name is a candidate, and counts only when a validated look-up leads back to the address.
 */

#include <stddef.h>

#include "base/address.h"
#include "policy/resolver.h"

enum { REVERSE_NAMES_MAX = 4 };

struct reverse_names {
	size_t count;
	char names[REVERSE_NAMES_MAX][DOMAIN_NAME_MAX]; /* lower case A-labels */
};

struct reverse;

/* `names` is valid during the callback, after which the ask is gone. */
typedef void (*reverse_fn)(void *owner, const struct reverse_names *names);

/* "25.100.51.198.in-addr.arpa" */
void reverse_name(char name[DOMAIN_NAME_MAX], const struct address *address);

/* NULL: out of memory. Never calls back from within. */
struct reverse *reverse_ask(struct resolver *resolver, const struct address *address, reverse_fn fn,
                            void *owner);
/* No callback comes. Only before it came. */
void reverse_cancel(struct reverse *reverse);

#endif
