/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/dns_streams.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MESSAGES_MAX = 8, TEXT_MAX = 4096 };

/* So that it wraps around within each message. */
static const uint32_t FIRST = 0xfffffff0;

struct heard {
	struct dns_streams *streams;
	bool is_asking;
	size_t count;
	size_t lens[MESSAGES_MAX];
	uint8_t first[MESSAGES_MAX];
};

static void on_message(void *owner, const struct segment *segment, struct bytes message)
{
	struct heard *heard = owner;

	assert_int_equal(heard->is_asking ? segment->destination.port : segment->source.port, 53);
	assert_true(heard->count < MESSAGES_MAX);
	heard->lens[heard->count] = message.len;
	heard->first[heard->count++] = message.data[0];
}

static int set_up(void **state)
{
	static struct heard heard;
	static const uint8_t secret[TABLE_SECRET_LEN];

	heard = (struct heard){ 0 };
	heard.streams = dns_streams_new(secret, on_message, &heard);
	*state = &heard;
	return heard.streams ? 0 : -1;
}

static int tear_down(void **state)
{
	struct heard *heard = *state;

	dns_streams_free(heard->streams);
	return 0;
}

static struct segment segment_of(uint16_t client_port, uint32_t seq, uint8_t flags,
                                 const uint8_t *octets, size_t len)
{
	struct segment segment = { .seq = seq, .flags = flags, .payload = bytes_of(octets, len) };

	(void)address_parse(&segment.source.address, "198.51.100.1");
	(void)address_parse(&segment.destination.address, "192.0.2.2");
	segment.source.port = 53;
	segment.destination.port = client_port;
	return segment;
}

static void push(struct heard *heard, uint16_t port, uint32_t seq, uint8_t flags,
                 const uint8_t *octets, size_t len)
{
	struct segment segment = segment_of(port, seq, flags, octets, len);

	dns_streams_push(heard->streams, &segment);
}

static void open_stream(struct heard *heard, uint16_t port)
{
	push(heard, port, FIRST, TCP_SYN | TCP_ACK, NULL, 0);
}

/* Two messages, of 300 and of 1 octets. */
static size_t two_messages(uint8_t octets[TEXT_MAX])
{
	memset(octets, 'b', TEXT_MAX);
	put_u16(octets, 300);
	octets[2] = 'a';
	put_u16(octets + 302, 1);
	octets[304] = 'c';
	return 305;
}

static void assert_two(const struct heard *heard)
{
	assert_int_equal(heard->count, 2);
	assert_int_equal(heard->lens[0], 300);
	assert_int_equal(heard->first[0], 'a');
	assert_int_equal(heard->lens[1], 1);
	assert_int_equal(heard->first[1], 'c');
}

static void messages_are_whole_wherever_segments_are_cut(void **state)
{
	struct heard *heard = *state;
	uint8_t octets[TEXT_MAX];
	size_t len = two_messages(octets);
	size_t cut, at;

	for (cut = 1; cut <= len; cut++) {
		heard->count = 0;
		open_stream(heard, (uint16_t)cut);
		for (at = 0; at < len; at += cut)
			push(heard, (uint16_t)cut, FIRST + 1 + (uint32_t)at, TCP_ACK, octets + at,
			     at + cut < len ? cut : len - at);
		assert_two(heard);
	}
	assert_int_equal(dns_streams_lost(heard->streams), 0);
}

static void both_directions_of_a_connection_are_read_each_by_itself(void **state)
{
	struct heard *heard = *state;
	struct segment asked = segment_of(1, 5000, TCP_SYN, NULL, 0);
	struct endpoint client = asked.destination;
	uint8_t octets[TEXT_MAX];
	size_t len = two_messages(octets);

	asked.destination = asked.source;
	asked.source = client;
	heard->is_asking = true;
	dns_streams_push(heard->streams, &asked);
	open_stream(heard, 1);
	asked.seq = 5001;
	asked.flags = TCP_ACK;
	asked.payload = bytes_of(octets, 200);
	dns_streams_push(heard->streams, &asked);
	heard->is_asking = false;
	push(heard, 1, FIRST + 1, TCP_ACK, octets, len);
	assert_two(heard);
	heard->count = 0;
	heard->is_asking = true;
	asked.seq = 5201;
	asked.payload = bytes_of(octets + 200, len - 200);
	dns_streams_push(heard->streams, &asked);
	assert_two(heard);
	assert_int_equal(dns_streams_lost(heard->streams), 0);
}

static void what_comes_twice_is_read_once(void **state)
{
	struct heard *heard = *state;
	uint8_t octets[TEXT_MAX];
	size_t len = two_messages(octets);

	open_stream(heard, 1);
	push(heard, 1, FIRST + 1, TCP_ACK, octets, 200);
	push(heard, 1, FIRST + 1, TCP_ACK, octets, 200);
	push(heard, 1, FIRST + 51, TCP_ACK, octets + 50, 200);
	push(heard, 1, FIRST + 1, TCP_ACK, octets, len);
	push(heard, 1, FIRST, TCP_ACK, octets, 1); /* keep-alive */
	assert_two(heard);
}

static void a_connection_of_which_something_is_missing_is_let_go_and_counted(void **state)
{
	struct heard *heard = *state;
	uint8_t octets[TEXT_MAX];
	size_t len = two_messages(octets);

	open_stream(heard, 1);
	push(heard, 1, FIRST + 1, TCP_ACK, octets, 100);
	push(heard, 1, FIRST + 201, TCP_ACK, octets + 200, len - 200);
	push(heard, 1, FIRST + 101, TCP_ACK, octets + 100, len - 100);
	assert_int_equal(heard->count, 0);
	assert_int_equal(dns_streams_lost(heard->streams), 1);
	/* Its beginning was not seen at all. */
	push(heard, 2, FIRST + 1, TCP_ACK, octets, len);
	assert_int_equal(heard->count, 0);
	/* Its ports are used again. */
	open_stream(heard, 1);
	push(heard, 1, FIRST + 1, TCP_ACK, octets, len);
	assert_two(heard);
}

static void an_empty_message_and_the_end_end_it(void **state)
{
	struct heard *heard = *state;
	uint8_t octets[TEXT_MAX];
	size_t len = two_messages(octets);
	static const uint8_t empty[2];

	open_stream(heard, 1);
	push(heard, 1, FIRST + 1, TCP_ACK, empty, 2);
	push(heard, 1, FIRST + 3, TCP_ACK, octets, len);
	assert_int_equal(heard->count, 0);
	open_stream(heard, 2);
	push(heard, 2, FIRST + 1, TCP_ACK | TCP_FIN, octets, len);
	assert_two(heard);
	push(heard, 2, FIRST + 1 + (uint32_t)len, TCP_ACK, octets, len);
	assert_int_equal(heard->count, 2);
}

static void unfinished_messages_have_a_bound_in_all(void **state)
{
	struct heard *heard = *state;
	static uint8_t large[64 * 1024 - 1];
	unsigned port;

	/* What the length claims takes no room: only what came does. */
	put_u16(large, 0xffff);
	for (port = 1; port <= DNS_STREAMS_MAX; port++) {
		open_stream(heard, (uint16_t)port);
		push(heard, (uint16_t)port, FIRST + 1, TCP_ACK, large, 3);
	}
	assert_int_equal(dns_streams_lost(heard->streams), 0);
	for (port = 1; port <= DNS_STREAMS_MAX; port++)
		push(heard, (uint16_t)port, FIRST + 4, TCP_ACK, large, 60000);
	assert_int_equal(heard->count, 0);
	assert_int_equal(dns_streams_lost(heard->streams),
	                 DNS_STREAMS_MAX - DNS_STREAMS_MEMORY_MAX / (64 * 1024));
	/* One more takes the place of the oldest. */
	open_stream(heard, 1000);
	push(heard, 1000, FIRST + 1, TCP_ACK, (const uint8_t[]){ 0, 1, 'x' }, 3);
	assert_int_equal(heard->count, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(messages_are_whole_wherever_segments_are_cut),
		TEST(both_directions_of_a_connection_are_read_each_by_itself),
		TEST(what_comes_twice_is_read_once),
		TEST(a_connection_of_which_something_is_missing_is_let_go_and_counted),
		TEST(an_empty_message_and_the_end_end_it),
		TEST(unfinished_messages_have_a_bound_in_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
