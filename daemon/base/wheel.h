/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_WHEEL_H
#define HOPGUARD_BASE_WHEEL_H

/*
 * Timers on a hierarchy of wheels (Varghese and Lauck, 1987): setting one, taking one off and a tick cost the same however many there
 * are. The timer lies in what it is for. Time is counted in the caller's ticks; a timer comes at its tick or behind it, never before.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WHEEL_LEVELS = 4, WHEEL_SLOTS = 64 };

/* Zeroed: not set. */
struct wheel_timer {
	struct wheel_timer *previous;
	struct wheel_timer *next;
	uint64_t due;
};

/* Heads of rings; the wheel must stay where it is. */
struct wheel {
	uint64_t now;
	size_t count;
	struct wheel_timer expired;
	struct wheel_timer slots[WHEEL_LEVELS][WHEEL_SLOTS];
};

void wheel_init(struct wheel *wheel, uint64_t now);
/* Also one that is set already. Of a tick that is over: with the next. An empty wheel turns to `now` first, others turn by being looked at. */
void wheel_set(struct wheel *wheel, struct wheel_timer *timer, uint64_t now, uint64_t due);
/* Also one that is not set. */
void wheel_cancel(struct wheel *wheel, struct wheel_timer *timer);
bool wheel_is_set(const struct wheel_timer *timer);
/* Takes off one whose tick has come by now; NULL: there is none. What is set meanwhile does not come in the same tick. */
struct wheel_timer *wheel_take_due(struct wheel *wheel, uint64_t now);

#endif
