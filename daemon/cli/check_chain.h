/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_CHECK_CHAIN_H
#define HOPGUARD_CLI_CHECK_CHAIN_H

/* The chain of trust from the root to a name, zone by zone (RFC 4035 section 5): where it ends, and why. */

#include "cli/check_facts.h"
#include "policy/resolver.h"

/* Called once, never from within check_chain_walk. */
typedef void (*check_chain_fn)(void *owner);

/* `name` in lower case A-labels. The chain must live until then; it is empty before. False: out of memory, and nobody is called. */
bool check_chain_walk(struct resolver *resolver, struct check_chain *chain, const char *name,
                      check_chain_fn fn, void *owner);

#endif
