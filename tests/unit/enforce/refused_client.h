/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_UNIT_ENFORCE_REFUSED_CLIENT_H
#define TESTS_UNIT_ENFORCE_REFUSED_CLIENT_H

/* A client's TCP for the tests of enforce/reject.c: it receives what a refusal sends. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "enforce/reject.h"

static const char REPLY[] = "421 4.7.4 mx1.example.org promised TLS and offers none\r\n";
static const char UNDELIVERED[] = "250-mx1.example.org\r\n250 SIZE\r\n";

enum { REPLY_LEN = sizeof(REPLY) - 1, UNDELIVERED_LEN = sizeof(UNDELIVERED) - 1 };
enum { SENT_MAX = 256, HEARD_MAX = 128 * 1024 };

struct sent {
	bool to_client;
	struct craft craft;
};

/* The client's end of the connection, as a TCP would be (RFC 9293 section 3.10.7.4). */
struct client {
	uint32_t receive_next;
	uint32_t send_next;
	uint16_t window;
	uint32_t timestamp_recent;
	uint32_t acknowledged; /* of what it sent */
	uint8_t heard[HEARD_MAX];
	size_t heard_len;
	bool has_end;
	bool is_reset;
};

struct world {
	struct refusal *refusal;
	struct client client;
	struct sent sent[SENT_MAX];
	size_t sent_count;
	unsigned lose; /* as many segments to the client do not reach it */
	bool is_mute;  /* nothing reaches it */
};

static inline void client_receive(struct client *client, const struct craft *craft)
{
	struct bytes fresh = craft->payload;
	int32_t early = seq_distance(client->receive_next, craft->seq);

	if (craft->flags & TCP_RST) {
		client->is_reset |= craft->seq == client->receive_next;
		return;
	}
	if (craft->has_timestamps) {
		if (seq_distance(craft->timestamp_value, client->timestamp_recent) < 0)
			return;
		client->timestamp_recent = craft->timestamp_value;
	}
	if (seq_distance(craft->ack, client->acknowledged) > 0)
		client->acknowledged = craft->ack;
	if (early < 0)
		return;
	fresh = bytes_after(fresh, (size_t)early);
	if (fresh.len > client->window)
		fresh.len = client->window;
	if (fresh.len > 0)
		memcpy(client->heard + client->heard_len, fresh.data, fresh.len);
	client->heard_len += fresh.len;
	client->receive_next += (uint32_t)fresh.len;
	if (craft->flags & TCP_FIN && !client->has_end && client->window > 0 &&
	    client->receive_next == craft->seq + (uint32_t)craft->payload.len) {
		client->has_end = true;
		client->receive_next++;
	}
}

static inline void on_send(void *owner, bool to_client, const struct craft *craft)
{
	struct world *world = owner;

	assert_in_range(world->sent_count, 0, SENT_MAX - 1);
	world->sent[world->sent_count++] = (struct sent){ to_client, *craft };
	if (!to_client || world->is_mute)
		return;
	if (world->lose > 0)
		world->lose--;
	else
		client_receive(&world->client, craft);
}

/* The server has sent up to 2000, the client up to 1100; nothing is missing. */
static inline struct refusal_start plain_start(void)
{
	return (struct refusal_start){
		.client = { .address = { 4, { 192, 0, 2, 2 } }, .port = 40112 },
		.server = { .address = { 4, { 198, 51, 100, 25 } }, .port = 25 },
		.client_next = 1100,
		.server_next = 2000,
		.client_acked = 2000,
		.server_acked = 1050,
		.window = 500,
		.segment_max = 1460,
		.text = REPLY,
	};
}

static inline void start_with(struct world *world, const struct refusal_start *start)
{
	refusal_free(world->refusal);
	memset(world, 0, sizeof(*world));
	world->client.receive_next = start->client_acked;
	world->client.send_next = start->client_next;
	world->client.acknowledged = start->client_next - 50;
	world->client.timestamp_recent = start->server_timestamp;
	world->client.window = 65535;
	world->refusal = refusal_new(start, on_send, world, 0);
	assert_non_null(world->refusal);
}

/* A segment of the client's that says what it has received. */
static inline struct segment client_segment(const struct world *world, const char *text,
                                            uint8_t flags)
{
	return (struct segment){
		.seq = world->client.send_next,
		.ack = world->client.receive_next,
		.window = world->client.window,
		.flags = (uint8_t)(TCP_ACK | flags),
		.payload = bytes_of_string(text),
	};
}

static inline void client_says(struct world *world, const char *text, uint8_t flags,
                               uint64_t now_ms)
{
	struct segment segment = client_segment(world, text, flags);

	world->client.send_next += segment_span(&segment);
	refusal_answer(world->refusal, &segment, true, now_ms);
}

static inline void client_acknowledges(struct world *world, uint64_t now_ms)
{
	client_says(world, "", 0, now_ms);
}

static inline size_t count_sent(const struct world *world, bool to_client, uint8_t flag)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < world->sent_count; i++)
		count += world->sent[i].to_client == to_client &&
		         (world->sent[i].craft.flags & flag) == flag;
	return count;
}

static inline const struct craft *last_sent(const struct world *world)
{
	assert_true(world->sent_count > 0);
	return &world->sent[world->sent_count - 1].craft;
}

static inline void assert_heard(const struct world *world, const char *text)
{
	assert_int_equal(world->client.heard_len, strlen(text));
	assert_memory_equal(world->client.heard, text, strlen(text));
	assert_true(world->client.has_end);
	assert_false(world->client.is_reset);
}

static inline int set_up_world(void **state)
{
	*state = calloc(1, sizeof(struct world));
	return *state ? 0 : -1;
}

static inline int tear_down_world(void **state)
{
	struct world *world = *state;

	refusal_free(world->refusal);
	free(world);
	return 0;
}

#endif
