/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_state.h"

#include <string.h>

/* SYN, RST and the client's FIN: where a connection begins, and where somebody says that it ends. */

/* Headers of a bare segment; longer ones are nobody's. */
enum { BARE_MAX = 2048 };

bool gate_is_nonsense(const struct segment *segment)
{
	uint8_t flags = segment->flags;

	if (flags & TCP_SYN)
		return flags & (TCP_FIN | TCP_RST);
	return !(flags & (TCP_ACK | TCP_RST));
}

void gate_pass_bare(struct gate *gate, const struct arrival *arrival)
{
	const struct nfqueue_packet *packet = arrival->packet;
	const struct segment *segment = arrival->segment;
	bool has_fin = segment->flags & TCP_FIN && !(segment->flags & TCP_RST);
	uint8_t octets[BARE_MAX];

	if (gate_only_watches(gate) || (segment->payload.len == 0 && !(segment->flags & TCP_URG))) {
		gate_accept(gate, packet, false);
		return;
	}
	if (segment->payload_offset > sizeof(octets)) {
		gate_drop(gate, packet);
		return;
	}
	memcpy(octets, packet->packet.data, segment->payload_offset);
	gate_pass_rewritten(gate, packet, octets,
	                    craft_replace_payload(octets, sizeof(octets), segment, segment->seq,
	                                          (struct bytes){ 0 }, has_fin));
}

/* The way of a SYN: no data and nothing with it that would carry octets past us, or take one out of the stream (URG). */
static void pass_syn(struct gate *gate, const struct arrival *arrival)
{
	const struct nfqueue_packet *packet = arrival->packet;
	const struct segment *segment = arrival->segment;
	uint8_t octets[512];

	if (gate_only_watches(gate) ||
	    (segment->payload.len == 0 && !segment->has_forbidden_options &&
	     !(segment->flags & TCP_URG))) {
		gate_accept(gate, packet, false);
		return;
	}
	/* IP header with options 60, TCP 60, or IPv6 with extension headers: data goes, headers fit. */
	if (segment->payload_offset > sizeof(octets)) {
		gate_drop(gate, packet);
		return;
	}
	memcpy(octets, packet->packet.data, segment->payload_offset);
	gate_pass_rewritten(gate, packet, octets, craft_clean_syn(octets, segment));
}

/* Nothing of a SYN-ACK's is believed before its client has acknowledged it: of several, each may be the one that it takes. */
static bool is_plausible_syn(const struct flow *flow, const struct arrival *arrival)
{
	const struct segment *segment = arrival->segment;
	const struct flow_side *client = &flow->from_client;
	const struct flow_side *server = &flow->from_server;

	if (arrival->is_from_client)
		return !client->stream ||
		       (client->has_first && client->first_seq == segment->seq + 1);
	/* Simultaneous open (RFC 9293 section 3.5) is no way to a mail server. */
	if (!(segment->flags & TCP_ACK))
		return false;
	if (client->stream && (!client->has_first || client->first_seq != segment->ack))
		return false;
	return !flow->is_established ||
	       (server->has_first && server->first_seq == segment->seq + 1);
}

static struct stream *begin_side(struct gate *gate, struct flow_side *side, uint32_t first_seq)
{
	side->stream = stream_new(first_seq, &gate->budget);
	side->has_first = true;
	side->first_seq = first_seq;
	return side->stream;
}

void gate_syn(struct gate *gate, struct flow *flow, const struct arrival *arrival)
{
	const struct segment *segment = arrival->segment;
	struct flow_side *side = gate_side(flow, arrival->is_from_client);

	if (!is_plausible_syn(flow, arrival)) {
		gate->counters.dropped_malformed++;
		gate_drop(gate, arrival->packet);
		return;
	}
	if (!side->stream) {
		if (!begin_side(gate, side, segment->seq + 1)) {
			gate_drop(gate, arrival->packet);
			return;
		}
		/* A SYN that we missed: what its answer acknowledges is where the client's octets begin. */
		if (!arrival->is_from_client && !flow->from_client.stream)
			(void)begin_side(gate, &flow->from_client, segment->ack);
		if (!arrival->is_from_client && flow->phase == FLOW_OPENING)
			flow->phase = FLOW_OPEN;
		/* A place that answers its client: neither a scan of places nor forged answers are looked up. */
		if (!arrival->is_from_client && flow->from_client.has_ingress)
			gate_ask_address(gate, &flow->server.address);
	}
	pass_syn(gate, arrival);
}

/* The client's word where the server's octets begin, before any was taken in. False: out of memory. */
static bool establish(struct gate *gate, struct flow *flow, uint32_t ack)
{
	struct flow_side *server = &flow->from_server;

	flow->is_established = true;
	if (ack == server->first_seq || stream_next(server->stream) != server->first_seq)
		return true;
	stream_free(server->stream);
	return begin_side(gate, server, ack);
}

bool gate_may_speak(struct gate *gate, struct flow *flow, const struct arrival *arrival)
{
	const struct segment *segment = arrival->segment;

	if (flow->is_established)
		return true;
	if (!arrival->is_from_client)
		return gate_only_watches(gate) ||
		       (segment->payload.len == 0 && !(segment->flags & TCP_FIN));
	return (segment->flags & (TCP_ACK | TCP_RST)) != TCP_ACK || !flow->from_server.stream ||
	       establish(gate, flow, segment->ack);
}

bool gate_is_beyond_end(const struct flow_side *side, const struct segment *segment)
{
	uint32_t end = segment->seq + (uint32_t)segment->payload.len;

	return segment->payload.len > 0 && side->has_fin && seq_distance(end, side->fin_seq) > 0;
}

/* Before the server has answered: it refuses, or the client denies an older connection of which the server speaks. */
static void reset_opening(struct gate *gate, struct flow *flow, const struct arrival *arrival)
{
	const struct segment *segment = arrival->segment;
	const struct flow_side *client = &flow->from_client;

	/* The flow stays: it may be a decoy that dies on the way. */
	if (!arrival->is_from_client && client->has_first &&
	    (!(segment->flags & TCP_ACK) || segment->ack != client->first_seq))
		gate_drop(gate, arrival->packet);
	else
		gate_pass_bare(gate, arrival);
}

static void note_reset(struct gate *gate, struct flow *flow, bool is_from_client)
{
	/* It may be a decoy that dies on the way: the flow goes on being watched. */
	flow->phase = FLOW_CLOSING;
	flow->has_client_ended |= is_from_client;
	gate_judge_end(gate, flow,
	               is_from_client ? "a reset of the client" : "a reset of the server");
}

void gate_reset(struct gate *gate, struct flow *flow, const struct arrival *arrival)
{
	const struct segment *segment = arrival->segment;
	struct flow_side *side = gate_side(flow, arrival->is_from_client);
	uint8_t octets[BARE_MAX];

	if (!side->stream || !flow->from_server.stream) {
		reset_opening(gate, flow, arrival);
		return;
	}
	if (seq_distance(segment->seq, stream_acked(side->stream)) < 0 ||
	    seq_distance(segment->seq, stream_next(side->stream)) > GATE_WINDOW_MAX) {
		gate_drop(gate, arrival->packet);
		return;
	}
	/* Beyond what was seen it is no end yet, and passes as it is: the receiver asks who sent it (RFC 5961 section 3.2). */
	if (seq_distance(segment->seq, stream_next(side->stream)) > 1) {
		gate_pass_bare(gate, arrival);
		return;
	}
	note_reset(gate, flow, arrival->is_from_client);
	/* Octets before it are held: for the far end it must come where those begin. */
	if (!gate_only_watches(gate) &&
	    seq_distance(segment->seq, stream_allowed(side->stream)) > 0 &&
	    segment->payload_offset <= sizeof(octets)) {
		memcpy(octets, arrival->packet->packet.data, segment->payload_offset);
		gate_pass_rewritten(
			gate, arrival->packet, octets,
			craft_into_reset(octets, segment, stream_allowed(side->stream)));
		return;
	}
	gate_pass_bare(gate, arrival);
}

bool gate_leaves_with(struct flow *flow, const struct arrival *arrival)
{
	const struct flow_side *client = &flow->from_client;
	const struct flow_side *server = &flow->from_server;

	if (!arrival->is_from_client || !client->has_fin || flow->has_client_moved ||
	    !client->has_ingress || !server->has_ingress || client->ingress == server->ingress ||
	    session_facts(flow->session)->is_midstream)
		return false;
	flow->phase = FLOW_CLOSING;
	return true;
}
