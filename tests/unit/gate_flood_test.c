/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/simulation.h"

/*
 * Connections without end, beside one of an honest client. HOPGUARD_FLOWS says how many (a million where all is tested); the table has
 * room for fewer in any case. HOPGUARD_VERBOSE prints what they took.
 */

enum {
	FLOWS = GATE_FLOWS_MAX + 10000,
	PER_TICK = 5000,        /* 100,000 a second */
	FLOW_OCTETS_MAX = 4096, /* of a half-open one, all told */
	LIFE_MS = 60 * 1000,
};

static const char stripped[] = "250-mx1.example.org\r\n250 SIZE 1000\r\n";
static const char offering[] = "250-mx1.example.org\r\n250 STARTTLS\r\n";

static size_t flow_count(void)
{
	const char *wish = getenv("HOPGUARD_FLOWS");

	return wish ? strtoul(wish, NULL, 10) : FLOWS;
}

/* Clients 10.0.0.0/8, far ends 203.0.0.0/8 upward; ports from the number, too. */
static struct craft packet_of(bool is_client, uint32_t client, uint32_t server, uint16_t port)
{
	struct endpoint near = { .address = { 4, { 10 } }, .port = port };
	struct endpoint far = { .address = { 4, { 203 } }, .port = 25 };
	struct craft craft = { .window = 64240, .seq = 1000, .ack = is_client ? 5000 : 1001 };

	for (int i = 0; i < 3; i++) {
		near.address.octets[3 - i] = (uint8_t)(client >> (8 * i));
		far.address.octets[3 - i] = (uint8_t)(server >> (8 * i));
	}
	craft.source = is_client ? near : far;
	craft.destination = is_client ? far : near;
	if (!is_client)
		craft.seq = 4999;
	return craft;
}

static uint16_t port_of(size_t number)
{
	return (uint16_t)(1024 + number % 60000);
}

/* One of them, the number-th. */
typedef void (*flood_fn)(struct simulation *simulation, size_t number);

static void put_syn(struct simulation *simulation, uint32_t client, uint32_t server, uint16_t port)
{
	struct craft syn = packet_of(true, client, server, port);

	syn.flags = TCP_SYN;
	syn.ack = 0;
	(void)simulation_put(simulation, true, &syn);
}

static void syn_of_one_client(struct simulation *simulation, size_t number)
{
	put_syn(simulation, 1, (uint32_t)(number / 60000), port_of(number));
}

static void syn_of_many_clients(struct simulation *simulation, size_t number)
{
	put_syn(simulation, (uint32_t)number, 1, port_of(number));
}

static void syn_to_many_places(struct simulation *simulation, size_t number)
{
	put_syn(simulation, 1, (uint32_t)number, port_of(number));
}

static void half_open(struct simulation *simulation, size_t number)
{
	struct craft answer = packet_of(false, 1, (uint32_t)(number / 60000), port_of(number));

	syn_of_one_client(simulation, number);
	answer.flags = TCP_SYN | TCP_ACK;
	(void)simulation_put(simulation, false, &answer);
}

/* To the honest client's own address: somebody who need not even see its answers. */
static struct craft unasked(size_t number)
{
	struct craft craft = packet_of(false, 1, (uint32_t)number, port_of(number));

	assert_true(address_parse(&craft.destination.address, "192.0.2.2"));
	return craft;
}

static void unasked_answer(struct simulation *simulation, size_t number)
{
	struct craft answer = unasked(number);

	answer.flags = TCP_SYN | TCP_ACK;
	(void)simulation_put(simulation, false, &answer);
}

static void unasked_data(struct simulation *simulation, size_t number)
{
	static char line[1200];
	struct craft data = unasked(number);

	memset(line, 'x', sizeof(line));
	data.flags = TCP_ACK;
	data.payload = bytes_of(line, sizeof(line));
	(void)simulation_put(simulation, false, &data);
}

/* Gaps: each waits for what never comes. */
static void unasked_gaps(struct simulation *simulation, size_t number)
{
	static char line[1200];
	struct craft data = unasked(number / 4);

	memset(line, 'x', sizeof(line));
	data.flags = TCP_ACK;
	data.payload = bytes_of(line, sizeof(line));
	data.seq += (uint32_t)(number % 4 * 4096);
	(void)simulation_put(simulation, false, &data);
}

/* A real connection, and a reply to EHLO without end. */
static void endless_reply(struct simulation *simulation, size_t number)
{
	static const char line[] = "250-KEYWORD-WITHOUT-END\r\n";
	size_t at = number / 16;
	struct craft client = packet_of(true, 1, (uint32_t)(at / 60000), port_of(at));
	struct craft server = packet_of(false, 1, (uint32_t)(at / 60000), port_of(at));
	char lines[40 * (sizeof(line) - 1)];

	client.seq = 1001;
	server.flags = client.flags = TCP_ACK;
	server.seq = 5000;
	switch (number % 16) {
	case 0:
		half_open(simulation, at);
		(void)simulation_put(simulation, true, &client);
		server.payload = bytes_of_string("220 far.example ESMTP\r\n");
		(void)simulation_put(simulation, false, &server);
		client.ack = 5000 + (uint32_t)server.payload.len;
		client.payload = bytes_of_string("EHLO a.example\r\n");
		(void)simulation_put(simulation, true, &client);
		return;
	default:
		break;
	}
	for (size_t i = 0; i < 40; i++)
		memcpy(lines + i * (sizeof(line) - 1), line, sizeof(line) - 1);
	server.payload = bytes_of(lines, sizeof(lines));
	server.seq += (uint32_t)(23 + (number % 16 - 1) * sizeof(lines));
	server.ack = 1001 + 16;
	(void)simulation_put(simulation, false, &server);
}

struct usage {
	size_t heap;
	size_t flows;
	size_t memory;
};

static size_t heap_octets(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void note_peak(struct simulation *simulation, struct usage *peak, size_t heap_before)
{
	const struct counters *counters = gate_counters(simulation->gate);
	size_t heap = heap_octets() > heap_before ? heap_octets() - heap_before : 0;

	if (heap > peak->heap)
		peak->heap = heap;
	if (counters->flows_now > peak->flows)
		peak->flows = counters->flows_now;
	if (counters->memory_now > peak->memory)
		peak->memory = counters->memory_now;
}

static struct usage flood(struct simulation *simulation, flood_fn put, size_t from, size_t to)
{
	size_t heap_before = heap_octets();
	struct usage peak = { 0 };

	for (size_t i = from; i < to; i++) {
		put(simulation, i);
		if (i % PER_TICK == 0) {
			simulation_pass_time(simulation, GATE_TICK_MS);
			note_peak(simulation, &peak, heap_before);
		}
	}
	note_peak(simulation, &peak, heap_before);
	return peak;
}

static void say_hello(struct simulation *simulation)
{
	assert_true(simulation_open(simulation));
	assert_true(simulation_server(simulation, "220 mx1.example.org ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
}

static void assert_stripped_is_refused(struct simulation *simulation)
{
	assert_true(simulation_server(simulation, stripped));
	assert_false(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_int_equal(simulation_last_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
	assert_true(simulation_got(&simulation->client, "421 4.7.4"));
	assert_false(simulation_got(&simulation->server, "MAIL"));
}

static void assert_nothing_is_found(struct simulation *simulation, size_t events)
{
	assert_true(simulation_server(simulation, offering));
	assert_true(simulation_client(simulation, "STARTTLS\r\n"));
	assert_true(simulation_server(simulation, "220 go\r\n"));
	assert_int_equal(simulation->event_count, events);
}

static const struct {
	const char *name;
	flood_fn put;
} floods[] = {
	{ "half open, one client", half_open },
	{ "SYN, one client", syn_of_one_client },
	{ "SYN, as many clients", syn_of_many_clients },
	{ "SYN, as many places", syn_to_many_places },
	{ "SYN-ACK that nobody asked for", unasked_answer },
	{ "data that nobody asked for", unasked_data },
	{ "the same with gaps", unasked_gaps },
	{ "replies to EHLO without end", endless_reply },
};

static void print_usage(const char *name, const struct usage *peak, struct simulation *simulation)
{
	const struct counters *counters = gate_counters(simulation->gate);

	if (getenv("HOPGUARD_VERBOSE"))
		printf("# %-32s flows %zu standing %llu heap %zu KiB, %zu a flow, budget %zu KiB, "
		       "driven out %llu, questions %llu\n",
		       name, peak->flows, (unsigned long long)counters->flows_standing,
		       peak->heap / 1024, peak->flows ? peak->heap / peak->flows : 0,
		       peak->memory / 1024, (unsigned long long)counters->flows_driven_out,
		       (unsigned long long)counters->questions);
}

/* An honest connection that waits for its server's reply all the time, and one that begins in its midst, have their verdicts. */
static void honest_mail_goes_on_beside_any_flood(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
		struct simulation *simulation = simulation_new(4, CUT_NONE, 1);
		size_t count = flow_count();
		struct usage peak;

		simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
		say_hello(simulation);
		peak = flood(simulation, floods[i].put, 0, count);
		assert_true(peak.flows <= GATE_FLOWS_MAX);
		assert_true(peak.memory <= GATE_MEMORY_MAX);
		assert_true(peak.heap <=
		            GATE_MEMORY_MAX + (size_t)GATE_FLOWS_MAX * FLOW_OCTETS_MAX);
		print_usage(floods[i].name, &peak, simulation);
		assert_stripped_is_refused(simulation);
		(void)flood(simulation, floods[i].put, 0, count / 10);
		(void)simulation_reopen(simulation); /* others' packets may wait */
		(void)flood(simulation, floods[i].put, 0, count / 10);
		assert_true(simulation_server(simulation, "220 mx1.example.org ESMTP\r\n"));
		assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
		assert_nothing_is_found(simulation, simulation->event_count);
		simulation_free(simulation);
	}
}

static void what_a_flood_left_is_gone_after_its_life(void **state)
{
	(void)state;
	/* The last is of connections that stand, which are kept for longer. */
	for (size_t i = 0; i + 1 < sizeof(floods) / sizeof(floods[0]); i++) {
		struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

		(void)flood(simulation, floods[i].put, 0, 20000);
		assert_true(gate_counters(simulation->gate)->flows_now > 0);
		/* A full table is gone through in four seconds. */
		simulation_pass_time(simulation, LIFE_MS + 4000);
		assert_int_equal(gate_counters(simulation->gate)->flows_now, 0);
		assert_int_equal(gate_counters(simulation->gate)->memory_now, 0);
		simulation_free(simulation);
	}
}

/* Those that stand are the oldest of all, and as many as the client may have. */
static void what_stands_hides_nothing_that_is_over(void **state)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	(void)state;
	for (size_t at = 0; at < 4000; at++)
		endless_reply(simulation, at * 16);
	assert_int_equal(gate_counters(simulation->gate)->flows_standing, 4000);
	(void)flood(simulation, syn_of_many_clients, 0, 10000);
	assert_int_equal(gate_counters(simulation->gate)->flows_now, 14000);
	simulation_pass_time(simulation, LIFE_MS + 2000);
	assert_int_equal(gate_counters(simulation->gate)->flows_now, 4000);
	simulation_free(simulation);
}

static void gaps_that_far_ends_leave_keep_places_for_what_clients_say(void **state)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);
	uint64_t held;

	(void)state;
	say_hello(simulation);
	assert_true(simulation_server(simulation, stripped));
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	/* All to this client. */
	(void)flood(simulation, unasked_gaps, 0, 2000);
	held = gate_counters(simulation->gate)->held_now;
	assert_in_range(held, 64, 128);
	simulation->is_answering = false;
	assert_false(simulation_send(simulation, true,
	                             bytes_of_string("RCPT TO:<bob@example.org>\r\n")));
	assert_int_equal(gate_counters(simulation->gate)->held_now, held + 1);
	simulation->is_answering = true;
	simulation_pass_time(simulation, GATE_TICK_MS);
	assert_true(simulation_got(&simulation->server, "RCPT TO:<bob@example.org>\r\n"));
	simulation_free(simulation);
}

/* Of a connection that stands: each waits for what the client has not said. */
static void gap_of_a_client(struct simulation *simulation, size_t number)
{
	size_t at = number / 4;
	struct craft client = packet_of(true, 1, 0, port_of(at));

	client.seq = 1001;
	client.flags = TCP_ACK;
	if (number % 4 == 0) {
		half_open(simulation, at);
		(void)simulation_put(simulation, true, &client);
	}
	client.seq += (uint32_t)(number % 4 + 1) * 4096;
	client.payload = bytes_of_string("RCPT TO:<bob@example.org>\r\n");
	(void)simulation_put(simulation, true, &client);
}

static void what_waits_of_one_client_takes_no_place_of_anothers(void **state)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	(void)state;
	say_hello(simulation);
	assert_true(simulation_server(simulation, stripped));
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	(void)flood(simulation, gap_of_a_client, 0, 2000);
	assert_int_equal(gate_counters(simulation->gate)->held_now, 256);
	simulation->is_answering = false;
	assert_false(simulation_send(simulation, true,
	                             bytes_of_string("RCPT TO:<bob@example.org>\r\n")));
	assert_int_equal(gate_counters(simulation->gate)->held_now, 257);
	simulation_free(simulation);
}

/* Replies that it does not acknowledge, so that they are kept: twice what all may keep. */
static void what_is_kept_for_one_client_leaves_as_much_to_others(void **state)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);
	static char text[1300];

	(void)state;
	simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
	say_hello(simulation);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = "250-A\r\n"[i % 7];
	for (size_t at = 0; at < 5000; at++) {
		struct craft server = packet_of(false, 1, 0, port_of(at));

		endless_reply(simulation, at * 16);
		server.flags = TCP_ACK;
		server.seq = 5000 + 23;
		server.ack = 1001 + 16;
		server.payload = bytes_of(text, sizeof(text) / 7 * 7);
		for (int i = 0; i < 70; i++, server.seq += (uint32_t)server.payload.len)
			(void)simulation_put(simulation, false, &server);
	}
	assert_in_range(gate_counters(simulation->gate)->memory_now, GATE_MEMORY_MAX / 4,
	                GATE_MEMORY_MAX / 2 + 1024 * 1024);
	assert_stripped_is_refused(simulation);
	simulation_free(simulation);
}

/* More than the budget holds, in order, and never acknowledged. */
static void data_that_nobody_asked_for_gives_its_memory_up(void **state)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);
	struct craft data;
	static char text[1300];

	(void)state;
	simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
	say_hello(simulation);
	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < 5000; i++) {
		data = unasked(i);
		data.flags = TCP_ACK;
		data.payload = bytes_of(text, sizeof(text));
		for (int j = 0; j < 48; j++, data.seq += sizeof(text))
			(void)simulation_put(simulation, false, &data);
	}
	assert_in_range(gate_counters(simulation->gate)->memory_now, GATE_MEMORY_MAX / 2,
	                GATE_MEMORY_MAX / 4 * 3 + 1024 * 1024);
	assert_true(gate_counters(simulation->gate)->flows_driven_out > 0);
	assert_stripped_is_refused(simulation);
	simulation_free(simulation);
}

static void a_scan_of_places_asks_nothing_of_the_scout(void **state)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	(void)state;
	(void)flood(simulation, syn_to_many_places, 0, 20000);
	(void)flood(simulation, unasked_answer, 0, 20000);
	assert_int_equal(gate_counters(simulation->gate)->questions, 0);
	simulation_free(simulation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(honest_mail_goes_on_beside_any_flood),
		cmocka_unit_test(what_a_flood_left_is_gone_after_its_life),
		cmocka_unit_test(what_stands_hides_nothing_that_is_over),
		cmocka_unit_test(gaps_that_far_ends_leave_keep_places_for_what_clients_say),
		cmocka_unit_test(what_waits_of_one_client_takes_no_place_of_anothers),
		cmocka_unit_test(what_is_kept_for_one_client_leaves_as_much_to_others),
		cmocka_unit_test(data_that_nobody_asked_for_gives_its_memory_up),
		cmocka_unit_test(a_scan_of_places_asks_nothing_of_the_scout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
