/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/wheel.h"

#include <string.h>

/* 2^6 slots. A level's slot is as long as the whole level below it. */
enum { SLOT_BITS = 6, SLOT_MASK = WHEEL_SLOTS - 1 };

/* What lies beyond the highest level waits in its last slot, and is looked at again from there. */
static const uint64_t AHEAD_MAX = ((uint64_t)1 << (SLOT_BITS * WHEEL_LEVELS)) - 1;

static void make_ring(struct wheel_timer *head)
{
	head->previous = head->next = head;
}

static bool is_empty(const struct wheel_timer *head)
{
	return head->next == head;
}

static void append(struct wheel_timer *head, struct wheel_timer *timer)
{
	timer->previous = head->previous;
	timer->next = head;
	head->previous->next = timer;
	head->previous = timer;
}

static void take_off(struct wheel_timer *timer)
{
	timer->previous->next = timer->next;
	timer->next->previous = timer->previous;
	timer->previous = timer->next = NULL;
}

void wheel_init(struct wheel *wheel, uint64_t now)
{
	memset(wheel, 0, sizeof(*wheel));
	wheel->now = now;
	make_ring(&wheel->expired);
	for (size_t level = 0; level < WHEEL_LEVELS; level++) {
		for (size_t slot = 0; slot < WHEEL_SLOTS; slot++)
			make_ring(&wheel->slots[level][slot]);
	}
}

/* The lowest level that reaches so far: within it, no slot is met before the timer is due. */
static void put(struct wheel *wheel, struct wheel_timer *timer)
{
	uint64_t at = timer->due > wheel->now ? timer->due : wheel->now;
	size_t level = 0;

	if (at - wheel->now > AHEAD_MAX)
		at = wheel->now + AHEAD_MAX;
	while ((at - wheel->now) >> (SLOT_BITS * (level + 1)) > 0)
		level++;
	append(&wheel->slots[level][at >> (SLOT_BITS * level) & SLOT_MASK], timer);
}

void wheel_set(struct wheel *wheel, struct wheel_timer *timer, uint64_t now, uint64_t due)
{
	wheel_cancel(wheel, timer);
	if (wheel->count == 0 && now > wheel->now)
		wheel->now = now;
	timer->due = due > wheel->now ? due : wheel->now + 1;
	put(wheel, timer);
	wheel->count++;
}

void wheel_cancel(struct wheel *wheel, struct wheel_timer *timer)
{
	if (!wheel_is_set(timer))
		return;
	take_off(timer);
	wheel->count--;
}

bool wheel_is_set(const struct wheel_timer *timer)
{
	return timer->next != NULL;
}

/* Those of a higher level's slot whose time begins go where they belong by now. */
static void cascade(struct wheel *wheel, size_t level)
{
	struct wheel_timer *head =
		&wheel->slots[level][wheel->now >> (SLOT_BITS * level) & SLOT_MASK];
	struct wheel_timer taken = { .due = 0 };

	if (is_empty(head))
		return;
	/* Apart, as some may come back to the same slot. */
	taken.next = head->next;
	taken.previous = head->previous;
	taken.next->previous = taken.previous->next = &taken;
	make_ring(head);
	while (!is_empty(&taken)) {
		struct wheel_timer *timer = taken.next;

		take_off(timer);
		put(wheel, timer);
	}
}

static void advance(struct wheel *wheel)
{
	struct wheel_timer *head;

	wheel->now++;
	for (size_t level = 1; level < WHEEL_LEVELS; level++) {
		if ((wheel->now & (((uint64_t)1 << (SLOT_BITS * level)) - 1)) != 0)
			break;
		cascade(wheel, level);
	}
	head = &wheel->slots[0][wheel->now & SLOT_MASK];
	while (!is_empty(head)) {
		struct wheel_timer *timer = head->next;

		take_off(timer);
		append(&wheel->expired, timer);
	}
}

struct wheel_timer *wheel_take_due(struct wheel *wheel, uint64_t now)
{
	struct wheel_timer *timer;

	while (is_empty(&wheel->expired) && wheel->now < now) {
		if (wheel->count == 0)
			wheel->now = now;
		else
			advance(wheel);
	}
	if (is_empty(&wheel->expired))
		return NULL;
	timer = wheel->expired.next;
	take_off(timer);
	wheel->count--;
	return timer;
}
