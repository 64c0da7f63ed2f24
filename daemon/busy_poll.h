/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BUSY_POLL_H
#define HOPGUARD_BUSY_POLL_H

/*
 * How long to look for the next packet before sleeping. Falling asleep and being woken takes longer than most packets do, and
 * where a client waits for each reply it is the greater part of what a session loses. So whoever finds that packets follow
 * each other closely stays awake as long as that, up to BUSY_POLL_MAX_NS, and sleeps at once where they do not: what is spent
 * in vain has a bound, and ends with the first packet that comes later. (Hypervisors poll the same way before they halt a
 * processor.)
 */

#include <stdbool.h>
#include <stdint.h>

enum {
	BUSY_POLL_MAX_NS = 50000,
	BUSY_POLL_FIRST_NS = 10000,
};

/* Begins as 0: sleeps. */
struct busy_poll {
	uint64_t last_ns; /* when the last ones had been worked off; monotonic, as all times here */
	uint32_t window_ns;
};

/* Packets came, and have been worked off. */
void busy_poll_note(struct busy_poll *poll, uint64_t now_ns);
bool busy_poll_is_over(const struct busy_poll *poll, uint64_t now_ns);

#endif
