/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "enforce/reject.h"

/* Unscaled: what a line and its like take at any scale (RFC 7323 section 2.2; RFC 5321 section 4.5.3.1.4). */
enum { WINDOW_FOR_A_LINE = 4096 };

struct flow_side *gate_side(struct flow *flow, bool is_from_client)
{
	return is_from_client ? &flow->from_client : &flow->from_server;
}

static void note_side(struct gate *gate, struct flow *flow, const struct arrival *arrival)
{
	struct flow_side *side = gate_side(flow, arrival->is_from_client);
	const struct segment *segment = arrival->segment;
	const struct nfqueue_packet *packet = arrival->packet;

	flow->last_ms = (uint32_t)gate->now_ms;
	if (segment->flags & TCP_ACK) {
		side->has_ack = true;
		side->last_ack = segment->ack;
	}
	side->last_window = segment->window;
	if (segment->has_timestamps &&
	    (!side->has_timestamps ||
	     seq_distance(segment->timestamp_value, side->last_timestamp) > 0)) {
		side->has_timestamps = true;
		side->last_timestamp = segment->timestamp_value;
	}
	if (arrival->is_from_client && segment->has_timestamps && segment->flags & TCP_ACK)
		flow->last_echo = segment->timestamp_echo;
	if (packet->hardware_address_len == sizeof(side->hardware_address)) {
		memcpy(side->hardware_address, packet->hardware_address,
		       sizeof(side->hardware_address));
		side->has_hardware_address = true;
	}
	if (arrival->is_from_client && side->has_ingress && side->ingress != packet->ingress)
		flow->has_client_moved = true;
	side->has_ingress = true;
	side->ingress = packet->ingress;
}

/* In monitor the receiver already has the segments that wait here for room: as it acknowledges them, they are taken in. */
static void catch_up(struct gate *gate, struct flow *flow, const struct flow_side *sender,
                     uint32_t ack)
{
	uint32_t allowed;

	do {
		allowed = stream_allowed(sender->stream);
		(void)stream_acknowledge(sender->stream, allowed);
		gate_release_held(gate, flow);
	} while (!stream_acknowledge(sender->stream, ack) &&
	         stream_allowed(sender->stream) != allowed);
}

/* False: it acknowledges what was never passed on; forged, or we did not see the beginning. */
static bool take_acknowledgement(struct gate *gate, struct flow *flow,
                                 const struct arrival *arrival)
{
	struct flow_side *sender = gate_side(flow, !arrival->is_from_client);
	uint32_t ack = arrival->segment->ack;
	uint32_t acked_before;

	if (!(arrival->segment->flags & TCP_ACK) || !sender->stream)
		return true;
	if (sender->has_fin && ack == sender->fin_seq + 1)
		ack = sender->fin_seq;
	acked_before = stream_acked(sender->stream);
	if (stream_acknowledge(sender->stream, ack)) {
		/* Segments that found no room come before the answer to them. */
		if (stream_acked(sender->stream) != acked_before && flow->wait->hold.count > 0)
			gate_release_held(gate, flow);
		return true;
	}
	if (session_facts(flow->session)->is_midstream &&
	    seq_distance(ack, stream_next(sender->stream)) > 0 &&
	    seq_distance(ack, stream_next(sender->stream)) < GATE_WINDOW_MAX) {
		struct stream *rebased = stream_new(ack, &gate->budget);

		if (!rebased)
			return false;
		stream_free(sender->stream);
		sender->stream = rebased;
		if (!arrival->is_from_client)
			session_skip(flow->session);
		return true;
	}
	if (!gate_only_watches(gate))
		return false;
	if (flow->wait->hold.count > 0) {
		catch_up(gate, flow, sender, ack);
		/* Who ends may acknowledge what never came, as our own refusals do. */
		if (!(arrival->segment->flags & TCP_FIN) &&
		    !gate_side(flow, arrival->is_from_client)->has_fin)
			gate_skip_gap(gate, flow, !arrival->is_from_client, ack);
	}
	return true;
}

void gate_pass_rewritten(struct gate *gate, const struct nfqueue_packet *packet, uint8_t *octets,
                         size_t len)
{
	const struct gate_verdict verdict = {
		.packet_id = packet->id,
		.mark = packet->mark,
		.is_accepted = len > 0,
		.packet = bytes_of(octets, len),
	};

	gate->actions.verdict(gate->owner, &verdict);
}

/* Behind STARTTLS clients wait. What comes at once was injected; what comes late is sent by one who gave up. */
static void watch_starttls(const struct gate *gate, struct flow *flow)
{
	if (session_facts(flow->session)->starttls_answer != STARTTLS_PENDING)
		flow->starttls_since = 0;
	else if (!flow->starttls_since)
		flow->starttls_since = (uint32_t)(gate->now_ms - flow->started_ms) + 1;
	else if (gate->now_ms - gate_starttls_since_ms(flow) >= GATE_REPLY_PATIENCE_MS)
		session_give_up_reply(flow->session);
}

/* One direction's new octets into the session. True: something moved. */
static bool read_side(struct flow *flow, bool is_from_client)
{
	struct stream *stream = gate_side(flow, is_from_client)->stream;
	uint32_t allowed_before;
	struct bytes readable;
	size_t consumed = 0, passing;

	if (!stream)
		return false;
	/* Before the first octet of a body, too: what was read until then is kept. */
	if (is_from_client)
		stream_keep_none(stream, session_is_in_body(flow->session));
	allowed_before = stream_allowed(stream);
	readable = stream_readable(stream);
	if (readable.len == 0)
		return false;
	passing = is_from_client ? session_from_client(flow->session, &consumed, readable)
	                         : session_from_server(flow->session, &consumed, readable);
	stream_consume(stream, consumed);
	stream_allow(stream, passing - consumed);
	if (is_from_client)
		stream_keep_none(stream, session_is_in_body(flow->session));
	return consumed > 0 || stream_allowed(stream) != allowed_before;
}

/* Of a connection that began before us, a first octet may be TLS or a command, and a command one whose hop is not needed. */
static bool needs_whole_line(const struct gate *gate, const struct flow *flow,
                             const struct session_commitment *pending)
{
	return pending->kind == COMMITMENT_RCPT ||
	       (pending->kind == COMMITMENT_COMMAND && !gate->config->fails_open &&
	        session_facts(flow->session)->is_midstream);
}

/*
 * A far end with a window of a few octets lets the client send a line octet by octet, of which we hold one. What it would
 * drop the client sends again; so we say that there is room, and read the line before anything of it leaves.
 */
static void open_window(struct gate *gate, struct flow *flow)
{
	const struct flow_side *client = &flow->from_client;
	const struct flow_side *server = &flow->from_server;
	struct craft update = {
		.source = flow->server,
		.destination = flow->client,
		.seq = client->last_ack,
		.ack = stream_acked(client->stream),
		.window = WINDOW_FOR_A_LINE,
		.flags = TCP_ACK,
		.has_timestamps = client->has_timestamps && server->has_timestamps,
		.timestamp_value = gate_server_timestamp(flow),
		.timestamp_echo = client->last_timestamp,
	};

	if (!gate_only_watches(gate) && client->has_ack && server->has_ack &&
	    server->last_window < WINDOW_FOR_A_LINE)
		gate->actions.send(gate->owner, true, &update, flow);
}

static void watch_line(struct gate *gate, struct flow *flow,
                       const struct session_commitment *pending)
{
	if (pending->is_line_complete || !needs_whole_line(gate, flow, pending)) {
		if (flow->wait->line_since_ms)
			flow->wait->line_since_ms = 0;
	} else if (!flow->wait->line_since_ms && gate_begin_wait(gate, flow)) {
		flow->wait->line_since_ms = gate->now_ms;
		open_window(gate, flow);
	}
}

static void end_waiting(struct flow *flow)
{
	if (flow->wait->waiting_since_ms)
		flow->wait->waiting_since_ms = 0;
}

/* Reads on as far as it goes. False: the flow was refused, its streams and session are gone. */
bool gate_advance(struct gate *gate, struct flow *flow)
{
	/* Each round reads or allows at least an octet of a bounded window. */
	for (size_t round = 0; round < 2 * STREAM_WINDOW_MAX; round++) {
		bool has_moved;
		const struct session_commitment *pending;
		struct verdict verdict;
		struct event event;

		watch_starttls(gate, flow);
		has_moved = read_side(flow, false);
		has_moved = read_side(flow, true) || has_moved;
		gate_begin_sessions(gate, flow);
		pending = session_pending(flow->session);
		watch_line(gate, flow, pending);
		if (pending->kind == COMMITMENT_NONE) {
			end_waiting(flow);
			if (has_moved)
				continue;
			gate_ask_words(gate, flow);
			gate_hear_ahead(gate, flow);
			return true;
		}
		switch (gate_judge(gate, flow, pending, &verdict, &event)) {
		case JUDGED_WAIT:
			return true;
		case JUDGED_REFUSE:
			gate_refuse(gate, flow, &verdict, &event);
			return false;
		case JUDGED_PASS:
			end_waiting(flow);
			session_allow(flow->session);
			break;
		}
	}
	return true;
}

/*
 * Nothing more is to be learnt: the kernel passes the rest by itself. Not of a connection that began before us: where reading began there
 * rests on what came first, or on the server's word, and the kernel would pass what lies before, too.
 */
void gate_offload_when_done(struct gate *gate, struct flow *flow)
{
	if (flow->phase == FLOW_OFFLOADED || !session_is_done(flow->session) ||
	    session_facts(flow->session)->is_midstream)
		return;
	flow->phase = FLOW_OFFLOADED;
	gate->counters.flows_offloaded++;
}

enum fate gate_fate(struct flow_side *side, const struct segment *segment,
                    struct stream_rewrite *rewrite)
{
	uint32_t end = segment->seq + (uint32_t)segment->payload.len;
	enum fate fate = FATE_PASS;

	if (segment->payload.len > 0) {
		switch (stream_judge(side->stream, rewrite, segment->seq, segment->payload)) {
		case STREAM_PASS:
			break;
		case STREAM_REWRITE:
			fate = FATE_REWRITE;
			break;
		case STREAM_WAIT:
			return FATE_WAIT;
		case STREAM_EARLY:
			return FATE_EARLY;
		case STREAM_DROP:
			return FATE_DROP;
		}
	}
	if (!(segment->flags & TCP_FIN))
		return fate;
	if (side->has_fin)
		return side->fin_seq == end ? fate : FATE_DROP;
	if (seq_distance(end, stream_next(side->stream)) > 0)
		return FATE_EARLY;
	if (seq_distance(end, stream_next(side->stream)) < 0)
		return FATE_DROP; /* octets behind it have been seen: nobody's end */
	return end == stream_allowed(side->stream) ? fate : FATE_WAIT;
}

void gate_note_fin(struct gate *gate, struct flow *flow, bool is_from_client, uint32_t fin_seq)
{
	struct flow_side *side = gate_side(flow, is_from_client);

	if (side->has_fin)
		return;
	side->has_fin = true;
	side->fin_seq = fin_seq;
	flow->has_client_ended |= is_from_client;
	gate_judge_end(gate, flow, is_from_client ? "the client's FIN" : "the server's FIN");
	if (flow->from_client.has_fin && flow->from_server.has_fin)
		flow->phase = FLOW_CLOSING;
}

/* A packet whose octets may pass: as it is, or with ours in place of its own. */
void gate_pass(struct gate *gate, struct flow *flow, const struct arrival *arrival, uint8_t *octets,
               size_t room, const struct stream_rewrite *rewrite)
{
	const struct segment *segment = arrival->segment;
	uint32_t end = segment->seq + (uint32_t)segment->payload.len;
	bool has_fin = segment->flags & TCP_FIN;
	/* Ours may end earlier: with its octets acknowledged it is empty and stands before them. */
	bool keep_fin =
		has_fin && (!rewrite || rewrite->seq + (uint32_t)rewrite->payload.len == end);

	if (has_fin)
		gate_note_fin(gate, flow, arrival->is_from_client, end);
	if (arrival->packet->id == 0)
		return;
	if (gate_only_watches(gate) || (!rewrite && !(segment->flags & TCP_URG))) {
		gate_accept(gate, arrival->packet,
		            (arrival->is_from_client && flow->phase == FLOW_OFFLOADED) ||
		                    (has_fin && gate_leaves_with(flow, arrival)));
		return;
	}
	assert(octets);
	memmove(octets, arrival->packet->packet.data, arrival->packet->packet.len);
	gate_pass_rewritten(
		gate, arrival->packet, octets,
		craft_replace_payload(octets, room, segment, rewrite ? rewrite->seq : segment->seq,
	                              rewrite ? rewrite->payload : segment->payload, keep_fin));
}

void gate_resume(struct gate *gate, struct flow *flow)
{
	gate->asking = flow->client.address;
	if (!flow->session || flow->wait->settles_at_ms || !gate_advance(gate, flow))
		return;
	gate_offload_when_done(gate, flow);
	gate_release_held(gate, flow);
}

static void settle(struct gate *gate, struct flow *flow, const struct arrival *arrival)
{
	static const size_t spare = 64;
	struct flow_side *side = gate_side(flow, arrival->is_from_client);
	struct stream_rewrite rewrite;
	uint8_t *octets;

	switch (gate_fate(side, arrival->segment, &rewrite)) {
	case FATE_PASS:
		if (!(arrival->segment->flags & TCP_URG)) {
			gate_pass(gate, flow, arrival, NULL, 0, NULL);
			return;
		}
		rewrite = (struct stream_rewrite){ .seq = arrival->segment->seq,
			                           .payload = arrival->segment->payload };
		break;
	case FATE_REWRITE:
		break;
	case FATE_WAIT:
		if (gate_only_watches(gate)) {
			gate_pass(gate, flow, arrival, NULL, 0, NULL);
			return;
		}
		gate_hold(gate, flow, arrival);
		return;
	case FATE_EARLY:
		gate_hold(gate, flow, arrival);
		return;
	case FATE_DROP:
		gate->counters.dropped_early++;
		gate_drop(gate, arrival->packet);
		return;
	}
	octets = malloc(arrival->packet->packet.len + spare);
	if (!octets) {
		gate_drop(gate, arrival->packet);
		return;
	}
	gate_pass(gate, flow, arrival, octets, arrival->packet->packet.len + spare, &rewrite);
	free(octets);
}

/* The offending packet itself is the surest carrier of the reset: it takes the right way. */
static void refuse_arrival(struct gate *gate, struct flow *flow, const struct arrival *arrival)
{
	uint8_t octets[2048];

	if (!arrival->is_from_client || !flow->wait->refusal ||
	    arrival->packet->packet.len > sizeof(octets)) {
		gate_drop(gate, arrival->packet);
		return;
	}
	memcpy(octets, arrival->packet->packet.data, arrival->packet->packet.len);
	gate_pass_rewritten(gate, arrival->packet, octets,
	                    craft_into_reset(octets, arrival->segment,
	                                     refusal_server_seq(flow->wait->refusal)));
}

static void on_payload(struct gate *gate, struct flow *flow, const struct arrival *arrival)
{
	const struct segment *segment = arrival->segment;
	struct flow_side *side = gate_side(flow, arrival->is_from_client);
	enum stream_result result = STREAM_OLD;

	if (gate_is_beyond_end(side, segment)) {
		gate->counters.dropped_early++;
		gate_drop(gate, arrival->packet);
		return;
	}
	if (segment->payload.len > 0 && !gate_begin_midstream(gate, flow, arrival))
		return;
	if (segment->payload.len > 0)
		result = stream_push(side->stream, &flow->is_inconsistent, segment->seq,
		                     segment->payload);
	if (result == STREAM_FULL) {
		gate->counters.hold_overflows++;
		gate_drop(gate, arrival->packet);
		return;
	}
	if (result == STREAM_BUSY) {
		/* Taken in when acknowledgements make room; to pass it unread would blind us. */
		gate_hold(gate, flow, arrival);
		return;
	}
	if (result == STREAM_NEW && !gate_advance(gate, flow)) {
		refuse_arrival(gate, flow, arrival);
		return;
	}
	gate_offload_when_done(gate, flow);
	settle(gate, flow, arrival);
	if (result == STREAM_NEW)
		gate_release_held(gate, flow);
}

/* A server that still has one by these ports answers the SYN with where that one stands; the client then resets it. */
static bool is_of_older_connection(const struct flow *flow, const struct arrival *arrival)
{
	return flow->phase == FLOW_OPENING && !arrival->is_from_client && !flow->from_server.stream;
}

void gate_segment(struct gate *gate, struct flow *flow, const struct arrival *arrival)
{
	const struct segment *segment = arrival->segment;
	struct flow_side *side = gate_side(flow, arrival->is_from_client);

	gate_note_half(gate, flow, arrival);
	note_side(gate, flow, arrival);
	gate->asking = flow->client.address;
	if (flow->phase == FLOW_REFUSED) {
		gate->refusing = flow;
		if (flow->wait->refusal)
			refusal_answer(flow->wait->refusal, segment, arrival->is_from_client,
			               gate->now_ms);
		gate_drop(gate, arrival->packet);
		return;
	}
	if (flow->phase == FLOW_OFFLOADED) {
		gate_accept(gate, arrival->packet, arrival->is_from_client);
		return;
	}
	if (segment->flags & TCP_SYN) {
		gate_syn(gate, flow, arrival);
		return;
	}
	if (!gate_may_speak(gate, flow, arrival) || (!is_of_older_connection(flow, arrival) &&
	                                             !take_acknowledgement(gate, flow, arrival))) {
		gate->counters.dropped_malformed++;
		gate_drop(gate, arrival->packet);
		return;
	}
	if (flow->phase == FLOW_REFUSED) {
		refuse_arrival(gate, flow, arrival);
		return;
	}
	if (segment->flags & TCP_RST) {
		gate_reset(gate, flow, arrival);
		return;
	}
	/* A client that goes on did not get the server's reset. */
	if (arrival->is_from_client && flow->phase == FLOW_CLOSING && !flow->has_client_ended)
		flow->phase = FLOW_OPEN;
	if (segment->payload.len == 0 && !(segment->flags & TCP_FIN)) {
		gate_pass_bare(gate, arrival);
		return;
	}
	if (!side->stream)
		side->stream = stream_new(segment->seq, &gate->budget);
	if (!side->stream) {
		gate_drop(gate, arrival->packet);
		return;
	}
	on_payload(gate, flow, arrival);
}
