/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_SCOUT_CHECKS_H
#define HOPGUARD_SCOUT_CHECKS_H

/*
 * DNS answers that are held against what DNSSEC proves, and what is told of them. What our cache calls forged is dropped at once,
 * and looked at a second time with an empty cache before it is called so: records and keys change.
 */

#include "base/table.h"
#include "scout_state.h"

struct scout_checks;

/* NULL: out of memory. */
struct scout_checks *scout_checks_new(struct scout *scout, const uint8_t secret[TABLE_SECRET_LEN]);
void scout_checks_free(struct scout_checks *checks);

/* name: what was asked for. The guard of that index gets its verdict, where one is awaited. False: it is not checked, and no verdict goes. */
bool scout_checks_begin(struct scout_checks *checks, unsigned guard,
                        const struct message_dns_answer *answer, const char *name);
/* The verdict that it is not forged, as far as is known. request 0: none is awaited. */
void scout_checks_pass(struct scout_checks *checks, unsigned guard, uint32_t request);
/* Our own look-up of a name that was heard does not validate. */
void scout_checks_bogus(struct scout_checks *checks, const char *domain, const char *why);
void scout_checks_second(struct scout_checks *checks);
/* Answers that were not checked, or not told, for want of room. */
uint64_t scout_checks_dropped(const struct scout_checks *checks);

#endif
