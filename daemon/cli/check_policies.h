/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_CHECK_POLICIES_H
#define HOPGUARD_CLI_CHECK_POLICIES_H

/* What a domain says of itself beside DANE, and what others say of it: MTA-STS, TLSRPT, the policy lists of this machine. */

#include "cli/check_facts.h"
#include "cli/check_world.h"

/* Called once for each that was begun, never from within. */
typedef void (*check_policies_fn)(void *owner);

/* How many were begun. */
size_t check_policies_ask(struct check_world *world, struct check_facts *facts, const char *domain,
                          check_policies_fn fn, void *owner);
void check_list_find(const struct check_world *world, struct check_facts *facts,
                     const char *domain);
/* Each MX host against policy and list, once all are known. */
void check_policies_hold(const struct check_world *world, struct check_facts *facts);

#endif
