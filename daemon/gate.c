/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "gate_state.h"

/* Of each size of buffer: what the connections that speak within a few milliseconds have at a time. */
enum { SPARES_MAX = 512 * 1024 };

void gate_accept(struct gate *gate, const struct nfqueue_packet *packet, bool is_offloaded)
{
	const struct gate_verdict verdict = {
		.packet_id = packet->id,
		.mark = packet->mark,
		.is_accepted = true,
		.is_offloaded = is_offloaded,
	};

	gate->actions.verdict(gate->owner, &verdict);
}

/* In monitor everything passes, whatever is thought of it. */
void gate_drop(struct gate *gate, const struct nfqueue_packet *packet)
{
	const struct gate_verdict verdict = {
		.packet_id = packet->id,
		.mark = packet->mark,
		.is_accepted = gate_only_watches(gate),
	};

	gate->actions.verdict(gate->owner, &verdict);
}

/* Sebastiano Vigna's splitmix64 step over a secret start: unique, and nothing secret hangs on it. */
static uint64_t new_id(struct gate *gate)
{
	uint64_t mixed = gate->id_state += 0x9e3779b97f4a7c15u;

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
	mixed ^= mixed >> 31;
	return mixed != 0 ? mixed : new_id(gate);
}

void gate_write_id(struct gate *gate, char id[EVENT_ID_LEN + 1], struct flow *flow)
{
	static const char digits[] = "0123456789abcdef";

	if (flow->id == 0)
		flow->id = new_id(gate);
	for (size_t i = 0; i < EVENT_ID_LEN; i++)
		id[i] = digits[flow->id >> (4 * i) & 15];
	id[EVENT_ID_LEN] = '\0';
}

static void on_flow_leave(void *owner, struct flow *flow)
{
	struct gate *gate = owner;

	gate_forget_awake(gate, flow);
	gate_forget_passage(gate, flow);
	gate_drop_held(gate, flow);
	gate_end_wait(gate, flow);
	stream_free(flow->from_client.stream);
	stream_free(flow->from_server.stream);
	session_free(flow->session);
	gate_forget_domain(gate, flow);
}

struct gate *gate_new(const struct config *config, const uint8_t secret[TABLE_SECRET_LEN],
                      const struct gate_actions *actions, void *owner)
{
	struct gate *gate = calloc(1, sizeof(*gate));

	if (!gate)
		return NULL;
	gate->config = config;
	gate->actions = *actions;
	gate->owner = owner;
	gate->budget.limit = GATE_MEMORY_MAX;
	gate->budget.spares_max = SPARES_MAX;
	gate->handshakes.limit = SIZE_MAX;
	wheel_init(&gate->wheel, 0);
	memcpy(&gate->id_state, secret, sizeof(gate->id_state));
	memcpy(gate->secret, secret, sizeof(gate->secret));
	gate->flows = flow_table_new(GATE_FLOWS_MAX, secret, on_flow_leave, gate);
	gate->cache = promise_cache_new(config->dns_names_max, secret);
	gate->asked = table_new(GATE_ASKED_MAX, sizeof(uint64_t), sizeof(struct asked), secret,
	                        NULL, NULL);
	gate->broken = table_new(GATE_BROKEN_CLIENTS_MAX, sizeof(struct address),
	                         sizeof(struct broken_notes), secret, NULL, NULL);
	gate->heard = table_new(GATE_HEARD_ADDRESSES_MAX, sizeof(struct address),
	                        sizeof(struct heard_notes), secret, NULL, NULL);
	gate->named = table_new(GATE_NAMED_MAX, sizeof(struct address), sizeof(struct named),
	                        secret, NULL, NULL);
	gate->sighted =
		table_new(GATE_SIGHTED_MAX, sizeof(uint64_t), sizeof(uint64_t), secret, NULL, NULL);
	gate->client_held = table_new(GATE_FLOWS_MAX, sizeof(struct address),
	                              sizeof(struct client_held), secret, NULL, NULL);
	gate->keys = gate_keys_new(gate);
	gate->afterthoughts = calloc(GATE_AFTERTHOUGHTS_MAX, sizeof(*gate->afterthoughts));
	if (!gate->flows || !gate->cache || !gate->asked || !gate->broken || !gate->client_held ||
	    !gate->afterthoughts || !gate->heard || !gate->named || !gate->sighted || !gate->keys) {
		gate_free(gate);
		return NULL;
	}
	return gate;
}

void gate_free(struct gate *gate)
{
	if (!gate)
		return;
	flow_table_free(gate->flows);
	promise_cache_free(gate->cache);
	table_free(gate->asked);
	table_free(gate->broken);
	table_free(gate->heard);
	table_free(gate->named);
	table_free(gate->sighted);
	table_free(gate->client_held);
	gate_keys_free(gate->keys);
	free(gate->afterthoughts);
	budget_clear(&gate->budget);
	free(gate);
}

void gate_configure(struct gate *gate, const struct config *config)
{
	gate->config = config;
	gate->next_hops_are_known = false;
	/* What leads mail astray may stand in there, and what shows that: only the operator has it forgotten. */
	table_clear(gate->heard);
}

static bool is_guarded_port(const struct gate *gate, uint16_t port)
{
	const struct rules *rules = &gate->config->rules;

	for (size_t i = 0; i < rules->port_count; i++) {
		if (rules->ports[i] == port)
			return true;
	}
	return false;
}

struct flow *gate_add_flow(struct gate *gate, const struct arrival *arrival, bool is_midstream)
{
	const struct segment *segment = arrival->segment;
	struct flow *flow =
		arrival->is_from_client
			? flow_table_add(gate->flows, &segment->source, &segment->destination)
			: flow_table_add(gate->flows, &segment->destination, &segment->source);

	if (!flow)
		return NULL;
	flow->session = session_new(is_midstream, &gate->budget);
	if (!flow->session) {
		flow_table_remove(gate->flows, flow);
		return NULL;
	}
	flow->phase = FLOW_OPENING;
	flow->started_ms = gate->now_ms;
	flow->is_bridged = arrival->packet->is_bridged;
	flow->hook = arrival->packet->netfilter_hook == NF_INET_FORWARD ? HOOK_FORWARD
	             : arrival->packet->netfilter_hook == UINT8_MAX     ? HOOK_CAPTURE
	                                                                : HOOK_OUTPUT;
	gate->counters.flows_opened++;
	return flow;
}

/* The flow a first packet belongs to. is_doubtful: it may not be its sender's. NULL: the packet has had its verdict. */
static struct flow *adopt(struct gate *gate, struct arrival *arrival, bool is_doubtful)
{
	const struct segment *segment = arrival->segment;
	bool is_to_guarded = is_guarded_port(gate, segment->destination.port);
	bool is_of_guarded = is_guarded_port(gate, segment->source.port);
	struct flow *flow;

	if (!is_to_guarded && !is_of_guarded) {
		gate_accept(gate, arrival->packet, false);
		return NULL;
	}
	arrival->is_from_client = is_to_guarded;
	if (segment->flags & TCP_SYN) {
		bool is_answer = segment->flags & TCP_ACK;

		/*
		 * Of two guarded ports the SYN tells who opens. Of one, a far end never does, and no client answers: it would have the
		 * client's words taken for a server's.
		 */
		if (is_answer ? !is_of_guarded : !is_to_guarded) {
			gate_drop(gate, arrival->packet);
			return NULL;
		}
		arrival->is_from_client = !is_answer;
		/* An answer may be forged, to have a connection that we forgot begin anew. */
		flow = gate_add_flow(gate, arrival, is_answer || is_doubtful);
	} else if (segment->payload.len > 0 && !(segment->flags & TCP_RST)) {
		flow = gate_adopt_midstream(gate, arrival);
	} else {
		gate_pass_bare(gate, arrival);
		return NULL;
	}
	if (!flow)
		gate_drop(gate, arrival->packet);
	return flow;
}

/*
 * A client's SYN on a known pair of endpoints: the port is used again, or the client starts anew with another number. Where the old one
 * is still open, the client has forgotten it: if it was the client, by its own way.
 */
static bool is_another_connection(const struct flow *flow, const struct arrival *arrival)
{
	const struct segment *segment = arrival->segment;
	const struct flow_side *client = &flow->from_client;

	if (!arrival->is_from_client || (segment->flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
		return false;
	/* Whoever spoke in the server's name did so before its client: it keeps nobody away. */
	if (!client->has_ingress)
		return true;
	if (flow->phase != FLOW_OPEN && flow->phase != FLOW_OPENING)
		return true;
	if (client->has_first && client->first_seq == segment->seq + 1)
		return false;
	return flow->phase == FLOW_OPENING ||
	       (client->has_ingress && client->ingress == arrival->packet->ingress);
}

/*
 * In the client's name, but by the way of its server, or before that is known by another way than before: whoever is on the path
 * would have us read his octets in place of the client's. A client whose way changes is heard.
 */
static bool borrows_the_name(const struct flow *flow, const struct arrival *arrival)
{
	const struct flow_side *client = &flow->from_client;
	const struct flow_side *server = &flow->from_server;
	uint32_t ingress = arrival->packet->ingress;

	return arrival->is_from_client && client->has_ingress && ingress != client->ingress &&
	       (!server->has_ingress || ingress == server->ingress);
}

/*
 * It begins anew a connection of which only the server was heard, by that one's way: a client beyond the same interface, or who is on the
 * path and would have it forgotten that this one began before us.
 */
static bool is_doubtful_beginning(const struct flow *flow, const struct arrival *arrival)
{
	const struct flow_side *server = &flow->from_server;

	return !flow->from_client.has_ingress && server->has_ingress &&
	       server->ingress == arrival->packet->ingress;
}

/* For want of memory. */
static void come_again(struct gate *gate, const struct nfqueue_packet *packet)
{
	gate->counters.hold_overflows++;
	gate_drop(gate, packet);
}

/* False: the packet has had its verdict. */
static bool follow_passage(struct gate *gate, struct flow **flow, const struct arrival *arrival)
{
	bool has_memory, is_known;

	if (!*flow || !(*flow)->is_armed)
		return true;
	has_memory = gate_begin_share(gate, *flow);
	is_known = has_memory && gate_follow_passage(gate, *flow, arrival);
	gate_end_share(gate, *flow);
	if (!has_memory) {
		come_again(gate, arrival->packet);
	} else if (!is_known) {
		/* From here on it is one that began before us. */
		flow_table_remove(gate->flows, *flow);
		*flow = NULL;
	}
	return has_memory;
}

void gate_packet(struct gate *gate, const struct nfqueue_packet *packet, uint64_t now_ms,
                 uint64_t time_ms)
{
	struct segment segment;
	struct arrival arrival = { .packet = packet, .segment = &segment };
	enum packet_result result = packet_parse(&segment, packet->packet, packet->checksum_ready);
	bool is_doubtful = false;
	struct flow *flow;

	gate->now_ms = now_ms;
	gate->time_ms = time_ms;
	gate->counters.packets++;
	gate->counters.octets += packet->packet.len;
	if (result == PACKET_NOT_TCP) {
		gate_accept(gate, packet, false);
		return;
	}
	if (result != PACKET_OK || gate_is_nonsense(&segment)) {
		gate->counters.dropped_malformed++;
		gate_drop(gate, packet);
		return;
	}
	flow = flow_table_find(gate->flows, &arrival.is_from_client, &segment);
	if (flow && borrows_the_name(flow, &arrival)) {
		gate->counters.dropped_malformed++;
		gate_drop(gate, packet);
		return;
	}
	if (flow && is_another_connection(flow, &arrival)) {
		is_doubtful = is_doubtful_beginning(flow, &arrival);
		if (flow->session)
			gate_judge_end(gate, flow, "the client's next connection");
		flow_table_remove(gate->flows, flow);
		flow = NULL;
	}
	if (!follow_passage(gate, &flow, &arrival))
		return;
	if (!flow)
		flow = adopt(gate, &arrival, is_doubtful);
	if (!flow)
		return;
	if (gate_begin_share(gate, flow)) {
		gate_heed_answer(gate, flow, &arrival);
		gate_segment(gate, flow, &arrival);
		if (arrival.is_from_client && segment.payload.len > 0)
			gate_want_passage(gate, flow);
	} else {
		come_again(gate, packet);
	}
	gate_end_share(gate, flow);
	flow_table_settle(gate->flows, flow);
	gate_make_room(gate);
}

void gate_answer(struct gate *gate, const struct destination *destination, uint64_t now_ms,
                 uint64_t time_ms)
{
	gate->now_ms = now_ms;
	gate_note_answer(gate, destination);
	if (destination->is_afresh)
		(void)promise_cache_outdate(gate->cache, destination);
	/* Without memory the flows go on waiting, and hold-seconds ends it. */
	(void)promise_cache_put(gate->cache, destination, now_ms);
	gate_go_on(gate, destination->name, now_ms, time_ms);
}

void gate_forget(struct gate *gate, const char *name)
{
	if (name[0] == '\0') {
		promise_cache_clear(gate->cache);
		table_clear(gate->asked);
		gate->next_hops_are_known = false;
		return;
	}
	promise_cache_forget(gate->cache, name);
	gate_forget_asked(gate, name);
}

void gate_tick(struct gate *gate, uint64_t now_ms, uint64_t time_ms)
{
	gate->now_ms = now_ms;
	gate->time_ms = time_ms;
	gate_look_at_waits(gate);
	gate_expire(gate);
	gate_compare_keys(gate);
	gate_resolve_doubts(gate);
	gate_judge_afterthoughts(gate);
	gate_tell_half(gate);
}

const struct counters *gate_counters(struct gate *gate)
{
	struct address last;

	gate->counters.flows_now = flow_table_count(gate->flows);
	gate->counters.flows_standing = flow_table_count_rank(gate->flows, FLOW_RANK_STANDING);
	gate->counters.flows_driven_out = gate_driven_out(gate, &last);
	gate->counters.memory_now = gate->budget.used + gate->handshakes.used;
	gate->counters.cache_entries = promise_cache_count(gate->cache);
	return &gate->counters;
}

static void describe_flow(struct message_flow *row, const struct flow *flow, uint64_t now_ms)
{
	static const char *const phases[] = {
		[FLOW_OPENING] = "opening",  [FLOW_OPEN] = "open",       [FLOW_REFUSED] = "refused",
		[FLOW_OFFLOADED] = "passed", [FLOW_CLOSING] = "closing",
	};
	const char *state = flow->is_armed ? "body-in-kernel"
	                    : flow->phase == FLOW_OPEN && flow->session
	                            ? session_state_name(flow->session)
	                            : phases[flow->phase];

	row->type = MESSAGE_FLOW;
	row->client = flow->client;
	row->server = flow->server;
	text_copy(row->state, sizeof(row->state), state);
	if (flow->domain)
		text_copy(row->domain, sizeof(row->domain), flow->domain);
	row->age_s = (uint32_t)((now_ms - flow->started_ms) / 1000);
	row->idle_s = flow_idle_ms(flow, now_ms) / 1000;
	row->held_packets = (uint32_t)flow->wait->hold.count;
}

void gate_flows(struct gate *gate, uint64_t now_ms, size_t limit,
                void (*row)(void *owner, const struct message_flow *flow), void *owner)
{
	/* Those that stand before all that gives way to them. */
	for (int rank = FLOW_RANKS - 1; rank >= 0; rank--) {
		const struct flow *flow = flow_table_oldest(gate->flows, (enum flow_rank)rank);

		for (; flow && limit > 0; limit--, flow = flow_table_younger(flow)) {
			struct message_flow message = { 0 };

			describe_flow(&message, flow, now_ms);
			row(owner, &message);
		}
	}
}
