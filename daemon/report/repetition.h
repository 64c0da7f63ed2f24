/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_REPETITION_H
#define HOPGUARD_REPORT_REPETITION_H

/*
 * Findings that repeat are counted, not repeated: the first of its kind (same action, reason, client address, server address and domain,
 * and of a policy event the same source and text) is told at once, what follows within a window becomes one summary at its end. And no more than so many events
 * a second are told at all, of one client as many as are left for others: what is left out is counted and said. What the processes say
 * of themselves has a bound of its own, so that no storm of findings hides it.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "verdict/event.h"

enum {
	REPETITION_WINDOW_MS = 60 * 1000,
	REPETITION_KINDS_MAX =
		1024, /* findings remembered; the one unused for longest is summed up early */
	REPETITION_PER_SECOND_MAX = 200,    /* findings told; a syslog daemon keeps up with that */
	REPETITION_OWN_PER_SECOND_MAX = 50, /* other events; far more than ever come */
};

struct repetition;

/* Tells an event to the sinks. Must not call the repetition again. */
typedef void (*repetition_tell_fn)(void *owner, const struct event *event);

/* NULL: out of memory. */
struct repetition *repetition_new(const uint8_t secret[TABLE_SECRET_LEN], repetition_tell_fn tell,
                                  void *owner);
/* Tells what is still to be summed up. */
void repetition_free(struct repetition *repetition);

/* now_ms: monotonic. The event's own time is kept. */
void repetition_add(struct repetition *repetition, const struct event *event, uint64_t now_ms);
/* Summaries that are due; to be called about once a second. */
void repetition_tick(struct repetition *repetition, uint64_t now_ms);
/* Events left out because of the bound per second, since the start. */
uint64_t repetition_left_out(const struct repetition *repetition);

#endif
