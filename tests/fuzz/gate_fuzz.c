/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets of both ends through the gate, in any order, cut anyhow, again, changed, early and forged, to a place whose every name promises a key.
 * Each packet gets one verdict; of two receivers, of which one takes the first copy of an octet and the other the last, neither gets a line
 * that commits; and in the end nothing is kept.
 */

#include "harmless_line.h"
#include "receivers.h"
#include "require.h"

#include "config.h"
#include "gate.h"
#include "verdict/sound.h"

enum {
	STREAM_MAX = 4096,
	PACKET_MAX = 2048,
	PACKETS_MAX = 256,
	STEPS_MAX = 128,
	ASKED_MAX = 16,
	LONG_AGO_MS = 60 * 60 * 1000,
	HOOK_NUMBER = 2, /* NF_INET_FORWARD */
};

/* What an end said, and what arrives there of the other. */
struct end {
	struct endpoint endpoint;
	uint32_t first_seq; /* of its first octet */
	uint8_t sent[STREAM_MAX];
	size_t sent_len;
	struct receivers receivers;
};

struct packet {
	bool waits;
	bool is_client;
	size_t len;
	uint8_t octets[PACKET_MAX];
};

struct scene {
	struct gate *gate;
	struct config config;
	uint64_t now_ms;
	struct end ends[2]; /* client, server */
	uint32_t first_id, next_id;
	uint64_t flows_before, flows; /* that this input began */
	size_t said_at;               /* octets that are the client's now; RECEIVERS_ROOM: none */
	bool has_begun;               /* it is known where the last of them does */
	bool has_come;                /* some of its octets */
	struct packet packets[PACKETS_MAX];
	size_t waiting;
	struct asked {
		enum question_kind kind;
		char name[DOMAIN_NAME_MAX];
	} asked[ASKED_MAX];
	size_t asked_count;
	uint32_t echo;
	bool has_echo;
};

/*
 * Who goes on where the first connection was refused and forgotten is in one that began before us. Nobody probes here, so a key that TLS
 * hides is taken for good.
 */
static void require_harmless(const struct scene *scene)
{
	const struct receivers *received = &scene->ends[1].receivers;

	for (int i = 0; i < 2; i++)
		harmless_check(received->got[i] + received->begin, received->len - received->begin,
		               scene->flows > 1, true);
}

/* Of one that began before us the lowest octet that its client sends until some pass is the first that is read. */
static void note_flows(struct scene *scene)
{
	uint64_t flows = gate_counters(scene->gate)->flows_opened - scene->flows_before;
	struct receivers *receivers = &scene->ends[1].receivers;

	if (flows > scene->flows) {
		require_harmless(scene);
		scene->flows = flows;
		scene->has_begun = scene->has_come = false;
		memset(receivers->has, 0, sizeof(receivers->has));
		receivers_begin_at(receivers, receivers->len);
	}
	if (scene->said_at == RECEIVERS_ROOM || scene->has_come ||
	    (scene->has_begun && scene->said_at >= receivers->begin))
		return;
	scene->has_begun = true;
	receivers_begin_at(receivers, scene->said_at);
}

static void arrive(struct scene *scene, bool is_client, struct bytes packet)
{
	struct end *from = &scene->ends[is_client ? 0 : 1], *to = &scene->ends[is_client ? 1 : 0];
	struct segment segment;

	note_flows(scene);
	REQUIRE(packet_parse(&segment, packet, true) == PACKET_OK);
	REQUIRE((segment.flags & (TCP_URG | TCP_SYN)) == 0 || segment.payload.len == 0);
	scene->has_come |= is_client && segment.payload.len > 0;
	receivers_take(&to->receivers, (size_t)(int64_t)(int32_t)(segment.seq - from->first_seq),
	               segment.payload);
}

static void on_verdict(void *owner, const struct gate_verdict *verdict)
{
	struct scene *scene = owner;
	struct packet *packet = &scene->packets[verdict->packet_id - scene->first_id];

	REQUIRE(verdict->packet_id - scene->first_id < PACKETS_MAX && packet->waits);
	packet->waits = false;
	scene->waiting--;
	if (verdict->is_accepted)
		arrive(scene, packet->is_client,
		       verdict->packet.len > 0 ? verdict->packet
		                               : bytes_of(packet->octets, packet->len));
}

static void on_ask(void *owner, enum question_kind kind, const char *name, bool is_refresh)
{
	struct scene *scene = owner;

	(void)is_refresh;
	if (scene->asked_count == ASKED_MAX)
		return;
	scene->asked[scene->asked_count].kind = kind;
	text_copy(scene->asked[scene->asked_count++].name, DOMAIN_NAME_MAX, name);
}

static void on_tell(void *owner, const struct event *event)
{
	(void)owner;
	REQUIRE(event_is_sound(event));
}

static void on_broken(void *owner, const struct message_broken *broken)
{
	(void)owner;
	REQUIRE(memchr(broken->how, '\0', sizeof(broken->how)));
}

static void on_echo(void *owner, uint32_t number)
{
	struct scene *scene = owner;

	scene->echo = number;
	scene->has_echo = true;
}

static void on_sighting(void *owner, const struct message_sighting *sighting)
{
	(void)owner;
	REQUIRE(memchr(sighting->host, '\0', sizeof(sighting->host)));
}

static void on_send(void *owner, bool to_client, const struct craft *craft, const struct flow *flow)
{
	uint8_t octets[PACKET_MAX];
	size_t len = craft_segment(octets, sizeof(octets), craft);

	(void)flow;
	REQUIRE(len > 0);
	arrive(owner, !to_client, bytes_of(octets, len));
}

static void answer(struct scene *scene, const struct asked *asked)
{
	static struct destination destination;
	struct mx_host *host = &destination.hosts[0];

	if (asked->kind == QUESTION_ADDRESS)
		return;
	memset(&destination, 0, sizeof(destination));
	memcpy(destination.name, asked->name, DOMAIN_NAME_MAX);
	destination.mx_state = asked->kind == QUESTION_HOST ? MX_HOST : MX_FOUND;
	destination.mx_security = DNS_SECURE;
	destination.ttl_s = 24 * 60 * 60;
	destination.host_count = destination.place_count = 1;
	strcpy(host->name, "mx.a.test");
	if (asked->kind == QUESTION_HOST)
		memcpy(host->name, asked->name, DOMAIN_NAME_MAX);
	host->address_security = DNS_SECURE;
	host->promise = (struct promise){ PROMISE_KEY, SOURCE_DANE, false, "3 1 1 00" };
	destination.places[0].address = scene->ends[1].endpoint.address;
	REQUIRE(destination_is_sound(&destination));
	gate_answer(scene->gate, &destination, scene->now_ms, scene->now_ms);
}

static void answer_all(struct scene *scene)
{
	for (size_t i = 0; i < scene->asked_count; i++)
		answer(scene, &scene->asked[i]);
	scene->asked_count = 0;
	if (scene->has_echo)
		gate_echoed(scene->gate, scene->echo, scene->now_ms, scene->now_ms);
	scene->has_echo = false;
}

static void put_through(struct scene *scene, bool is_client, const struct craft *craft)
{
	struct packet *packet = &scene->packets[scene->next_id - scene->first_id];
	struct nfqueue_packet queued = { .netfilter_hook = HOOK_NUMBER, .checksum_ready = true };

	if (scene->next_id - scene->first_id == PACKETS_MAX)
		return;
	packet->len = craft_segment(packet->octets, sizeof(packet->octets), craft);
	if (packet->len == 0)
		return;
	packet->waits = true;
	packet->is_client = is_client;
	scene->waiting++;
	queued.id = scene->next_id++;
	queued.ingress = is_client ? 1 : 2;
	queued.packet = bytes_of(packet->octets, packet->len);
	scene->said_at = RECEIVERS_ROOM;
	if (is_client && craft->payload.len > 0)
		scene->said_at = craft->seq - scene->ends[0].first_seq;
	note_flows(scene);
	gate_packet(scene->gate, &queued, scene->now_ms, scene->now_ms);
	note_flows(scene);
}

static struct craft craft_of(const struct scene *scene, bool is_client, size_t at, uint8_t flags)
{
	const struct end *self = &scene->ends[is_client ? 0 : 1];
	const struct end *other = &scene->ends[is_client ? 1 : 0];

	return (struct craft){
		.source = self->endpoint,
		.destination = other->endpoint,
		.seq = self->first_seq + (uint32_t)at,
		.ack = flags & TCP_ACK ? other->first_seq + (uint32_t)self->receivers.len : 0,
		.window = 64240,
		.flags = flags,
	};
}

/* Octets of the input that were not said before. */
static void say_next(struct scene *scene, bool is_client, size_t gap, struct bytes text)
{
	struct end *self = &scene->ends[is_client ? 0 : 1];
	struct craft craft = craft_of(scene, is_client, self->sent_len + gap, TCP_ACK | TCP_PSH);

	if (self->sent_len + gap + text.len > STREAM_MAX)
		return;
	if (text.len > 0)
		memcpy(self->sent + self->sent_len + gap, text.data, text.len);
	if (gap == 0)
		self->sent_len += text.len;
	craft.payload = text;
	put_through(scene, is_client, &craft);
}

static void say_again(struct scene *scene, bool is_client, size_t back, size_t len, uint8_t change)
{
	struct end *self = &scene->ends[is_client ? 0 : 1];
	size_t at = back < self->sent_len ? self->sent_len - back : 0;
	struct craft craft = craft_of(scene, is_client, at, TCP_ACK);
	uint8_t octets[256];

	craft.payload = bytes_slice(bytes_of(self->sent, self->sent_len), at, len);
	if (craft.payload.len > 0 && change) {
		memcpy(octets, craft.payload.data, craft.payload.len);
		octets[change % craft.payload.len] ^= change;
		craft.payload.data = octets;
	}
	put_through(scene, is_client, &craft);
}

static void control(struct scene *scene, bool is_client, struct cursor *input)
{
	uint8_t choice = cursor_u8(input);
	size_t offset = cursor_u8(input);
	const struct end *self = &scene->ends[is_client ? 0 : 1];
	struct craft craft =
		craft_of(scene, is_client, self->sent_len + offset - 128, choice & 0x3f);

	if (choice & 0x80) {
		scene->now_ms += offset * 20;
		gate_tick(scene->gate, scene->now_ms, scene->now_ms);
		return;
	}
	if (choice & 0x40) {
		answer_all(scene);
		return;
	}
	put_through(scene, is_client, &craft);
}

/* An octet: who, what, and how much. */
static void step(struct scene *scene, struct cursor *input)
{
	uint8_t head = cursor_u8(input);
	bool is_client = head & 1;
	size_t len = head >> 4 == 15 ? cursor_u8(input) : head >> 4;
	uint8_t gap = 0, back;

	switch (head >> 1 & 7) {
	case 5:
		gap = cursor_u8(input);
		/* fall through */
	case 0:
	case 1:
	case 2:
		if (len > cursor_left(input))
			len = cursor_left(input);
		say_next(scene, is_client, gap, cursor_bytes(input, len));
		break;
	case 3:
		say_again(scene, is_client, cursor_u8(input), len, 0);
		break;
	case 4:
		back = cursor_u8(input);
		say_again(scene, is_client, back, len, cursor_u8(input));
		break;
	case 6:
		answer_all(scene);
		break;
	default:
		control(scene, is_client, input);
	}
}

/* Of whom it is known whose place it is. */
static void shake_hands(struct scene *scene)
{
	const struct asked known = { QUESTION_HOST, "mx.a.test" };
	const struct message_candidate named = { .type = MESSAGE_CANDIDATE,
		                                 .life_s = 24 * 60 * 60,
		                                 .server = scene->ends[1].endpoint.address,
		                                 .host = "mx.a.test" };

	struct craft craft = craft_of(scene, true, (size_t)-1, TCP_SYN);

	answer(scene, &known);
	gate_candidate(scene->gate, &named, scene->now_ms);
	put_through(scene, true, &craft);
	craft = craft_of(scene, false, (size_t)-1, TCP_SYN | TCP_ACK);
	craft.ack = scene->ends[0].first_seq;
	put_through(scene, false, &craft);
	craft = craft_of(scene, true, 0, TCP_ACK);
	put_through(scene, true, &craft);
}

/* Connections end by themselves when nothing comes any more. */
static void require_nothing_left(struct scene *scene)
{
	const struct counters *counters;

	for (int i = 0; i < 40; i++) {
		scene->now_ms += i < 30 ? 1000 : LONG_AGO_MS;
		gate_tick(scene->gate, scene->now_ms, scene->now_ms);
		answer_all(scene);
	}
	REQUIRE(scene->waiting == 0);
	counters = gate_counters(scene->gate);
	REQUIRE(counters->held_now == 0 && counters->flows_now == 0);
	REQUIRE(counters->memory_now == 0);
}

static struct scene *the_scene(void)
{
	static const uint8_t secret[TABLE_SECRET_LEN];
	static const struct gate_actions actions = {
		.verdict = on_verdict,
		.ask = on_ask,
		.tell = on_tell,
		.broken = on_broken,
		.echo = on_echo,
		.sighting = on_sighting,
		.send = on_send,
	};
	static struct scene scene;
	char error[CONFIG_ERROR_MAX];

	if (scene.gate)
		return &scene;
	REQUIRE(config_parse(&scene.config, "t.conf", "mode = enforce", NULL, 0, error) == 0);
	scene.gate = gate_new(&scene.config, secret, &actions, &scene);
	scene.now_ms = 1000;
	scene.next_id = 1;
	REQUIRE(scene.gate);
	return &scene;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct scene *scene = the_scene();
	struct cursor input = cursor_over(bytes_of(data, len));
	uint8_t head = cursor_u8(&input);

	memset(scene->ends, 0, sizeof(scene->ends));
	scene->ends[0].endpoint = (struct endpoint){ { 4, { 192, 0, 2, 2 } }, 40112 };
	scene->ends[1].endpoint = (struct endpoint){ { 4, { 198, 51, 100, 25 } }, 25 };
	scene->ends[0].first_seq = head & 1 ? UINT32_MAX - (head >> 2) : 1000;
	scene->ends[1].first_seq = head & 2 ? UINT32_MAX - (head >> 2) : 2000;
	scene->first_id = scene->next_id;
	scene->has_begun = true;
	scene->flows = 1; /* that of the handshake */
	scene->flows_before = gate_counters(scene->gate)->flows_opened;
	shake_hands(scene);
	for (int i = 0; i < STEPS_MAX && cursor_left(&input) > 0; i++)
		step(scene, &input);
	require_nothing_left(scene);
	require_harmless(scene);
	return 0;
}
