/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_state.h"

static void count_client(struct gate *gate, const struct flow *flow, bool is_from_client,
                         int change)
{
	struct client_held *held = table_find(gate->client_held, &flow->client.address);

	if (!held && change > 0)
		held = table_insert(gate->client_held, &flow->client.address);
	if (!held)
		return;
	held->all = (uint32_t)((int64_t)held->all + change);
	if (!is_from_client)
		held->from_servers = (uint32_t)((int64_t)held->from_servers + change);
	if (held->all == 0)
		table_remove(gate->client_held, &flow->client.address);
}

static bool has_room(const struct client_held *held, bool is_from_client)
{
	return !held || (held->all < GATE_CLIENT_HELD_MAX &&
	                 (is_from_client || held->from_servers < GATE_SERVERS_HELD_MAX));
}

void gate_hold(struct gate *gate, struct flow *flow, const struct arrival *arrival)
{
	const struct nfqueue_packet *packet = arrival->packet;
	const struct client_held *client = table_find(gate->client_held, &flow->client.address);
	struct held_packet *held = NULL;

	if (has_room(client, arrival->is_from_client) && gate_begin_wait(gate, flow))
		held = hold_add(&flow->wait->hold, &gate->budget, arrival->is_from_client,
		                arrival->segment->seq, packet->packet, gate->now_ms);
	if (!held) {
		gate->counters.hold_overflows++;
		gate_drop(gate, packet);
		return;
	}
	held->mark = packet->mark;
	held->checksum_ready = packet->checksum_ready;
	if (gate_only_watches(gate))
		gate_accept(gate, packet, false);
	else
		held->packet_id = packet->id;
	count_client(gate, flow, arrival->is_from_client, 1);
	gate->counters.held_packets++;
	gate->counters.held_now++;
}

void gate_forget_held(struct gate *gate, struct flow *flow, size_t index)
{
	struct held_packet *held = hold_take(&flow->wait->hold, index);

	gate->counters.held_now--;
	gate->counters.held_ms += gate->now_ms - held->since_ms;
	count_client(gate, flow, held->is_from_client, -1);
	held_packet_free(held, &gate->budget);
}

void gate_drop_held(struct gate *gate, struct flow *flow)
{
	while (flow->wait->hold.count > 0) {
		const struct held_packet *held = flow->wait->hold.packets[0];
		const struct nfqueue_packet packet = { .id = held->packet_id, .mark = held->mark };

		if (packet.id != 0)
			gate_drop(gate, &packet);
		gate_forget_held(gate, flow, 0);
	}
}

/* One held packet again. True: it left, or the flow was refused. */
static bool retry_held(struct gate *gate, struct flow *flow, size_t index)
{
	struct held_packet *held = flow->wait->hold.packets[index];
	struct flow_side *side = gate_side(flow, held->is_from_client);
	struct nfqueue_packet packet = { .id = held->packet_id,
		                         .mark = held->mark,
		                         .packet = bytes_of(held->packet, held->len) };
	struct segment segment;
	struct arrival arrival = { .packet = &packet,
		                   .segment = &segment,
		                   .is_from_client = held->is_from_client };
	enum stream_result result = STREAM_OLD;
	struct stream_rewrite rewrite;
	enum fate fate;

	if (packet_parse(&segment, packet.packet, false) != PACKET_OK || !side->stream ||
	    gate_is_beyond_end(side, &segment)) {
		if (packet.id != 0)
			gate_drop(gate, &packet);
		gate_forget_held(gate, flow, index);
		return true;
	}
	if (segment.payload.len > 0)
		result = stream_push(side->stream, &flow->is_inconsistent, segment.seq,
		                     segment.payload);
	if (result == STREAM_BUSY)
		return false;
	if (result == STREAM_NEW && !gate_advance(gate, flow))
		return true;
	fate = gate_fate(side, &segment, &rewrite);
	switch (fate) {
	case FATE_WAIT:
	case FATE_EARLY:
		/* In monitor it has passed already; only its octets were wanted. */
		if (fate == FATE_EARLY || packet.id != 0)
			return false;
		if (segment.flags & TCP_FIN)
			gate_note_fin(gate, flow, arrival.is_from_client,
			              segment.seq + (uint32_t)segment.payload.len);
		break;
	case FATE_PASS:
	case FATE_REWRITE:
		gate_offload_when_done(gate, flow);
		gate_pass(gate, flow, &arrival, held->packet, held->room,
		          fate == FATE_REWRITE ? &rewrite : NULL);
		break;
	case FATE_DROP:
		if (packet.id != 0)
			gate_drop(gate, &packet);
		break;
	}
	gate_forget_held(gate, flow, index);
	return true;
}

void gate_release_held(struct gate *gate, struct flow *flow)
{
	size_t index = 0;

	/* Where reading begins is not known yet. */
	if (flow->wait->settles_at_ms)
		return;
	while (flow->phase != FLOW_REFUSED && index < flow->wait->hold.count) {
		if (retry_held(gate, flow, index))
			index = 0;
		else
			index++;
	}
}
