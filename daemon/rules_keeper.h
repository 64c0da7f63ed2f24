/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_RULES_KEEPER_H
#define HOPGUARD_RULES_KEEPER_H

/*
 * Sees to it that our rules stay where the supervisor put them: whenever the packet filter was changed, and now and then without that,
 * it looks whether they are all there. What was removed is put back, or only told (rules-flushed).
 */

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

enum {
	/* Until the first look: what passes meanwhile passes by us. */
	RULES_KEEPER_FIRST_MS = 20,
	/* Until the next one: others change many rules one by one. */
	RULES_KEEPER_DELAY_MS = 300,
	/* Without a notice: rules for the way back of probes, and lost notices. */
	RULES_KEEPER_INTERVAL_MS = 30 * 1000,
	/* iptables-legacy does not tell of one rule that took the place of another. */
	RULES_KEEPER_LEGACY_INTERVAL_MS = 5 * 1000,
	/* Somebody who removes them again and again is told of so often. */
	RULES_KEEPER_TELL_MS = 60 * 1000,
};

struct event_base;
struct rules_keeper;

struct rules_keeper_hooks {
	/* 0: they are in again. */
	int (*put_in)(void *owner);
	/* They are in again, whoever did it. */
	void (*on_back)(void *owner);
	/* A degraded or recovered state, in words. */
	void (*tell)(void *owner, bool is_gone, const char *text);
};

/* NULL: out of memory, or out of reach of the kernel's notices (logged). hooks are borrowed. */
struct rules_keeper *rules_keeper_new(struct event_base *base,
                                      const struct rules_keeper_hooks *hooks, void *owner);
void rules_keeper_free(struct rules_keeper *keeper);

/* They were put in just now, and shall stay. config is borrowed until the next call. NULL: they shall not. */
void rules_keeper_keep(struct rules_keeper *keeper, const struct config *config, int lock);
/* They are not all there, as far as is known. */
bool rules_keeper_misses_them(const struct rules_keeper *keeper);
/* Once a second. */
void rules_keeper_tick(struct rules_keeper *keeper, uint64_t now_ms);

#endif
