/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/turns.h"

#include <stdlib.h>

TAILQ_HEAD(turn_list, turn);

/* Of one destination, or of several that are not told apart. */
struct lane {
	struct turn_list waiting;
	size_t in_flight;
};

struct client {
	struct lane lanes[TURNS_DESTINATIONS];
	size_t next; /* lane */
	size_t waiting, in_flight;
};

struct turns {
	struct client clients[TURNS_CLIENTS];
	size_t next; /* client */
	size_t waiting, in_flight;
	size_t waiting_max, in_flight_max;
};

struct turns *turns_new(size_t in_flight_max, size_t waiting_max)
{
	struct turns *turns = calloc(1, sizeof(*turns));

	if (!turns)
		return NULL;
	turns->in_flight_max = in_flight_max;
	turns->waiting_max = waiting_max;
	for (size_t i = 0; i < TURNS_CLIENTS; i++) {
		for (size_t j = 0; j < TURNS_DESTINATIONS; j++)
			TAILQ_INIT(&turns->clients[i].lanes[j].waiting);
	}
	return turns;
}

void turns_free(struct turns *turns)
{
	free(turns);
}

static struct client *client_of(struct turns *turns, const struct turn *turn)
{
	uint64_t client = turn->party.client;

	return &turns->clients[client ? 1 + client % (TURNS_CLIENTS - 1) : 0];
}

static struct lane *lane_of(struct client *client, const struct turn *turn)
{
	return &client->lanes[turn->party.destination % TURNS_DESTINATIONS];
}

bool turns_wait(struct turns *turns, struct turn *turn)
{
	struct client *client = client_of(turns, turn);

	TAILQ_INSERT_TAIL(&lane_of(client, turn)->waiting, turn, link);
	client->waiting++;
	turns->waiting++;
	return turns->waiting <= turns->waiting_max &&
	       client->waiting <= turns->waiting_max - turns->waiting + 1;
}

void turns_leave(struct turns *turns, struct turn *turn)
{
	struct client *client = client_of(turns, turn);

	TAILQ_REMOVE(&lane_of(client, turn)->waiting, turn, link);
	client->waiting--;
	turns->waiting--;
}

/* NULL: each of its destinations has its share. */
static struct turn *next_of_client(struct client *client, size_t left)
{
	for (size_t i = 0; i < TURNS_DESTINATIONS; i++) {
		size_t at = (client->next + i) % TURNS_DESTINATIONS;
		struct lane *lane = &client->lanes[at];

		if (TAILQ_EMPTY(&lane->waiting) || lane->in_flight * 4 >= left)
			continue;
		client->next = (at + 1) % TURNS_DESTINATIONS;
		return TAILQ_FIRST(&lane->waiting);
	}
	return NULL;
}

struct turn *turns_next(struct turns *turns)
{
	size_t left = turns->in_flight_max - turns->in_flight;

	if (turns->waiting == 0)
		return NULL;
	for (size_t i = 0; i < TURNS_CLIENTS; i++) {
		size_t at = (turns->next + i) % TURNS_CLIENTS;
		struct client *client = &turns->clients[at];
		struct turn *turn = NULL;

		if (client->waiting > 0 && client->in_flight < left)
			turn = next_of_client(client, left);
		if (!turn)
			continue;
		turns->next = (at + 1) % TURNS_CLIENTS;
		return turn;
	}
	return NULL;
}

void turns_begin(struct turns *turns, const struct turn *turn)
{
	struct client *client = client_of(turns, turn);

	lane_of(client, turn)->in_flight++;
	client->in_flight++;
	turns->in_flight++;
}

void turns_end(struct turns *turns, const struct turn *turn)
{
	struct client *client = client_of(turns, turn);

	lane_of(client, turn)->in_flight--;
	client->in_flight--;
	turns->in_flight--;
}

struct turn *turns_any(const struct turns *turns)
{
	for (size_t i = 0; i < TURNS_CLIENTS; i++) {
		for (size_t j = 0; j < TURNS_DESTINATIONS; j++) {
			struct turn *turn = TAILQ_FIRST(&turns->clients[i].lanes[j].waiting);

			if (turn)
				return turn;
		}
	}
	return NULL;
}
