/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_GUARD_NAMES_H
#define HOPGUARD_GUARD_NAMES_H

/* A guard among others: names of sessions go to them by way of the scout, and where that fails, all hear of it. */

#include <stdbool.h>
#include <stdint.h>

#include "supervisor.h"

struct gate;
struct process;

struct guard_names {
	struct process *process;
	struct gate *gate;
	bool is_lost; /* the others have not heard yet that something was lost */
};

/* Both are borrowed. A guard without others says nothing. */
void guard_names_open(struct guard_names *names, struct process *process, struct gate *gate,
                      const struct child *child);
/* False: it did not leave. */
bool guard_names_tell(struct guard_names *names, const struct message_names *message);
void guard_names_tick(struct guard_names *names);

#endif
