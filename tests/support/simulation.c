/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "support/simulation.h"

#include <stdlib.h>
#include <string.h>

#include "support/simulation_answers.h"
#include "support/simulation_keys.h"

enum {
	PACKET_ROOM = 2048,
	SEGMENT_MAX = 1400,
	TRIES_MAX = 24,
	RESEND_MS = 300,
	DISORDER_REACH = 8
};

struct simulation_packet {
	struct simulation_packet *next;
	uint32_t id;
	bool is_from_client;
	bool is_foreign;
	size_t len;
	uint8_t octets[PACKET_ROOM];
};

static uint64_t roll(struct simulation *simulation)
{
	simulation->random ^= simulation->random << 13;
	simulation->random ^= simulation->random >> 7;
	simulation->random ^= simulation->random << 17;
	return simulation->random;
}

/* What arrives is put where its sequence number says; the first copy of an octet wins. */
static void arrive(struct simulation *simulation, const uint8_t *octets, size_t len,
                   bool is_from_client)
{
	struct simulation_peer *to = is_from_client ? &simulation->server : &simulation->client;
	const struct simulation_peer *from =
		is_from_client ? &simulation->client : &simulation->server;
	struct segment segment;
	int32_t at;

	if (packet_parse(&segment, bytes_of(octets, len), true) != PACKET_OK)
		abort(); /* what passes must be whole, its checksums right */
	simulation->arrived_count++;
	if (simulation->is_losing)
		return;
	at = seq_distance(segment.seq, from->first_seq);
	for (size_t i = 0; i < segment.payload.len; i++) {
		int64_t place = (int64_t)at + (int64_t)i;

		if (place < 0 || place >= SIMULATION_STREAM_MAX || to->has[place])
			continue;
		to->got[place] = segment.payload.data[i];
		to->has[place] = true;
	}
	while (to->got_len < SIMULATION_STREAM_MAX && to->has[to->got_len])
		to->got_len++;
	if ((segment.flags & TCP_FIN) && at + (int64_t)segment.payload.len == (int64_t)to->got_len)
		to->got_fin = true;
	if ((segment.flags & TCP_RST) && at == (int64_t)to->got_len)
		to->got_reset = true;
	if (segment.flags & TCP_URG)
		to->got_urgent = true;
}

static void on_verdict(void *owner, const struct gate_verdict *verdict)
{
	struct simulation *simulation = owner;
	struct simulation_packet **link = &simulation->packets, *packet;

	while (*link && (*link)->id != verdict->packet_id)
		link = &(*link)->next;
	packet = *link;
	if (!packet)
		abort(); /* a second verdict, or one for a packet that never was */
	*link = packet->next;
	simulation->held_count--;
	if (verdict->is_offloaded)
		simulation->offloaded_count++;
	if (packet->is_foreign)
		simulation->foreign_passed += verdict->is_accepted;
	else if (verdict->is_accepted && verdict->packet.len > 0)
		arrive(simulation, verdict->packet.data, verdict->packet.len,
		       packet->is_from_client);
	else if (verdict->is_accepted)
		arrive(simulation, packet->octets, packet->len, packet->is_from_client);
	free(packet);
}

static void on_ask(void *owner, enum question_kind kind, const char *name, bool is_refresh)
{
	struct simulation *simulation = owner;

	simulation->refresh_count += is_refresh;
	/* Neither memory nor a reverse zone knows anything here. */
	if (kind == QUESTION_ADDRESS)
		return;
	if (simulation->asked_count == sizeof(simulation->asked) / sizeof(simulation->asked[0]))
		return;
	simulation->is_asked_afresh[simulation->asked_count] = is_refresh;
	text_copy(simulation->asked[simulation->asked_count++], DOMAIN_NAME_MAX, name);
}

static void on_tell(void *owner, const struct event *event)
{
	struct simulation *simulation = owner;

	if (simulation->event_count < SIMULATION_EVENTS_MAX)
		simulation->events[simulation->event_count++] = *event;
}

static void on_broken(void *owner, const struct message_broken *broken)
{
	struct simulation *simulation = owner;

	(void)broken;
	simulation->broken_count++;
}

static void on_echo(void *owner, uint32_t number)
{
	struct simulation *simulation = owner;

	simulation->echo = number;
	simulation->has_echo = true;
}

static void on_send(void *owner, bool to_client, const struct craft *craft, const struct flow *flow)
{
	struct simulation *simulation = owner;
	uint8_t octets[PACKET_ROOM];
	size_t len = craft_segment(octets, sizeof(octets), craft);

	(void)flow;
	if (len == 0)
		abort();
	if (simulation->tap && to_client)
		simulation->tap(simulation->tap_owner, simulation->now_ms, bytes_of(octets, len));
	arrive(simulation, octets, len, !to_client);
}

/* Through the gate, or by it. */
static void put_through(struct simulation *simulation, bool is_client, const struct craft *craft,
                        uint32_t ingress, bool is_foreign)
{
	struct simulation_packet *packet = calloc(1, sizeof(*packet));
	struct nfqueue_packet queued = { .netfilter_hook = 2,
		                         .checksum_ready = true,
		                         .ingress = ingress };

	if (!packet)
		abort();
	packet->id = queued.id = ++simulation->next_id;
	packet->is_from_client = is_client;
	packet->is_foreign = is_foreign;
	packet->len = craft_segment(packet->octets, sizeof(packet->octets), craft);
	if (packet->len == 0)
		abort();
	packet->next = simulation->packets;
	simulation->packets = packet;
	simulation->held_count++;
	queued.packet = bytes_of(packet->octets, packet->len);
	if (simulation->tap)
		simulation->tap(simulation->tap_owner, simulation->now_ms, queued.packet);
	if (simulation->is_bypassed) {
		on_verdict(simulation,
		           &(struct gate_verdict){ .packet_id = packet->id, .is_accepted = true });
		return;
	}
	if (passage_model_passes(&simulation->kernel, ingress, queued.packet)) {
		on_verdict(simulation,
		           &(struct gate_verdict){ .packet_id = packet->id, .is_accepted = true });
		return;
	}
	gate_packet(simulation->gate, &queued, simulation->now_ms, simulation->now_ms);
	if (!simulation->is_arming_late || simulation->next_id % 3 == 0)
		gate_arm(simulation->gate);
	simulation_answer(simulation);
}

static void send_packet(struct simulation *simulation, bool is_client, uint8_t flags, size_t from,
                        size_t len)
{
	const struct simulation_peer *self = is_client ? &simulation->client : &simulation->server;
	const struct simulation_peer *other = is_client ? &simulation->server : &simulation->client;
	struct craft craft = {
		.source = is_client ? simulation->client_endpoint : simulation->server_endpoint,
		.destination =
			is_client ? simulation->server_endpoint : simulation->client_endpoint,
		.seq = self->first_seq + (uint32_t)from - (flags & TCP_SYN ? 1 : 0),
		.ack = other->first_seq + (uint32_t)self->got_len + (self->got_fin ? 1 : 0),
		.window = 64240,
		.flags = flags,
		.payload = bytes_of(self->sent + from, len),
	};

	if (!(flags & TCP_ACK))
		craft.ack = 0;
	put_through(simulation, is_client, &craft,
	            is_client ? SIMULATION_INSIDE : SIMULATION_OUTSIDE, false);
}

bool simulation_put(struct simulation *simulation, bool is_client, const struct craft *craft)
{
	size_t passed_before = simulation->foreign_passed;

	put_through(simulation, is_client, craft,
	            is_client ? SIMULATION_INSIDE : SIMULATION_OUTSIDE, true);
	return simulation->foreign_passed > passed_before;
}

bool simulation_forge(struct simulation *simulation, const struct simulation_forgery *forgery)
{
	const struct simulation_peer *self =
		forgery->is_client ? &simulation->client : &simulation->server;
	const struct simulation_peer *other =
		forgery->is_client ? &simulation->server : &simulation->client;
	size_t arrived_before = simulation->arrived_count;
	uint32_t ingress = forgery->is_inside  ? SIMULATION_INSIDE
	                   : forgery->is_aside ? SIMULATION_ASIDE
	                                       : SIMULATION_OUTSIDE;
	struct craft craft = {
		.source = forgery->is_client ? simulation->client_endpoint
		                             : simulation->server_endpoint,
		.destination = forgery->is_client ? simulation->server_endpoint
		                                  : simulation->client_endpoint,
		.seq = self->first_seq + (uint32_t)forgery->from,
		.ack = other->first_seq + (uint32_t)forgery->ack,
		.window = 64240,
		.flags = forgery->flags,
		.payload = bytes_of_string(forgery->text ? forgery->text : ""),
	};

	if (!(forgery->flags & TCP_ACK))
		craft.ack = 0;
	simulation->is_losing = forgery->is_lost;
	put_through(simulation, forgery->is_client, &craft, ingress, false);
	simulation->is_losing = false;
	return simulation->arrived_count > arrived_before;
}

static void set_endpoint(struct endpoint *endpoint, const char *address, uint16_t port)
{
	if (!address_parse(&endpoint->address, address))
		abort();
	endpoint->port = port;
}

static void on_sighting(void *owner, const struct message_sighting *sighting)
{
	struct simulation *simulation = owner;

	simulation->sighting = *sighting;
	simulation->sighting_count++;
}

static bool on_names(void *owner, const struct message_names *names)
{
	struct simulation *simulation = owner;

	if (!simulation->is_names_away && names->word == NAMES_ASKED) {
		simulation->names_asked = *names;
		simulation->has_names_asked = true;
		simulation->names_asked_count++;
		return true;
	}
	if (!simulation->is_names_away && simulation->names_count < SIMULATION_NAMES_MAX)
		simulation->names[simulation->names_count++] = *names;
	return !simulation->is_names_away;
}

static void make_gate(struct simulation *simulation)
{
	static const uint8_t secret[TABLE_SECRET_LEN] = "simulated secret";
	const struct gate_actions actions = {
		.verdict = on_verdict,
		.ask = on_ask,
		.tell = on_tell,
		.broken = on_broken,
		.sighting = on_sighting,
		.names = on_names,
		.echo = on_echo,
		.check = simulation->verify ? simulation_on_check : NULL,
		.probe = simulation->probe ? simulation_on_probe : NULL,
		.send = on_send,
	};

	simulation->gate = gate_new(&simulation->config, secret, &actions, simulation);
	if (!simulation->gate)
		abort();
}

struct simulation *simulation_new(uint8_t family, enum simulation_cut cut, uint64_t seed)
{
	struct simulation *simulation = calloc(1, sizeof(*simulation));
	struct config *config;

	if (!simulation)
		abort();
	config = &simulation->config;
	config->stance = (struct stance){ .mode = MODE_ENFORCE,
		                          .blocks_inability = true,
		                          .blocks_undecided = true };
	config->hold_ms = 20000;
	config->dns_names_max = 16384;
	config->rules.ports[0] = 25;
	config->rules.port_count = 1;
	simulation->cut = cut;
	simulation->random = seed * 2 + 88172645463325253u;
	simulation->now_ms = 1000;
	simulation->is_answering = true;
	set_endpoint(&simulation->client_endpoint, family == 4 ? "192.0.2.2" : "2001:db8:1::2",
	             40112);
	set_endpoint(&simulation->server_endpoint, family == 4 ? "198.51.100.25" : "2001:db8:2::25",
	             25);
	simulation->client.first_seq = (uint32_t)roll(simulation);
	simulation->server.first_seq = (uint32_t)roll(simulation);
	make_gate(simulation);
	return simulation;
}

void simulation_verify(struct simulation *simulation,
                       void (*verify)(void *owner, struct key_finding *finding,
                                      const struct message_check *check, size_t len),
                       void (*probe)(void *owner, struct message_probed *probed,
                                     const struct message_probe *probe),
                       void *owner)
{
	simulation->verify = verify;
	simulation->probe = probe;
	simulation->verify_owner = owner;
	if (!simulation->probed)
		simulation->probed = calloc(SIMULATION_PROBES_MAX, sizeof(*simulation->probed));
	if (!simulation->probed)
		abort();
	simulation->config.probe_life_ms = 300 * 1000;
	gate_free(simulation->gate);
	make_gate(simulation);
}

void simulation_use_passage(struct simulation *simulation)
{
	simulation->passage = passage_model_new(&simulation->kernel);
	if (!simulation->passage)
		abort();
	gate_use_passage(simulation->gate, simulation->passage);
}

void simulation_free(struct simulation *simulation)
{
	gate_free(simulation->gate);
	if (passage_model_is_armed(&simulation->kernel))
		abort(); /* what leaves is forgotten */
	body_passage_free(simulation->passage);
	if (simulation->packets)
		abort(); /* a packet without verdict */
	free(simulation->probed);
	free(simulation);
}

bool simulation_open(struct simulation *simulation)
{
	send_packet(simulation, true, TCP_SYN, 0, 0);
	send_packet(simulation, false, TCP_SYN | TCP_ACK, 0, 0);
	send_packet(simulation, true, TCP_ACK, 0, 0);
	return simulation->held_count == 0;
}

bool simulation_reopen(struct simulation *simulation)
{
	memset(&simulation->client, 0, sizeof(simulation->client));
	memset(&simulation->server, 0, sizeof(simulation->server));
	simulation->client_endpoint.port++;
	simulation->client.first_seq = (uint32_t)roll(simulation);
	simulation->server.first_seq = (uint32_t)roll(simulation);
	return simulation_open(simulation);
}

static size_t segment_len(struct simulation *simulation, size_t left)
{
	size_t len = SEGMENT_MAX;

	if (simulation->cut == CUT_EVERY_OCTET)
		len = 1;
	else if (simulation->cut != CUT_NONE)
		len = 1 + roll(simulation) % 40;
	return len < left ? len : left;
}

/* Sends [from, to) once: cut, and where hostile, shuffled and doubled. */
static void send_range(struct simulation *simulation, bool is_client, size_t from, size_t to)
{
	struct {
		size_t at, len;
	} pieces[4096];
	size_t count = 0;

	while (from < to && count < 2048) {
		pieces[count].at = from;
		pieces[count].len = segment_len(simulation, to - from);
		from += pieces[count++].len;
		if (simulation->cut == CUT_HOSTILE && roll(simulation) % 4 == 0) {
			pieces[count] = pieces[count - 1];
			count++;
		}
	}
	/* Disorder within what a guard holds for one flow; more is dropped, and comes again. */
	for (size_t i = count; simulation->cut == CUT_HOSTILE && i > 1; i--) {
		size_t reach = i < DISORDER_REACH ? i : DISORDER_REACH;
		size_t other = i - 1 - roll(simulation) % reach, at = pieces[i - 1].at,
		       len = pieces[i - 1].len;

		pieces[i - 1] = pieces[other];
		pieces[other].at = at;
		pieces[other].len = len;
	}
	for (size_t i = 0; i < count; i++)
		send_packet(simulation, is_client, TCP_ACK | TCP_PSH, pieces[i].at, pieces[i].len);
}

bool simulation_say(struct simulation *simulation, bool is_client, struct bytes text)
{
	struct simulation_peer *self = is_client ? &simulation->client : &simulation->server;
	const struct simulation_peer *other = is_client ? &simulation->server : &simulation->client;

	if (self->got_reset || self->got_fin)
		return false;
	memcpy(self->sent + self->sent_len, text.data, text.len);
	self->sent_len += text.len;
	for (int try = 0; try < TRIES_MAX && other->got_len < self->sent_len; try++) {
		send_range(simulation, is_client, other->got_len, self->sent_len);
		if (self->got_reset || self->got_fin)
			break;
		if (other->got_len < self->sent_len)
			simulation_pass_time(simulation, RESEND_MS);
	}
	if (!other->got_reset)
		send_packet(simulation, !is_client, TCP_ACK, other->sent_len, 0);
	return other->got_len == self->sent_len;
}

bool simulation_send(struct simulation *simulation, bool is_client, struct bytes text)
{
	struct simulation_peer *self = is_client ? &simulation->client : &simulation->server;
	const struct simulation_peer *other = is_client ? &simulation->server : &simulation->client;

	memcpy(self->sent + self->sent_len, text.data, text.len);
	self->sent_len += text.len;
	send_range(simulation, is_client, other->got_len, self->sent_len);
	return other->got_len == self->sent_len;
}

bool simulation_client(struct simulation *simulation, const char *text)
{
	return simulation_say(simulation, true, bytes_of_string(text));
}

bool simulation_server(struct simulation *simulation, const char *text)
{
	return simulation_say(simulation, false, bytes_of_string(text));
}

bool simulation_end(struct simulation *simulation, bool is_client, bool is_reset)
{
	const struct simulation_peer *self = is_client ? &simulation->client : &simulation->server;
	const struct simulation_peer *other = is_client ? &simulation->server : &simulation->client;

	send_packet(simulation, is_client, is_reset ? TCP_RST : TCP_FIN | TCP_ACK, self->sent_len,
	            0);
	return is_reset ? other->got_reset : other->got_fin;
}

void simulation_pass_time(struct simulation *simulation, uint64_t ms)
{
	uint64_t until = simulation->now_ms + ms;

	while (simulation->now_ms < until) {
		simulation->now_ms += GATE_TICK_MS;
		gate_tick(simulation->gate, simulation->now_ms, simulation->now_ms);
		simulation_answer(simulation);
	}
}
