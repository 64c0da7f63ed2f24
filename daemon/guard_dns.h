/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_GUARD_DNS_H
#define HOPGUARD_GUARD_DNS_H

/*
 * The first guard's second ear: DNS answers on their way to clients and their resolvers, as copies or, with dns { guard = drop },
 * from a queue where each waits for the scout's word, a second at most; and copies of the questions before them. What was asked for
 * and may tell whose mail goes where is handed to the scout (guard_hearing.h).
 */

#include <stdbool.h>
#include <stdint.h>

#include "process.h"

enum {
	GUARD_DNS_HELD_MAX = 256, /* packets that wait; more pass */
	GUARD_DNS_HOLD_MS = 900,  /* with a tick on top, within the second */
};

struct gate;
struct guard_dns;

/* Takes child->log and child->dns_queue over, either may be -1. process and gate are borrowed. 0 or -errno. */
int guard_dns_new(struct guard_dns **made, struct process *process, const struct gate *gate,
                  const struct child *child);
/* What waits passes. */
void guard_dns_free(struct guard_dns *dns);
/*
 * Reads the copies of all that has passed by now, and tells the scout of it. False: it has no room for what matters of that.
 */
bool guard_dns_catch_up(struct guard_dns *dns);
void guard_dns_take_verdict(struct guard_dns *dns, const struct message_dns_verdict *verdict);
/* Lets pass what waited for its second. */
void guard_dns_tick(struct guard_dns *dns, uint64_t now_ms);
/* The ledger starts anew: what it should know is told again. */
void guard_dns_repeat(struct guard_dns *dns);
void guard_dns_count(const struct guard_dns *dns, struct counters *counters);

#endif
