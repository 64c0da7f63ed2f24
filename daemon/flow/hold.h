/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_FLOW_HOLD_H
#define HOPGUARD_FLOW_HOLD_H

/*
 * Packets of one flow that wait: for a decision, or for the octets before them. A copy is kept, since what is
 * released may have to be rewritten. Bounded per flow here, in all by the budget, per client by the caller.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"
#include "base/bytes.h"

/* A pipelined transaction and its resent tail; more is dropped, and TCP sends it again. */
enum { HOLD_PACKETS_MAX = 32 };

struct held_packet {
	uint32_t packet_id; /* the kernel's; 0: it has its verdict, only the octets are wanted */
	uint32_t mark;      /* as the packet came */
	bool is_from_client;
	bool checksum_ready;
	uint32_t seq;
	size_t len;
	uint64_t since_ms;
	uint8_t *packet; /* `room` octets, the first `len` filled: it may be rewritten in place */
	size_t room;     /* somewhat more than len */
};

struct hold {
	struct held_packet *packets[HOLD_PACKETS_MAX];
	size_t count;
};

/*
 * Puts the packet where it belongs in its direction's sequence order. NULL when there is no room, or when a packet with the same seq,
 * direction and at least that length waits already (a retransmission takes no place): the caller drops it. What was
 * added, for the caller to fill in packet_id, mark and checksum_ready; borrowed.
 */
struct held_packet *hold_add(struct hold *hold, struct budget *budget, bool is_from_client,
                             uint32_t seq, struct bytes packet, uint64_t now_ms);
/* Takes out the index-th; the caller frees it by held_packet_free. */
struct held_packet *hold_take(struct hold *hold, size_t index);
void held_packet_free(struct held_packet *held, struct budget *budget);
/* Age of the oldest; 0 when empty. */
uint64_t hold_age_ms(const struct hold *hold, uint64_t now_ms);

#endif
