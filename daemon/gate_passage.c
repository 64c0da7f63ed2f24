/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_state.h"

#include "net/body_passage.h"

/*
 * Message bodies that pass in the kernel (net/body_passage.h). The kernel is armed at the place up to which all was read and passed, and goes
 * on from there only as long as the client's octets are a body without doubt; whatever else comes is queued, and before it is looked at
 * the flow's stream and session move on to where the kernel stands. What the server acknowledges meanwhile passes as well, and is caught
 * up with at the same time.
 *
 * Not armed at the 354 itself: a client that begins with a command did not see it as we did, and only its first line shows that.
 */

/* The kernel does not understand its packets, or never finds itself at the place. */
enum { PASSAGES_IN_VAIN_MAX = (1 << FLOW_VAIN_PASSAGES_BITS) - 1 };

static struct passage_flow passage_flow(const struct flow *flow)
{
	return (struct passage_flow){
		.client = flow->client,
		.server = flow->server,
		.ingress = flow->from_client.ingress,
	};
}

void gate_use_passage(struct gate *gate, struct body_passage *passage)
{
	gate->passage = passage;
	/* What a predecessor armed begins before us: it comes to the queue. */
	(void)body_passage_forget_all(passage);
}

/* Of the way of both ends the kernel knows only that it differs: a client's segment from the server's side is nobody's. */
static bool come_by_ways_of_their_own(const struct flow *flow)
{
	const struct flow_side *client = &flow->from_client;
	const struct flow_side *server = &flow->from_server;

	return client->has_ingress && server->has_ingress && client->ingress != server->ingress;
}

static bool may_pass(const struct flow *flow)
{
	return flow->phase == FLOW_OPEN && flow->is_established && !flow->is_passage_barred &&
	       !flow->wait->settles_at_ms && !flow->is_inconsistent && !flow->has_client_ended &&
	       !flow->from_client.has_fin && flow->wait->hold.count == 0 && flow->session &&
	       session_may_skip(flow->session) && flow->from_client.stream &&
	       stream_may_skip(flow->from_client.stream) && flow->from_server.stream &&
	       stream_readable(flow->from_server.stream).len == 0 &&
	       come_by_ways_of_their_own(flow);
}

void gate_want_passage(struct gate *gate, struct flow *flow)
{
	if (!gate->passage || flow->is_armed || flow->wants_passage ||
	    gate->arming_count == GATE_ARMING_MAX || !may_pass(flow))
		return;
	gate->arming[gate->arming_count++] = flow;
	flow->wants_passage = true;
}

static void arm(struct gate *gate, struct flow *flow)
{
	const struct passage_flow key = passage_flow(flow);
	const struct flow_side *server = &flow->from_server;
	struct passage_place place = {
		.next_seq = stream_next(flow->from_client.stream),
		.answers = { .may_pass = true,
		             .window = server->last_window,
		             .seq = stream_next(server->stream),
		             .ingress = server->ingress,
		             .acked = stream_acked(flow->from_client.stream),
		             .timestamp = server->last_timestamp },
	};

	stream_tail(flow->from_client.stream, place.tail);
	if (body_passage_arm(gate->passage, &key, &place) != 0) {
		gate->counters.passage_failures++;
		flow->is_passage_barred = true;
		return;
	}
	flow->is_armed = true;
	gate->counters.passages++;
}

void gate_arm(struct gate *gate)
{
	for (size_t i = 0; i < gate->arming_count; i++) {
		struct flow *flow = gate->arming[i];

		flow->wants_passage = false;
		if (gate_begin_share(gate, flow) && may_pass(flow))
			arm(gate, flow);
		gate_end_share(gate, flow);
	}
	gate->arming_count = 0;
}

/* What the server has acknowledged unseen, as gate_segment would have taken it. */
static void take_answers(struct flow *flow, const struct passage_answers *answers)
{
	struct stream *stream = flow->from_client.stream;
	struct flow_side *server = &flow->from_server;
	int32_t ahead = seq_distance(answers->acked, stream_acked(stream));

	if (!answers->may_pass || ahead < 0 || !stream_acknowledge(stream, answers->acked))
		return;
	/* Of two at the same place nobody knows which was the last: the client may have but the smaller window. */
	if (ahead > 0 || answers->window < server->last_window)
		server->last_window = answers->window;
	if (ahead > 0)
		server->last_ack = answers->acked;
	if (server->has_timestamps && seq_distance(answers->timestamp, server->last_timestamp) > 0)
		server->last_timestamp = answers->timestamp;
}

/* The kernel has passed all up to there. */
static void move_on(struct gate *gate, struct flow *flow, const struct passage_place *place)
{
	struct stream *stream = flow->from_client.stream;
	uint32_t passed = place->next_seq - stream_next(stream);

	if (passed > 0) {
		gate->counters.passage_octets += passed;
		flow->vain_passages = 0;
		stream_skip(stream, place->next_seq, place->tail);
		session_skip_body(flow->session, place->tail);
	}
	take_answers(flow, &place->answers);
}

static bool look(struct gate *gate, struct flow *flow)
{
	const struct passage_flow key = passage_flow(flow);
	struct passage_look seen;
	uint32_t before = stream_next(flow->from_client.stream);

	if (body_passage_look(gate->passage, &seen, &key) != 0)
		return false;
	move_on(gate, flow, &seen.place);
	return stream_next(flow->from_client.stream) != before;
}

bool gate_end_passage(struct gate *gate, struct flow *flow)
{
	const struct passage_flow key = passage_flow(flow);
	struct passage_place reached;

	if (!flow->is_armed)
		return true;
	flow->is_armed = false;
	if (body_passage_take_back(gate->passage, &reached, &key) != 0) {
		gate->counters.passages_lost++;
		flow->is_passage_barred = true;
		return false;
	}
	if (++flow->vain_passages == PASSAGES_IN_VAIN_MAX)
		flow->is_passage_barred = true;
	move_on(gate, flow, &reached);
	return true;
}

void gate_heed_answer(struct gate *gate, struct flow *flow, const struct arrival *arrival)
{
	const struct segment *segment = arrival->segment;
	uint32_t end = segment->seq + (uint32_t)segment->payload.len;

	if (gate->passage && !arrival->is_from_client && segment->payload.len > 0 &&
	    flow->session && session_is_in_body(flow->session) && flow->from_server.stream &&
	    seq_distance(end, stream_next(flow->from_server.stream)) > 0)
		flow->is_passage_barred = true;
}

/* Neither moves the body on nor ends anything; a client's by another way has the flow known by that one. */
static bool is_bare(const struct flow *flow, const struct arrival *arrival)
{
	const struct segment *segment = arrival->segment;

	return segment->payload.len == 0 &&
	       !(segment->flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_URG)) &&
	       (!arrival->is_from_client || arrival->packet->ingress == flow->from_client.ingress);
}

bool gate_follow_passage(struct gate *gate, struct flow *flow, const struct arrival *arrival)
{
	const struct segment *segment = arrival->segment;

	if (!is_bare(flow, arrival))
		return gate_end_passage(gate, flow);
	if (!arrival->is_from_client && segment->flags & TCP_ACK &&
	    seq_distance(segment->ack, stream_next(flow->from_client.stream)) > 0)
		(void)look(gate, flow);
	return true;
}

void gate_forget_passage(struct gate *gate, struct flow *flow)
{
	const struct passage_flow key = passage_flow(flow);

	if (flow->is_armed)
		body_passage_forget(gate->passage, &key);
	flow->is_armed = false;
	for (size_t i = 0; flow->wants_passage && i < gate->arming_count; i++) {
		if (gate->arming[i] != flow)
			continue;
		gate->arming[i] = gate->arming[--gate->arming_count];
		flow->wants_passage = false;
	}
}

bool gate_is_passing(struct gate *gate, struct flow *flow)
{
	bool has_moved;

	if (!flow->is_armed)
		return false;
	has_moved = gate_begin_share(gate, flow) && look(gate, flow);
	gate_end_share(gate, flow);
	if (!has_moved)
		return false;
	flow->last_ms = (uint32_t)gate->now_ms;
	flow_table_touch(gate->flows, flow);
	return true;
}
