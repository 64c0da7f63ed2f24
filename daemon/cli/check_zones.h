/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_CHECK_ZONES_H
#define HOPGUARD_CLI_CHECK_ZONES_H

/* The zones that a domain's mail hangs from, its own and those of its MX hosts, and the addresses of all their name servers. */

#include "cli/check_facts.h"
#include "policy/resolver.h"

struct check_zones {
	bool has_domain;          /* the domain's own zone is known: the first */
	uint8_t of[MX_HOSTS_MAX]; /* each host's; CHECK_ASKED_MAX: not known, or one too many */
};

/* Called once, never from within check_zones_find. */
typedef void (*check_zones_fn)(void *owner);

/*
 * For facts->destination and the names that the hosts' TLSA records stand at (facts->hosts[].tlsa.base): zones and servers of the facts
 * are filled in, nobody was asked yet. Both must live until then. False: out of memory, and nobody is called.
 */
bool check_zones_find(struct check_zones *zones, struct resolver *resolver,
                      struct check_facts *facts, check_zones_fn fn, void *owner);

#endif
