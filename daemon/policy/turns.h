/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_TURNS_H
#define HOPGUARD_POLICY_TURNS_H

/*
 * Whose question is next. Clients take turns, and so do the destinations of each. Of the places in flight a client takes no more than it
 * leaves free, and a destination a quarter of what is free: name servers that never answer keep nobody else's questions waiting.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/* Whose question it is: secret hashes of a client, 0 for what is looked up for nobody's mail, and of a destination. */
struct party {
	uint64_t client;
	uint64_t destination;
};

enum {
	/* So many are told apart; others share. The first of the clients is nobody. */
	TURNS_CLIENTS = 64,
	TURNS_DESTINATIONS = 64,
};

/* Part of what waits; the caller's, as its party, which stays while it waits or is in flight. */
struct turn {
	TAILQ_ENTRY(turn) link;
	struct party party;
};

struct turns;

/* in_flight_max, waiting_max: of all. NULL: out of memory. */
struct turns *turns_new(size_t in_flight_max, size_t waiting_max);
void turns_free(struct turns *turns);

/* False: it waits, but beyond the share of its client, or of all. */
bool turns_wait(struct turns *turns, struct turn *turn);
/* It waits no more. */
void turns_leave(struct turns *turns, struct turn *turn);
/* Who waits and has its turn; still waits. NULL: nobody for whom there is room. */
struct turn *turns_next(struct turns *turns);
/* In flight, and not any more. */
void turns_begin(struct turns *turns, const struct turn *turn);
void turns_end(struct turns *turns, const struct turn *turn);
/* Anyone who waits; NULL: nobody. */
struct turn *turns_any(const struct turns *turns);

#endif
