/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_CHECK_SERVERS_H
#define HOPGUARD_CLI_CHECK_SERVERS_H

/*
 * Every name server of a domain's zone and of its MX hosts' zones, asked by itself: a resolver passes over the one that is broken, until
 * it happens to need it. In a signed zone each answer's signatures are verified.
 */

#include "cli/check_facts.h"
#include "policy/resolver.h"

struct event_base;

/* Called once, never from within check_servers_ask. */
typedef void (*check_servers_fn)(void *owner);

/*
 * For facts->destination, whose MX hosts are known: servers and their count are filled in. The facts must live until then. False: out of
 * memory, and nobody is called.
 */
bool check_servers_ask(struct event_base *base, struct resolver *resolver,
                       struct check_facts *facts, check_servers_fn fn, void *owner);

#endif
