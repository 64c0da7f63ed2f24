/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection through two gates, packet by packet: before one of them message bodies pass in a model of the kernel. A client that
 * sends the same octets again, in any order, cut anyhow, over a path that loses them; a server that says anything at any time. Whoever
 * receives cannot tell the two apart, and the verdicts are the same.
 */

#include "receivers.h"
#include "require.h"

#include "config.h"
#include "gate.h"
/* No fuzz target has objects of its own. */
#include "support/passage_model.c" /* NOLINT(bugprone-suspicious-include) */
#include "support/silent_owner.h"

enum {
	TEXT_MAX = 1500,
	STREAM_MAX = 4096,
	PACKET_MAX = 2048,
	PACKETS_MAX = 400,
	STEPS_MAX = 200,
	EVENTS_MAX = 16,
	LONG_AGO_MS = 60 * 60 * 1000,
	HOOK_NUMBER = 2, /* NF_INET_FORWARD */
	INSIDE = 1,
	OUTSIDE = 2,
};

/* What an end of one world has of the other. */
struct got {
	struct receivers octets;
	bool has_fin;
	bool has_reset;
};

struct packet {
	bool waits;
	bool is_client;
	bool is_lost; /* behind the gate */
	size_t len;
	uint8_t octets[PACKET_MAX];
};

struct world {
	struct gate *gate;
	struct passage_model kernel;
	struct got got[2]; /* the client, the server */
	uint32_t first_id, next_id;
	struct packet packets[PACKETS_MAX];
	size_t waiting;
	struct event events[EVENTS_MAX];
	size_t event_count;
};

static struct scene {
	struct config config;
	uint64_t now_ms;
	struct endpoint endpoints[2]; /* client, server */
	uint32_t first_seq[2];
	uint8_t said[2][STREAM_MAX];
	size_t said_len[2];
	size_t sent;  /* of what the client has to say */
	size_t acked; /* of that, as the client has heard */
	bool arms_late;
	struct world worlds[2]; /* with the passage, and without */
} scene;

static void arrive(struct world *world, bool is_client, struct bytes octets)
{
	struct got *got = &world->got[is_client ? 1 : 0];
	struct segment segment;
	size_t at;

	REQUIRE(packet_parse(&segment, octets, true) == PACKET_OK);
	at = (size_t)(int64_t)(int32_t)(segment.seq - scene.first_seq[is_client ? 0 : 1]);
	receivers_take(&got->octets, at, segment.payload);
	got->has_fin |= (segment.flags & TCP_FIN) && at + segment.payload.len == got->octets.len;
	got->has_reset |= (segment.flags & TCP_RST) && at == got->octets.len;
}

static void on_verdict(void *owner, const struct gate_verdict *verdict)
{
	struct world *world = owner;
	struct packet *packet = &world->packets[verdict->packet_id - world->first_id];

	REQUIRE(verdict->packet_id - world->first_id < PACKETS_MAX && packet->waits);
	packet->waits = false;
	world->waiting--;
	if (verdict->is_accepted && !packet->is_lost)
		arrive(world, packet->is_client,
		       verdict->packet.len > 0 ? verdict->packet
		                               : bytes_of(packet->octets, packet->len));
}

static void answer(struct world *world, enum question_kind kind, const char *name)
{
	static struct destination destination;

	memset(&destination, 0, sizeof(destination));
	text_copy(destination.name, sizeof(destination.name), name);
	destination.mx_state = kind == QUESTION_HOST ? MX_HOST : MX_FOUND;
	destination.mx_security = DNS_SECURE;
	destination.ttl_s = 24 * 60 * 60;
	destination.host_count = destination.place_count = 1;
	text_copy(destination.hosts[0].name, sizeof(destination.hosts[0].name),
	          kind == QUESTION_HOST ? name : "mx.test");
	destination.hosts[0].address_security = DNS_SECURE;
	destination.hosts[0].promise = (struct promise){ .state = PROMISE_NONE };
	if (strcmp(name, "b.test") == 0)
		destination.hosts[0].promise =
			(struct promise){ PROMISE_KEY, SOURCE_DANE, false, "3 1 1 00" };
	destination.places[0].address = scene.endpoints[1].address;
	gate_answer(world->gate, &destination, scene.now_ms, scene.now_ms);
}

static void on_tell(void *owner, const struct event *event)
{
	struct world *world = owner;

	if (world->event_count < EVENTS_MAX)
		world->events[world->event_count++] = *event;
}

static void on_send(void *owner, bool to_client, const struct craft *craft, const struct flow *flow)
{
	uint8_t octets[PACKET_MAX];
	size_t len = craft_segment(octets, sizeof(octets), craft);

	(void)flow;
	REQUIRE(len > 0);
	arrive(owner, !to_client, bytes_of(octets, len));
}

static void put_into(struct world *world, bool is_client, const struct craft *craft,
                     uint32_t ingress, bool is_lost)
{
	struct packet *packet = &world->packets[world->next_id - world->first_id];
	struct nfqueue_packet queued = { .netfilter_hook = HOOK_NUMBER,
		                         .checksum_ready = true,
		                         .ingress = ingress };

	packet->len = craft_segment(packet->octets, sizeof(packet->octets), craft);
	REQUIRE(packet->len > 0);
	packet->is_client = is_client;
	packet->is_lost = is_lost;
	queued.packet = bytes_of(packet->octets, packet->len);
	if (passage_model_passes(&world->kernel, ingress, queued.packet)) {
		/* Nobody but its client moves it on, and its server says nothing with it. */
		REQUIRE(ingress == (is_client ? INSIDE : OUTSIDE));
		REQUIRE(is_client || (craft->payload.len == 0 && craft->flags == TCP_ACK));
		if (!is_lost)
			arrive(world, is_client, queued.packet);
		return;
	}
	packet->waits = true;
	world->waiting++;
	queued.id = world->next_id++;
	gate_packet(world->gate, &queued, scene.now_ms, scene.now_ms);
	if (!scene.arms_late || craft->seq % 3 == 0)
		gate_arm(world->gate);
}

static void require_same(void)
{
	const struct world *with = &scene.worlds[0], *without = &scene.worlds[1];

	for (int i = 0; i < 2; i++) {
		const struct got *a = &with->got[i], *b = &without->got[i];

		REQUIRE(a->has_fin == b->has_fin && a->has_reset == b->has_reset);
		REQUIRE(memcmp(&a->octets, &b->octets, sizeof(a->octets)) == 0);
	}
	REQUIRE(with->event_count == without->event_count);
	for (size_t i = 0; i < with->event_count; i++)
		REQUIRE(with->events[i].reason == without->events[i].reason &&
		        with->events[i].action == without->events[i].action &&
		        strcmp(with->events[i].domain, without->events[i].domain) == 0);
}

static void put(bool is_client, const struct craft *craft, uint32_t ingress, bool is_lost)
{
	if (scene.worlds[0].next_id - scene.worlds[0].first_id == PACKETS_MAX ||
	    scene.worlds[1].next_id - scene.worlds[1].first_id == PACKETS_MAX)
		return;
	for (int i = 0; i < 2; i++)
		put_into(&scene.worlds[i], is_client, craft, ingress, is_lost);
	if (!is_client && craft->ack - scene.first_seq[0] <= scene.sent)
		scene.acked = craft->ack - scene.first_seq[0];
	require_same();
}

/* at: where in what that end says. */
static struct craft craft_at(bool is_client, size_t at, size_t len, uint8_t flags)
{
	int self = is_client ? 0 : 1;
	struct bytes said = bytes_of(scene.said[self], scene.said_len[self]);

	return (struct craft){
		.source = scene.endpoints[self],
		.destination = scene.endpoints[1 - self],
		.seq = scene.first_seq[self] + (uint32_t)at,
		.ack = scene.first_seq[1 - self] + (uint32_t)scene.worlds[0].got[self].octets.len,
		.window = 64240,
		.flags = flags,
		.payload = bytes_slice(said, at, len),
	};
}

static void send(bool is_client, size_t at, size_t len, bool is_lost)
{
	struct craft craft = craft_at(is_client, at, len, TCP_ACK | TCP_PSH);

	if (craft.payload.len > 0)
		put(is_client, &craft, is_client ? INSIDE : OUTSIDE, is_lost);
}

static void send_next(size_t len, bool is_lost)
{
	size_t left = scene.said_len[0] - scene.sent;

	if (len > left)
		len = left;
	send(true, scene.sent, len, is_lost);
	scene.sent += len;
}

static void control(bool is_client, size_t at, uint8_t flags, uint32_t ingress, const char *text)
{
	struct craft craft = craft_at(is_client, at, 0, flags);

	craft.payload = bytes_of_string(text);
	put(is_client, &craft, ingress, false);
}

static void server_says(const char *text)
{
	size_t len = strlen(text);

	if (scene.said_len[1] + len > STREAM_MAX)
		return;
	memcpy(scene.said[1] + scene.said_len[1], text, len);
	scene.said_len[1] += len;
	send(false, scene.said_len[1] - len, len, false);
}

static void client_says(const char *text)
{
	size_t len = strlen(text);

	memcpy(scene.said[0] + scene.said_len[0], text, len);
	scene.said_len[0] += len;
	send_next(len, false);
	control(false, scene.said_len[1], TCP_ACK, OUTSIDE, "");
}

static void pass_time(uint64_t ms)
{
	scene.now_ms += ms;
	for (int i = 0; i < 2; i++)
		gate_tick(scene.worlds[i].gate, scene.now_ms, scene.now_ms);
	require_same();
}

static void odd_packet(uint8_t which, size_t amount)
{
	size_t acked = scene.worlds[0].got[1].octets.len;

	switch (which % 8) {
	case 0: /* keep-alives */
		control(true, scene.sent - 1, TCP_ACK, INSIDE, "");
		break;
	case 1: /* with an octet of garbage, only when all is acknowledged (RFC 9293 section 3.8.4) */
		if (scene.acked == scene.sent)
			control(true, scene.sent - 1, TCP_ACK, INSIDE, "?");
		break;
	case 2:
		if (amount % 16 == 0)
			control(true, scene.sent, TCP_ACK | TCP_FIN, INSIDE, "");
		break;
	case 3:
		control(amount & 1, amount & 1 ? scene.sent : scene.said_len[1],
		        amount % 16 < 2 ? TCP_RST : TCP_ACK, amount & 1 ? INSIDE : OUTSIDE, "");
		break;
	case 4: /* in the client's name, but not by its way */
		control(true, scene.sent, TCP_ACK, OUTSIDE, &"forged\r\n.\r\n"[amount % 8]);
		break;
	case 5: /* an acknowledgement of more than was sent */
	{
		struct craft craft = craft_at(false, scene.said_len[1], 0, TCP_ACK);

		craft.ack += (uint32_t)amount;
		if (acked + amount > scene.sent)
			put(false, &craft, OUTSIDE, false);
		break;
	}
	case 6:
		pass_time(amount * 20);
		break;
	default:
		scene.arms_late = !scene.arms_late;
	}
}

static void step(struct cursor *input)
{
	static const char *const replies[] = {
		"250 ok\r\n", "354 go\r\n", "421 bye\r\n", "250-a\r\n",
		"550 no\r\n", "2",          "50 x\r\n",
	};
	uint8_t head = cursor_u8(input);
	size_t acked = scene.worlds[0].got[1].octets.len;
	size_t amount = cursor_u8(input);
	bool is_lost = head & 0x80;
	size_t in_flight = scene.sent - acked;

	switch (head & 7) {
	case 0:
	case 1:
		send_next(1 + amount, is_lost);
		break;
	case 2: /* again, from anywhere in flight */
		if (scene.sent > acked)
			send(true, acked + amount % in_flight,
			     1 + (head >> 3 & 15) * 8 < in_flight - amount % in_flight
			             ? 1 + (head >> 3 & 15) * 8
			             : in_flight - amount % in_flight,
			     is_lost);
		break;
	case 3: /* early */
		if (scene.sent + (head >> 3 & 15) < scene.said_len[0])
			send(true, scene.sent + (head >> 3 & 15), 1 + amount, is_lost);
		break;
	case 4:
		control(false, scene.said_len[1], TCP_ACK, OUTSIDE, "");
		break;
	case 5:
		server_says(replies[(head >> 3 & 15) % (sizeof(replies) / sizeof(replies[0]))]);
		break;
	case 6:
		odd_packet(head >> 3, amount);
		break;
	default: /* all in flight again, as after a timeout */
		for (size_t at = acked; at < scene.sent; at += 1 + amount)
			send(true, at, at + 1 + amount < scene.sent ? 1 + amount : scene.sent - at,
			     false);
	}
}

static void begin(void)
{
	struct craft craft = craft_at(true, (size_t)-1, 0, TCP_SYN);

	craft.ack = 0;
	put(true, &craft, INSIDE, false);
	craft = craft_at(false, (size_t)-1, 0, TCP_SYN | TCP_ACK);
	put(false, &craft, OUTSIDE, false);
	control(true, 0, TCP_ACK, INSIDE, "");
	server_says("220 mx.test\r\n");
	client_says("EHLO c.test\r\n");
	server_says("250 mx.test\r\n");
	client_says("MAIL FROM:<>\r\n");
	server_says("250 ok\r\n");
	client_says("RCPT TO:<a@a.test>\r\n");
	server_says("250 ok\r\n");
	client_says("DATA\r\n");
	server_says("354 go\r\n");
	REQUIRE(scene.worlds[0].got[1].octets.len == scene.said_len[0]);
}

static void make(struct world *world)
{
	static const uint8_t secret[TABLE_SECRET_LEN];
	struct gate_actions actions = silent_owner();

	/* All that it would ask is known beforehand. */
	actions.verdict = on_verdict;
	actions.tell = on_tell;
	actions.send = on_send;
	world->gate = gate_new(&scene.config, secret, &actions, world);
	REQUIRE(world->gate);
	world->next_id = 1;
	if (world == &scene.worlds[0])
		gate_use_passage(world->gate, passage_model_new(&world->kernel));
}

static void start(uint8_t head)
{
	char error[CONFIG_ERROR_MAX];

	if (!scene.worlds[0].gate) {
		REQUIRE(config_parse(&scene.config, "t.conf", "mode = enforce", NULL, 0, error) ==
		        0);
		scene.now_ms = 1000;
		make(&scene.worlds[0]);
		make(&scene.worlds[1]);
	}
	memset(scene.said_len, 0, sizeof(scene.said_len));
	scene.sent = scene.acked = 0;
	scene.arms_late = false;
	scene.endpoints[0] = (struct endpoint){ { 4, { 192, 0, 2, 2 } }, 40112 };
	scene.endpoints[1] = (struct endpoint){ { 4, { 198, 51, 100, 25 } }, 25 };
	scene.first_seq[0] = head & 1 ? UINT32_MAX - (head >> 1) * 4 : 1000;
	scene.first_seq[1] = 2000;
	for (int i = 0; i < 2; i++) {
		struct world *world = &scene.worlds[i];

		memset(world->got, 0, sizeof(world->got));
		world->first_id = world->next_id;
		world->event_count = 0;
		answer(world, QUESTION_DOMAIN, "a.test");
		answer(world, QUESTION_DOMAIN, "b.test");
		answer(world, QUESTION_HOST, "mx.test");
		answer(world, QUESTION_HOST, "c.test");
	}
}

static void end(void)
{
	/* Held longer than hold-seconds, refusals told to the end, and flows that nobody uses. */
	for (int i = 0; i < 40; i++)
		pass_time(i < 30 ? 1000 : LONG_AGO_MS);
	for (int i = 0; i < 2; i++) {
		const struct counters *counters = gate_counters(scene.worlds[i].gate);

		REQUIRE(scene.worlds[i].waiting == 0);
		REQUIRE(counters->held_now == 0 && counters->flows_now == 0);
		REQUIRE(counters->memory_now == 0 && counters->passages_lost == 0);
	}
	for (size_t i = 0; i < PASSAGE_MODEL_FLOWS_MAX; i++)
		REQUIRE(!scene.worlds[0].kernel.entries[i].is_used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cursor input = cursor_over(bytes_of(data, len));
	size_t text_len;
	struct bytes text;

	start(cursor_u8(&input));
	text_len = cursor_u16(&input) % TEXT_MAX;
	if (text_len > cursor_left(&input))
		text_len = cursor_left(&input) / 2;
	text = cursor_bytes(&input, text_len);
	begin();
	if (text.len > 0)
		memcpy(scene.said[0] + scene.said_len[0], text.data, text.len);
	scene.said_len[0] += text.len;
	for (int i = 0; i < STEPS_MAX && cursor_left(&input) > 0; i++)
		step(&input);
	end();
	return 0;
}
