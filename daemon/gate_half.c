/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_state.h"

#include <stdio.h>
#include <string.h>

/*
 * Connections of which one direction takes another way: the operator wonders why mail waits, or believes it guarded. Told with the last
 * one, again while it goes on, and as over after as long without any.
 */
enum { HALF_PERIOD_MS = 10 * 60 * 1000 };

/* It acknowledges an answer to its SYN that never came by. */
static bool lacks_server(const struct flow *flow, const struct arrival *arrival)
{
	return arrival->is_from_client && flow->phase == FLOW_OPENING &&
	       !flow->from_server.has_ingress &&
	       (arrival->segment->flags & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK;
}

/* It acknowledges more and more of a client that was never heard. */
static bool lacks_client(const struct flow *flow, const struct arrival *arrival)
{
	const struct flow_side *server = &flow->from_server;

	return !arrival->is_from_client && !flow->from_client.has_ingress && server->has_ack &&
	       arrival->segment->flags & TCP_ACK &&
	       seq_distance(arrival->segment->ack, server->last_ack) > 0;
}

void gate_note_half(struct gate *gate, const struct flow *flow, const struct arrival *arrival)
{
	bool is_client_lacking = lacks_client(flow, arrival);

	if (!is_client_lacking && !lacks_server(flow, arrival))
		return;
	gate->half = (struct half){
		.is_on = true,
		.is_client_lacking = is_client_lacking,
		.client = flow->client.address,
		.server = flow->server.address,
		.last_ms = gate->now_ms,
		.told_ms = gate->half.told_ms,
	};
}

static void describe(char text[EVENT_TEXT_MAX], const struct half *half)
{
	char client[ADDRESS_TEXT_MAX], server[ADDRESS_TEXT_MAX];

	(void)snprintf(
		text, EVENT_TEXT_MAX,
		"of connections one direction takes another way, last from %s to %s: the %s. "
		"Lead both ways through this machine",
		address_format(client, &half->client), address_format(server, &half->server),
		half->is_client_lacking ? "client's words do not come by, and are not judged"
					: "server's answers do not come by, so mail waits");
}

void gate_tell_half(struct gate *gate)
{
	struct half *half = &gate->half;
	struct event event = { .kind = EVENT_DEGRADED, .count = 1, .time_ms = gate->time_ms };

	if (!half->is_on || (half->told_ms && gate->now_ms - half->told_ms < HALF_PERIOD_MS))
		return;
	text_copy(event.subject, sizeof(event.subject), "routes");
	if (half->told_ms && half->last_ms < half->told_ms) {
		event.kind = EVENT_RECOVERED;
		text_copy(event.text, sizeof(event.text),
		          "both directions of all connections come by again");
		*half = (struct half){ .is_on = false };
	} else {
		describe(event.text, half);
		half->told_ms = gate->now_ms;
	}
	gate->actions.tell(gate->owner, &event);
}
