/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/hold.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wire/packet.h"

/* Spare octets behind a packet, should its headers grow when it is rewritten. */
enum { HELD_SPARE = 256 };

/* The packet follows in the same piece of memory. */
static size_t memory_of(const struct held_packet *held)
{
	return sizeof(*held) + held->room;
}

static bool waits_already(const struct hold *hold, bool is_from_client, uint32_t seq, size_t len)
{
	size_t i;

	for (i = 0; i < hold->count; i++) {
		const struct held_packet *held = hold->packets[i];

		if (held->is_from_client == is_from_client && held->seq == seq && held->len >= len)
			return true;
	}
	return false;
}

/* Behind all of its direction that do not come after it. */
static size_t place_of(const struct hold *hold, bool is_from_client, uint32_t seq)
{
	size_t place = hold->count;
	size_t i;

	for (i = hold->count; i > 0; i--) {
		const struct held_packet *held = hold->packets[i - 1];

		if (held->is_from_client != is_from_client)
			continue;
		if (seq_distance(held->seq, seq) <= 0)
			break;
		place = i - 1;
	}
	return place;
}

static struct held_packet *copy_of(struct budget *budget, struct bytes packet)
{
	size_t room = packet.len + HELD_SPARE;
	struct held_packet *held;

	if (!budget_charge(budget, sizeof(*held) + room))
		return NULL;
	held = malloc(sizeof(*held) + room);
	if (!held) {
		budget_refund(budget, sizeof(*held) + room);
		return NULL;
	}
	*held = (struct held_packet){ .len = packet.len, .room = room };
	held->packet = (uint8_t *)(held + 1);
	if (packet.len)
		memcpy(held->packet, packet.data, packet.len);
	return held;
}

struct held_packet *hold_add(struct hold *hold, struct budget *budget, bool is_from_client,
                             uint32_t seq, struct bytes packet, uint64_t now_ms)
{
	struct held_packet *held;
	size_t place;

	if (hold->count == HOLD_PACKETS_MAX || waits_already(hold, is_from_client, seq, packet.len))
		return NULL;
	held = copy_of(budget, packet);
	if (!held)
		return NULL;
	held->is_from_client = is_from_client;
	held->seq = seq;
	held->since_ms = now_ms;
	place = place_of(hold, is_from_client, seq);
	memmove(&hold->packets[place + 1], &hold->packets[place],
	        (hold->count - place) * sizeof(hold->packets[0]));
	hold->packets[place] = held;
	hold->count++;
	return held;
}

struct held_packet *hold_take(struct hold *hold, size_t index)
{
	struct held_packet *held;

	assert(index < hold->count);
	held = hold->packets[index];
	hold->count--;
	memmove(&hold->packets[index], &hold->packets[index + 1],
	        (hold->count - index) * sizeof(hold->packets[0]));
	return held;
}

void held_packet_free(struct held_packet *held, struct budget *budget)
{
	if (!held)
		return;
	budget_refund(budget, memory_of(held));
	free(held);
}

uint64_t hold_age_ms(const struct hold *hold, uint64_t now_ms)
{
	uint64_t oldest_ms = now_ms;
	size_t i;

	for (i = 0; i < hold->count; i++) {
		if (hold->packets[i]->since_ms < oldest_ms)
			oldest_ms = hold->packets[i]->since_ms;
	}
	return now_ms - oldest_ms;
}
