/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What connections cost: their memory when nobody speaks, the allocations and the work of those that do. */

#include "gate.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/silent_owner.h"
#include "support/talker.h"
#include "unit/own_allocator.h"
#include "wire/craft.h"
#include "wire/packet.h"

enum {
	IDLE_OCTETS_MAX = 512,
	LONG_NAMES_MAX = 528,         /* of 45 and 40 octets, which are met with, and a domain */
	AWAKE_OCTETS_MAX = 32 * 1024, /* streams of those that spoke last */
	DIALOGUES = 300,              /* far more than stay awake */
	FLOWS = 4000,
	DOMAIN_LEN = 16, /* of a recipient's */
	LETTERS = 20,
	ASKED_MAX = 16,
	BEGIN_ALLOCATIONS_MAX = 8,
	SEGMENT_LEN = 1448,
};

static size_t allocations;

#ifndef HAS_OWN_ALLOCATOR
void *__libc_malloc(size_t len);
void *__libc_calloc(size_t count, size_t len);
void *__libc_realloc(void *old, size_t len);

void *malloc(size_t len)
{
	allocations++;
	return __libc_malloc(len);
}

void *calloc(size_t count, size_t len)
{
	allocations++;
	return __libc_calloc(count, len);
}

void *realloc(void *old, size_t len)
{
	allocations++;
	return __libc_realloc(old, len);
}
#endif

struct connection {
	struct talker client, server;
	uint32_t client_ingress, server_ingress;
};

/* What they call themselves; the server does so in its banner and to EHLO. */
struct names {
	const char *server;
	const char *client;
};

#define SHORT_NAMES                                                                                \
	{                                                                                          \
		"mx1.example.org", "mail.client.example"                                           \
	}

struct scene {
	struct gate *gate;
	struct names names;
	struct config config;
	uint64_t now_ms;
	uint32_t packets;
	uint32_t accepted;
	uint32_t last_offloaded;
	size_t asked_count;
	struct {
		enum question_kind kind;
		char name[DOMAIN_NAME_MAX];
	} asked[ASKED_MAX];
	size_t allocated; /* while the gate had packets in its hands */
};

static void on_verdict(void *owner, const struct gate_verdict *verdict)
{
	struct scene *scene = owner;

	scene->accepted += verdict->is_accepted;
	if (verdict->is_offloaded)
		scene->last_offloaded = verdict->packet_id;
}

static void on_ask(void *owner, enum question_kind kind, const char *name, bool is_refresh)
{
	struct scene *scene = owner;

	(void)is_refresh;
	assert_true(scene->asked_count < ASKED_MAX);
	scene->asked[scene->asked_count].kind = kind;
	snprintf(scene->asked[scene->asked_count++].name, DOMAIN_NAME_MAX, "%s", name);
}

static void start(struct scene *scene)
{
	struct gate_actions actions = silent_owner();
	static const uint8_t secret[TABLE_SECRET_LEN] = "of this test";
	static const char *const set[] = { "mode=enforce" };
	char error[CONFIG_ERROR_MAX];

	memset(scene, 0, sizeof(*scene));
	assert_int_equal(config_parse(&scene->config, "test", "", set, 1, error), 0);
	actions.verdict = on_verdict;
	actions.ask = on_ask;
	scene->names = (struct names)SHORT_NAMES;
	scene->now_ms = 1000;
	scene->gate = gate_new(&scene->config, secret, &actions, scene);
	assert_non_null(scene->gate);
}

/* Each name exists, and promised nothing. */
static void answer(struct scene *scene)
{
	static struct destination nothing;

	while (scene->asked_count > 0) {
		scene->asked_count--;
		nothing = (struct destination){
			.mx_state = scene->asked[scene->asked_count].kind == QUESTION_HOST
			                    ? MX_HOST
			                    : MX_NXDOMAIN,
			.mx_security = DNS_SECURE,
			.ttl_s = 3600,
		};
		memcpy(nothing.name, scene->asked[scene->asked_count].name, sizeof(nothing.name));
		gate_answer(scene->gate, &nothing, scene->now_ms, scene->now_ms);
	}
}

static void put(struct scene *scene, struct connection *connection, bool is_client, uint8_t flags,
                struct bytes payload)
{
	struct talker *self = is_client ? &connection->client : &connection->server;
	const struct talker *other = is_client ? &connection->server : &connection->client;
	const struct craft craft = talker_says(self, other, flags, payload);
	static uint8_t octets[CRAFT_HEADERS_MAX + 65536];
	struct nfqueue_packet packet = {
		.netfilter_hook = 2,
		.id = ++scene->packets,
		.ingress = is_client ? connection->client_ingress : connection->server_ingress,
	};
	size_t before;

	packet.packet = bytes_of(octets, craft_segment(octets, sizeof(octets), &craft));
	before = allocations;
	gate_packet(scene->gate, &packet, scene->now_ms, scene->now_ms);
	scene->allocated += allocations - before;
	answer(scene);
	assert_int_equal(scene->accepted, scene->packets);
}

static void say(struct scene *scene, struct connection *connection, bool is_client,
                const char *text)
{
	struct bytes left = bytes_of_string(text);

	while (left.len > 0) {
		put(scene, connection, is_client, TCP_ACK | TCP_PSH,
		    bytes_slice(left, 0, SEGMENT_LEN));
		put(scene, connection, !is_client, TCP_ACK, (struct bytes){ 0 });
		left = bytes_after(left, SEGMENT_LEN);
	}
}

static void greet(struct scene *scene, struct connection *connection, unsigned number)
{
	char text[160];

	memset(connection, 0, sizeof(*connection));
	assert_true(address_parse(&connection->client.endpoint.address, "192.0.2.2"));
	assert_true(address_parse(&connection->server.endpoint.address, "198.51.100.25"));
	connection->client.endpoint.port = (uint16_t)(1024 + number);
	connection->server.endpoint.port = 25;
	connection->client.seq = 0xfffff000;
	connection->client_ingress = 2;
	connection->server_ingress = 3;
	put(scene, connection, true, TCP_SYN, (struct bytes){ 0 });
	put(scene, connection, false, TCP_SYN | TCP_ACK, (struct bytes){ 0 });
	put(scene, connection, true, TCP_ACK, (struct bytes){ 0 });
	snprintf(text, sizeof(text), "220 %s ESMTP Postfix\r\n", scene->names.server);
	say(scene, connection, false, text);
	snprintf(text, sizeof(text), "EHLO %s\r\n", scene->names.client);
	say(scene, connection, true, text);
	snprintf(text, sizeof(text), "250-%s\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 8BITMIME\r\n",
	         scene->names.server);
	say(scene, connection, false, text);
}

enum { LETTER_STEPS = 4 };

static void write_step(struct scene *scene, struct connection *connection, unsigned number,
                       unsigned step)
{
	static char body[8 * SEGMENT_LEN];
	char recipient[128];

	for (size_t i = 0; i < sizeof(body) - 1; i++)
		body[i] = "All happy families are alike.\r\n"[i % 31];
	memcpy(body + sizeof(body) - 3, "\r\n", 3);
	snprintf(recipient, sizeof(recipient),
	         "RCPT TO:<bob@example.org>\r\nRCPT TO:<carol@d%u.example.org>\r\nDATA\r\n",
	         number % 4);
	switch (step) {
	case 0:
		say(scene, connection, true, "MAIL FROM:<alice@client.example>\r\n");
		say(scene, connection, false, "250 2.1.0 Ok\r\n");
		break;
	case 1:
		say(scene, connection, true, recipient);
		say(scene, connection, false,
		    "250 2.1.5 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n");
		break;
	case 2:
		say(scene, connection, true, body);
		break;
	case 3:
		say(scene, connection, true, ".\r\n");
		say(scene, connection, false, "250 2.0.0 Ok: queued\r\n");
		break;
	}
}

static void write_letter(struct scene *scene, struct connection *connection, unsigned number)
{
	for (unsigned step = 0; step < LETTER_STEPS; step++)
		write_step(scene, connection, number, step);
}

static void an_honest_session_asks_the_allocator_for_nothing_once_it_is_known(void **state)
{
	struct scene scene;
	struct connection connection;

	(void)state;
	start(&scene);
	greet(&scene, &connection, 0);
	for (unsigned i = 0; i < 4; i++)
		write_letter(&scene, &connection, i);
#ifdef HAS_OWN_ALLOCATOR
	/* The allocator of a sanitizer cannot be counted. */
	gate_free(scene.gate);
	skip();
#endif
	assert_true(scene.allocated > 0);
	scene.allocated = 0;
	for (unsigned i = 0; i < LETTERS; i++) {
		write_letter(&scene, &connection, i);
		scene.now_ms += GATE_TICK_MS;
		gate_tick(scene.gate, scene.now_ms, scene.now_ms);
	}
	assert_int_equal(scene.allocated, 0);
	gate_free(scene.gate);
}

static void say_goodbye(struct scene *scene, struct connection *connection)
{
	say(scene, connection, true, "QUIT\r\n");
	put(scene, connection, false, TCP_ACK | TCP_FIN, bytes_of_string("221 bye\r\n"));
	put(scene, connection, true, TCP_ACK | TCP_FIN, (struct bytes){ 0 });
}

/* Its place in the table, its session and its streams, which go with it: memory is that of connections that there are. */
static void a_connection_asks_the_allocator_when_it_begins_and_then_no_more(void **state)
{
	struct scene scene;
	struct connection connection;
	size_t begun;

	(void)state;
	start(&scene);
	for (unsigned i = 0; i < LETTERS; i++) {
		scene.allocated = 0;
		greet(&scene, &connection, i);
		begun = scene.allocated;
		write_letter(&scene, &connection, i);
		say_goodbye(&scene, &connection);
		/* Those that ended lately are still known. */
		scene.now_ms += 61 * 1000;
		gate_tick(scene.gate, scene.now_ms, scene.now_ms);
#ifndef HAS_OWN_ALLOCATOR
		if (i >= 4) {
			assert_in_range(begun, 1, BEGIN_ALLOCATIONS_MAX);
			assert_int_equal(scene.allocated, begun);
		}
#endif
	}
	(void)begun;
	gate_free(scene.gate);
#ifdef HAS_OWN_ALLOCATOR
	skip();
#endif
}

static size_t heap_octets(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* Not where memcheck has taken its place: malloc's own sums stand still. */
static bool is_heap_counted(void)
{
	size_t before = heap_octets();
	void *volatile probe = malloc(4096);
	bool is_counted = heap_octets() > before;

	free(probe);
	return is_counted;
}

struct idle_case {
	struct names names;
	bool has_written;
	size_t most;
};

/* All that there is of each: malloc's share, the index, the budget. */
static size_t octets_of_idle(const struct idle_case *one)
{
	struct scene scene;
	struct connection connection;
	size_t before, octets;

	start(&scene);
	scene.names = one->names;
	/* What is there once comes with the first. */
	greet(&scene, &connection, FLOWS);
	if (one->has_written)
		write_letter(&scene, &connection, 0);
	before = heap_octets();
	for (unsigned i = 0; i < FLOWS; i++) {
		greet(&scene, &connection, i);
		if (one->has_written)
			write_letter(&scene, &connection, 0);
	}
	octets = heap_octets() - before;
	assert_int_equal(gate_counters(scene.gate)->flows_standing, FLOWS + 1);
	assert_true(gate_counters(scene.gate)->memory_now <=
	            AWAKE_OCTETS_MAX + (one->has_written ? (FLOWS + 1) * DOMAIN_LEN : 0));
	gate_free(scene.gate);
	return octets;
}

/* Between two letters the domain of the last is kept. */
static void an_idle_connection_has_512_octets_at_most(void **state)
{
	const struct names short_names = SHORT_NAMES;
	const struct names names = { "mx02.mail.a-provider.example",
		                     "outgoing-3.mail.client.example" };
	const struct names long_names = { "ab1pepf00002311.mail.protection.large.example",
		                          "xy2pr01cu001.outbound.protection.example" };
	const struct idle_case cases[] = {
		{ short_names, false, IDLE_OCTETS_MAX }, { short_names, true, IDLE_OCTETS_MAX },
		{ names, true, IDLE_OCTETS_MAX },        { long_names, false, IDLE_OCTETS_MAX },
		{ long_names, true, LONG_NAMES_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t octets = octets_of_idle(&cases[i]);

		if (getenv("HOPGUARD_VERBOSE"))
			printf("# octets of an idle connection of %s: %zu, of them struct flow "
			       "%zu\n",
			       cases[i].names.server, octets / FLOWS, sizeof(struct flow));
#ifndef HAS_OWN_ALLOCATOR
		if (!is_heap_counted())
			skip();
		assert_true(octets > FLOWS * sizeof(struct flow));
		assert_true(octets <= FLOWS * cases[i].most);
#endif
	}
#ifdef HAS_OWN_ALLOCATOR
	skip();
#endif
}

/* Streams rest between two segments where many take turns, in the midst of a body as well. */
static void dialogues_that_take_turns_rest_and_go_on(void **state)
{
	static struct connection connections[DIALOGUES];
	struct scene scene;

	(void)state;
	start(&scene);
	for (unsigned i = 0; i < DIALOGUES; i++)
		greet(&scene, &connections[i], i);
	for (unsigned step = 0; step < LETTERS * LETTER_STEPS; step++) {
		for (unsigned i = 0; i < DIALOGUES; i++)
			write_step(&scene, &connections[i], i, step % LETTER_STEPS);
		assert_true(gate_counters(scene.gate)->memory_now <=
		            AWAKE_OCTETS_MAX + (size_t)DIALOGUES * 16);
	}
	/* Each was read to its end: nobody's letter is taken for another's command. */
	assert_int_equal(gate_counters(scene.gate)->verdicts[ACTION_PASS], 2 * LETTERS * DIALOGUES);
	gate_free(scene.gate);
}

/* What was known of the one before is gone with it. */
static void a_port_is_used_again(void **state)
{
	struct scene scene;
	struct connection connection;

	(void)state;
	start(&scene);
	for (unsigned i = 0; i < 4; i++) {
		greet(&scene, &connection, 0);
		put(&scene, &connection, false, TCP_ACK | TCP_FIN, (struct bytes){ 0 });
		put(&scene, &connection, true, TCP_ACK | TCP_FIN, (struct bytes){ 0 });
	}
	assert_int_equal(gate_counters(scene.gate)->flows_opened, 4);
	assert_int_equal(gate_counters(scene.gate)->flows_now, 1);
	gate_free(scene.gate);
}

/* All of the client's has passed, so that nothing of its is left to be read. */
static void a_connection_leaves_with_its_clients_fin(void **state)
{
	struct scene scene;
	struct connection connection;

	(void)state;
	start(&scene);
	greet(&scene, &connection, 0);
	say(&scene, &connection, true, "QUIT\r\n");
	put(&scene, &connection, false, TCP_ACK | TCP_FIN, bytes_of_string("221 bye\r\n"));
	assert_int_equal(scene.last_offloaded, 0);
	put(&scene, &connection, true, TCP_ACK | TCP_FIN, (struct bytes){ 0 });
	assert_int_equal(scene.last_offloaded, scene.packets);
	/* Nobody tells of its end: it goes as others that are over. */
	scene.now_ms += 61 * 1000;
	gate_tick(scene.gate, scene.now_ms, scene.now_ms);
	assert_int_equal(gate_counters(scene.gate)->flows_now, 0);
	gate_free(scene.gate);
}

static void a_fin_that_the_far_end_may_have_sent_leaves_nothing_unwatched(void **state)
{
	/* Both by one interface; the client by another than before. */
	static const struct {
		uint32_t server, client_before, client;
	} ways[] = { { 2, 2, 2 }, { 3, 2, 4 } };

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct scene scene;
		struct connection connection;

		start(&scene);
		greet(&scene, &connection, 0);
		connection.server_ingress = ways[i].server;
		connection.client_ingress = ways[i].client_before;
		say(&scene, &connection, true, "NOOP\r\n");
		say(&scene, &connection, false, "250 ok\r\n");
		connection.client_ingress = ways[i].client;
		put(&scene, &connection, true, TCP_ACK | TCP_FIN, (struct bytes){ 0 });
		assert_int_equal(scene.last_offloaded, 0);
		gate_free(scene.gate);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_honest_session_asks_the_allocator_for_nothing_once_it_is_known),
		cmocka_unit_test(a_connection_asks_the_allocator_when_it_begins_and_then_no_more),
		cmocka_unit_test(an_idle_connection_has_512_octets_at_most),
		cmocka_unit_test(dialogues_that_take_turns_rest_and_go_on),
		cmocka_unit_test(a_port_is_used_again),
		cmocka_unit_test(a_connection_leaves_with_its_clients_fin),
		cmocka_unit_test(a_fin_that_the_far_end_may_have_sent_leaves_nothing_unwatched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
