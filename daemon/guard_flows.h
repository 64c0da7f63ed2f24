/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_GUARD_FLOWS_H
#define HOPGUARD_GUARD_FLOWS_H

/* A guard's connections, row by row, for `hopguard flows`. */

#include <stdbool.h>
#include <stdint.h>

#include "base/rate.h"
#include "messages.h"

enum { FLOWS_TOLD_MAX = 1000, FLOWS_ASKED_MAX = 8 /* a second */ };

struct gate;
struct process;

/* Zeroed at first. */
struct guard_flows {
	struct rate asked;
};

/* To the ledger, who asked. False: too often, and nothing is told: packets wait meanwhile. */
bool guard_flows_tell(struct guard_flows *flows, struct process *process, struct gate *gate,
                      const struct message_flows *request);

#endif
