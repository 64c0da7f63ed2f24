/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_state.h"

#include <stdio.h>
#include <string.h>

#include "enforce/reject.h"

enum {
	/* What fits every path (RFC 9293 section 3.7.1, RFC 8200 section 5), less 12 octets of timestamps. */
	SEGMENT_MAX_4 = 536 - 12,
	SEGMENT_MAX_6 = 1220 - 12,
	REFUSED_WINDOW = 8192,
	/* The fastest clocks tick once in a millisecond (RFC 7323 section 5.4): four hours. */
	TIMESTAMP_AHEAD_MAX = 1 << 24,
	RESET_CARRIER_MAX =
		2048, /* a larger one is a segmentation-offload packet, which cannot shrink to a RST */
};

void gate_send(void *owner, bool to_client, const struct craft *craft)
{
	struct gate *gate = owner;

	gate->actions.send(gate->owner, to_client, craft, gate->refusing);
}

/* "421 4.7.4 …": the reason for the postmaster who reads his own queue, and the id by which ours finds the event. */
static void write_reply(char text[REFUSAL_TEXT_MAX], const struct verdict *verdict,
                        const struct event *event)
{
	snprintf(text, REFUSAL_TEXT_MAX, "421 %s %s (hopguard: %s%s%.100s, promise %s, id %s)\r\n",
	         reason_status_code(verdict->reason), reason_words(verdict->reason, event->place),
	         reason_name(verdict->reason), event->domain[0] ? ", " : "", event->domain,
	         promise_source_name(event->promise.source), event->id);
}

/* All that the client sent: held and early segments too. */
static uint32_t client_next(const struct flow *flow)
{
	uint32_t next = stream_next(flow->from_client.stream);

	if (flow->from_client.has_fin && flow->from_client.fin_seq == next)
		next++;
	for (size_t i = 0; i < flow->wait->hold.count; i++) {
		const struct held_packet *held = flow->wait->hold.packets[i];
		struct segment segment;
		uint32_t end;

		if (!held->is_from_client ||
		    packet_parse(&segment, bytes_of(held->packet, held->len), false) != PACKET_OK)
			continue;
		end = segment.seq + segment_span(&segment);
		if (seq_distance(end, next) > 0)
			next = end;
	}
	return next;
}

uint32_t gate_server_timestamp(const struct flow *flow)
{
	uint32_t echo = flow->last_echo;
	int32_t ahead = seq_distance(flow->from_server.last_timestamp, echo);

	return echo + (ahead > 0 && ahead < TIMESTAMP_AHEAD_MAX ? (uint32_t)ahead : 0);
}

static struct refusal *prepare(struct gate *gate, struct flow *flow, const char *text)
{
	const struct flow_side *client = &flow->from_client;
	const struct flow_side *server = &flow->from_server;
	const struct facts *facts = session_facts(flow->session);
	struct refusal_start start = {
		.client = flow->client,
		.server = flow->server,
		.is_tls = facts->starttls_answer == STARTTLS_READY || facts->tls != TLS_NONE,
		.client_next = client_next(flow),
		.server_acked = stream_acked(client->stream),
		.window = REFUSED_WINDOW,
		.has_timestamps = client->has_timestamps && server->has_timestamps,
		.server_timestamp = gate_server_timestamp(flow),
		.client_timestamp = client->last_timestamp,
		.segment_max = flow->client.address.family == 4 ? SEGMENT_MAX_4 : SEGMENT_MAX_6,
		.text = text,
	};

	if (server->stream) {
		start.server_next = stream_allowed(server->stream);
		start.client_acked = stream_acked(server->stream);
		start.undelivered = stream_kept(server->stream, start.client_acked);
		if (budget_charge(&gate->budget, start.undelivered.len))
			flow->wait->refusal_charged = start.undelivered.len;
		else
			start.undelivered = (struct bytes){ 0 };
	} else {
		start.server_next = start.client_acked = client->last_ack;
	}
	return refusal_new(&start, gate_send, gate, gate->now_ms);
}

/* The first held packet of the client goes on as a reset, the rest is dropped. */
static void turn_held_into_reset(struct gate *gate, struct flow *flow)
{
	bool is_sent = false;

	while (flow->wait->hold.count > 0) {
		struct held_packet *held = flow->wait->hold.packets[0];
		struct gate_verdict verdict = { .packet_id = held->packet_id, .mark = held->mark };
		struct segment segment;

		if (!is_sent && held->is_from_client && held->len <= RESET_CARRIER_MAX &&
		    packet_parse(&segment, bytes_of(held->packet, held->len), false) == PACKET_OK) {
			is_sent = true;
			verdict.is_accepted = true;
			verdict.packet =
				bytes_of(held->packet,
			                 craft_into_reset(held->packet, &segment,
			                                  refusal_server_seq(flow->wait->refusal)));
		}
		if (verdict.packet_id != 0)
			gate->actions.verdict(gate->owner, &verdict);
		gate_forget_held(gate, flow, 0);
	}
}

void gate_refuse(struct gate *gate, struct flow *flow, const struct verdict *verdict,
                 const struct event *event)
{
	char text[REFUSAL_TEXT_MAX];

	(void)gate_end_passage(gate, flow);
	write_reply(text, verdict, event);
	gate->refusing = flow;
	flow->phase = FLOW_REFUSED;
	if (gate_begin_wait(gate, flow)) {
		flow->wait->refusal = prepare(gate, flow, text);
		flow->wait->waiting_since_ms = 0;
		flow->wait->line_since_ms = 0;
	}
	if (flow->wait->refusal) {
		turn_held_into_reset(gate, flow);
		refusal_begin(flow->wait->refusal, true, gate->now_ms);
	} else {
		/* Out of memory: the connection starves, nothing passes. */
		gate_drop_held(gate, flow);
	}
	stream_free(flow->from_client.stream);
	stream_free(flow->from_server.stream);
	session_free(flow->session);
	flow->from_client.stream = NULL;
	flow->from_server.stream = NULL;
	flow->session = NULL;
	flow_table_settle(gate->flows, flow);
}
