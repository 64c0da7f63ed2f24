/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_SCOUT_H
#define HOPGUARD_SCOUT_H

#include "policy/resolver.h"
#include "supervisor.h" /* loop, channels, heartbeat and reload: process.h */

/* The scout process: questions in, look-ups out, answers back. Returns an exit status. */
int scout_run(const struct child *child);

/* The resolver that the configuration asks for; for others who look up as the scout does, without tracking of keys. */
void scout_resolver_options(struct resolver_options *options, const struct config *config);

#endif
