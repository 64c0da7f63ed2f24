/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_RESOLVER_CONTEXT_H
#define HOPGUARD_POLICY_RESOLVER_CONTEXT_H

/* How libunbound is set up: trust anchors, root hints, forwarders, bounds. */

#include <stdbool.h>

#include "policy/resolver.h"

struct ub_ctx;

enum { RESOLVER_TROUBLE_MAX = RESOLVER_PATH_MAX + 200 };

/* The root's keys as DS records, for use where there is no tracked file: KSK-2017 and KSK-2024. */
extern const char *const resolver_root_anchors[];

/*
 * is_tracked: RFC 5011 in the state directory is tried; where it cannot be, `trouble` says why and the built-in anchors
 * stand. 0 or -errno.
 */
int resolver_context_new(struct ub_ctx **made, char trouble[RESOLVER_TROUBLE_MAX],
                         struct event_base *base, const struct resolver_options *options,
                         bool is_tracked);

#endif
