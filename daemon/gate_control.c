/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_state.h"

#include <string.h>

/* SYN and RST: where a connection begins, and where somebody says that it ends. */

/* The way of a SYN: no data and no options with it that would carry octets past us. */
static void pass_syn(struct gate *gate, const struct arrival *arrival)
{
	const struct nfqueue_packet *packet = arrival->packet;
	const struct segment *segment = arrival->segment;
	uint8_t octets[512];
	size_t len = packet->packet.len < sizeof(octets) ? packet->packet.len : sizeof(octets);

	if (gate_only_watches(gate) ||
	    (segment->payload.len == 0 && !segment->has_forbidden_options)) {
		gate_accept(gate, packet, false);
		return;
	}
	/* IP header with options 60, TCP 60, or IPv6 with extension headers: data goes, headers fit. */
	if (segment->payload_offset > sizeof(octets)) {
		gate_drop(gate, packet);
		return;
	}
	memcpy(octets, packet->packet.data, len);
	gate_pass_rewritten(gate, packet, octets, craft_clean_syn(octets, segment));
}

void gate_syn(struct gate *gate, struct flow *flow, const struct arrival *arrival)
{
	const struct segment *segment = arrival->segment;
	struct flow_side *side = gate_side(flow, arrival->is_from_client);
	const struct flow_side *peer = gate_side(flow, !arrival->is_from_client);

	/* Simultaneous open (RFC 9293 section 3.5) is no way to a mail server. */
	if ((segment->flags & (TCP_FIN | TCP_RST)) ||
	    (!arrival->is_from_client && !(segment->flags & TCP_ACK))) {
		gate->counters.dropped_malformed++;
		gate_drop(gate, arrival->packet);
		return;
	}
	if (!arrival->is_from_client && (segment->flags & TCP_ACK) && peer->stream &&
	    segment->ack != stream_next(peer->stream) && flow->phase == FLOW_OPENING) {
		gate_drop(gate, arrival->packet);
		return;
	}
	if (!side->stream) {
		side->stream = stream_new(segment->seq + 1, &gate->budget);
		if (!side->stream) {
			gate_drop(gate, arrival->packet);
			return;
		}
		/* A SYN that we missed: what its answer acknowledges is where the client's octets begin. */
		if (!arrival->is_from_client && !flow->from_client.stream)
			flow->from_client.stream = stream_new(segment->ack, &gate->budget);
		if (!arrival->is_from_client && flow->phase == FLOW_OPENING)
			flow->phase = FLOW_OPEN;
		if (arrival->is_from_client)
			gate_ask_address(gate, &flow->server.address);
	}
	pass_syn(gate, arrival);
}

void gate_reset(struct gate *gate, struct flow *flow, const struct arrival *arrival)
{
	const struct segment *segment = arrival->segment;
	struct flow_side *side = gate_side(flow, arrival->is_from_client);
	uint8_t octets[2048];

	if (!side->stream) { /* a connection refused */
		flow->phase = FLOW_CLOSING;
		gate_accept(gate, arrival->packet, false);
		return;
	}
	if (seq_distance(segment->seq, stream_acked(side->stream)) < 0 ||
	    seq_distance(segment->seq, stream_next(side->stream)) > GATE_WINDOW_MAX) {
		gate_drop(gate, arrival->packet);
		return;
	}
	if (seq_distance(segment->seq, stream_next(side->stream)) <= 1) {
		/* It may be a decoy that dies on the way: the flow goes on being watched. */
		flow->phase = FLOW_CLOSING;
		gate_judge_end(gate, flow,
		               arrival->is_from_client ? "a reset of the client"
		                                       : "a reset of the server");
	}
	/* Octets before it are held: for the far end it must come where those begin. */
	if (!gate_only_watches(gate) &&
	    seq_distance(segment->seq, stream_allowed(side->stream)) > 0 &&
	    arrival->packet->packet.len <= sizeof(octets)) {
		memcpy(octets, arrival->packet->packet.data, arrival->packet->packet.len);
		gate_pass_rewritten(
			gate, arrival->packet, octets,
			craft_into_reset(octets, segment, stream_allowed(side->stream)));
		return;
	}
	gate_accept(gate, arrival->packet, false);
}
