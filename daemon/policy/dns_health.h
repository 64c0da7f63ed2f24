/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_DNS_HEALTH_H
#define HOPGUARD_POLICY_DNS_HEALTH_H

/*
 * Whether DNSSEC validation works here at all: the root is looked up again and again, each time with an empty cache. A
 * forwarder that strips signatures makes everything bogus, and the operator shall read so in one line.
 */

#include <stdbool.h>

#include "policy/resolver.h"

enum {
	HEALTH_GOOD_S = 600, /* from one good test to the next */
	HEALTH_DOUBT_S = 5,  /* one failure after a good test may be a lost packet */
	HEALTH_BAD_S = 30,
	HEALTH_TEXT_MAX = 250,
};

struct dns_health;

/* After the first test, and whenever the state changes. problem: one line, empty when all is well. May not free. */
typedef void (*dns_health_fn)(void *owner, const char *problem);

/* The first test starts at once; never calls back from within. NULL: out of memory. */
struct dns_health *dns_health_new(struct event_base *base, const struct resolver_options *options,
                                  dns_health_fn fn, void *owner);
void dns_health_free(struct dns_health *health);
/* Tests again, at once. */
void dns_health_configure(struct dns_health *health, const struct resolver_options *options);

#endif
