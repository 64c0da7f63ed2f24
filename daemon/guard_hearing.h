/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_GUARD_HEARING_H
#define HOPGUARD_GUARD_HEARING_H

/*
 * Which DNS messages the first guard hands to the scout: answers that somebody asked for, that may tell whose mail goes where, within
 * the bounds. Those about domains that bind come first.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/table.h"
#include "messages.h"

struct gate;
struct process;

enum {
	GUARD_HEARING_ANSWERS_MAX =
		4, /* different ones to one question: a forged one, and the true one */
	/* Answers about domains that bind, kept while the scout has no room. */
	GUARD_HEARING_WAITING_MAX = 64,
};

struct guard_hearing;

/* Both are borrowed. NULL: out of memory. */
struct guard_hearing *guard_hearing_new(struct process *process, const struct gate *gate,
                                        const uint8_t secret[TABLE_SECRET_LEN]);
void guard_hearing_free(struct guard_hearing *hearing);

/*
 * A message by UDP or TCP (is_stream) from source to destination. True: the scout was told of an answer, and its word on `request`
 * comes, where that is not 0.
 */
bool guard_hearing_take(struct guard_hearing *hearing, const struct endpoint *source,
                        const struct endpoint *destination, bool is_stream, struct bytes octets,
                        uint32_t request);
/* Whether the scout was told of all that matters. */
bool guard_hearing_is_through(struct guard_hearing *hearing);
/* How many times the kernel had no room for copies. */
void guard_hearing_note_overruns(struct guard_hearing *hearing, uint64_t overruns);
/* Every few moments: what waits for the scout, and for the ledger. */
void guard_hearing_tick(struct guard_hearing *hearing);
/* The ledger starts anew. */
void guard_hearing_repeat(struct guard_hearing *hearing);
void guard_hearing_count(const struct guard_hearing *hearing, struct counters *counters);

#endif
