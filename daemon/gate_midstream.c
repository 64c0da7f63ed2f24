/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_state.h"

/*
 * Connections that began before us: after our start, or when a guard took the place of one that died. Of these the first segment seen
 * need not be the first that the server lacks: what the dead one had read comes again, after the client's retransmission timeout. So
 * the client's segments gather for a second, or until the server has said where it stands; reading begins at the lowest.
 */

static void reset_both(struct gate *gate, const struct arrival *arrival, const struct flow *flow)
{
	const struct segment *segment = arrival->segment;
	const struct craft back = {
		.source = segment->destination,
		.destination = segment->source,
		.seq = segment->ack,
		.flags = TCP_RST,
	};
	const struct craft onward = {
		.source = segment->source,
		.destination = segment->destination,
		.seq = segment->seq,
		.flags = TCP_RST,
	};

	gate->actions.send(gate->owner, arrival->is_from_client, &back, flow);
	gate->actions.send(gate->owner, !arrival->is_from_client, &onward, flow);
}

struct flow *gate_adopt_midstream(struct gate *gate, struct arrival *arrival)
{
	const struct segment *segment = arrival->segment;
	uint32_t client_seq = arrival->is_from_client ? segment->seq : segment->ack;
	uint32_t server_seq = arrival->is_from_client ? segment->ack : segment->seq;
	struct flow *flow = gate_add_flow(gate, arrival, true);

	if (!flow)
		return NULL;
	gate->counters.flows_midstream++;
	flow->phase = FLOW_OPEN;
	flow->is_established = true;
	flow->from_client.stream = stream_new(client_seq, &gate->budget);
	flow->from_server.stream = stream_new(server_seq, &gate->budget);
	if (!flow->from_client.stream || !flow->from_server.stream) {
		flow_table_remove(gate->flows, flow);
		return NULL;
	}
	if (gate->config->midstream == MIDSTREAM_PASS) {
		flow->phase = FLOW_OFFLOADED;
	} else if (gate_only_watches(gate)) {
		return flow;
	} else if (gate->config->midstream == MIDSTREAM_RESET) {
		reset_both(gate, arrival, flow);
		flow_table_remove(gate->flows, flow);
		return NULL;
	} else if (arrival->is_from_client) {
		if (!gate_begin_wait(gate, flow)) {
			flow_table_remove(gate->flows, flow);
			return NULL;
		}
		flow->wait->settles_at_ms = gate->now_ms + GATE_SETTLE_MS;
	}
	return flow;
}

/* Reading begins anew, one side at another place. False: out of memory. */
static bool begin_anew(struct gate *gate, struct flow *flow, struct flow_side *side, uint32_t seq)
{
	struct session *session = session_new(true, &gate->budget);
	struct stream *stream = stream_new(seq, &gate->budget);

	if (!session || !stream) {
		session_free(session);
		stream_free(stream);
		return false;
	}
	session_free(flow->session);
	stream_free(side->stream);
	flow->session = session;
	side->stream = stream;
	return true;
}

static bool is_before_the_beginning(struct flow *flow, uint32_t seq)
{
	const struct flow_side *server = &flow->from_server;
	int32_t distance = seq_distance(seq, stream_acked(flow->from_client.stream));

	return distance < 0 && distance > -GATE_WINDOW_MAX &&
	       (!server->has_ack || seq_distance(seq, server->last_ack) >= 0);
}

static bool is_lowest(const struct flow *flow, uint32_t seq)
{
	for (size_t i = 0; i < flow->wait->hold.count; i++) {
		const struct held_packet *held = flow->wait->hold.packets[i];

		if (held->is_from_client && seq_distance(held->seq, seq) < 0)
			return false;
	}
	return true;
}

bool gate_begin_midstream(struct gate *gate, struct flow *flow, const struct arrival *arrival)
{
	uint32_t seq = arrival->segment->seq;

	if (!arrival->is_from_client || !session_facts(flow->session)->is_midstream)
		return true;
	if (flow->wait->settles_at_ms) {
		/* The server may claim to have what its client is sending again. */
		if (!flow->from_server.has_ack || flow->from_server.last_ack != seq ||
		    !is_lowest(flow, seq)) {
			gate_hold(gate, flow, arrival);
			return false;
		}
		flow->wait->settles_at_ms = 0;
		if (begin_anew(gate, flow, &flow->from_client, seq))
			return true;
		gate_drop(gate, arrival->packet);
		return false;
	}
	if (!is_before_the_beginning(flow, seq))
		return true;
	if (gate_only_watches(gate))
		return begin_anew(gate, flow, &flow->from_client, seq) ||
		       (gate_accept(gate, arrival->packet, false), false);
	/* Later octets have been judged without these: the sender starts over. */
	reset_both(gate, arrival, flow);
	gate_drop(gate, arrival->packet);
	flow->phase = FLOW_CLOSING;
	return false;
}

/* False: none of that side's packets is held. */
static bool find_lowest_held(uint32_t *lowest, const struct flow *flow, bool is_from_client)
{
	bool is_known = false;

	for (size_t i = 0; i < flow->wait->hold.count; i++) {
		const struct held_packet *held = flow->wait->hold.packets[i];

		if (held->is_from_client != is_from_client ||
		    (is_known && seq_distance(held->seq, *lowest) >= 0))
			continue;
		*lowest = held->seq;
		is_known = true;
	}
	return is_known;
}

void gate_settle_midstream(struct gate *gate, struct flow *flow)
{
	uint32_t lowest = 0;

	if (!flow->wait->settles_at_ms || gate->now_ms < flow->wait->settles_at_ms)
		return;
	flow->wait->settles_at_ms = 0;
	/* Without memory the old beginning stays, and what lies before it starves. */
	if (find_lowest_held(&lowest, flow, true))
		(void)begin_anew(gate, flow, &flow->from_client, lowest);
}

void gate_skip_gap(struct gate *gate, struct flow *flow, bool is_from_client, uint32_t ack)
{
	struct flow_side *side = gate_side(flow, is_from_client);
	uint32_t lowest = 0;

	/* What the sender sent behind the gap shows that it is one; an acknowledgement alone is easily forged. */
	if (!find_lowest_held(&lowest, flow, is_from_client) ||
	    seq_distance(lowest, stream_next(side->stream)) <= 0 || seq_distance(ack, lowest) < 0)
		return;
	if (begin_anew(gate, flow, side, lowest))
		gate_release_held(gate, flow);
}
