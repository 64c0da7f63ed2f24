/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_CHECK_HOST_H
#define HOPGUARD_CLI_CHECK_HOST_H

/* What DNS says of an MX host beyond its promise: whether it is an alias, or not there, and every TLSA record, usable or not. */

#include "cli/check_facts.h"
#include "policy/resolver.h"

/* Called once, never from within check_host_ask. */
typedef void (*check_host_fn)(void *owner);

/*
 * `mx` as DANE's look-up left it; host->tlsa.base is the name that its records stand at. Both must live until then. False: out of memory,
 * and nobody is called.
 */
bool check_host_ask(struct resolver *resolver, struct check_host *host, const struct mx_host *mx,
                    check_host_fn fn, void *owner);

#endif
