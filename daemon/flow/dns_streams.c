/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/dns_streams.h"

#include <stdlib.h>

#include "base/budget.h"

enum { LENGTH_LEN = 2, MESSAGE_ROOM_FIRST = 2048 };

/* Zeroed before it is filled: it is hashed whole. */
struct key {
	struct endpoint source;
	struct endpoint destination;
};

struct unfinished {
	uint32_t next_seq;
	uint8_t length[LENGTH_LEN];
	uint8_t length_read;
	uint8_t *message; /* grows with what came, not with what the length claims */
	size_t message_room;
	size_t message_read;
};

struct dns_streams {
	struct table *table; /* struct key → struct unfinished */
	struct budget budget;
	dns_streams_fn fn;
	void *owner;
	uint64_t lost;
};

static void end_message(struct dns_streams *streams, struct unfinished *stream)
{
	free(stream->message);
	budget_refund(&streams->budget, stream->message_room);
	stream->message = NULL;
	stream->message_room = stream->message_read = 0;
	stream->length_read = 0;
}

static void on_leave(void *owner, const void *key, void *value)
{
	struct dns_streams *streams = owner;
	struct unfinished *stream = value;

	(void)key;
	streams->lost += stream->length_read > 0;
	end_message(streams, stream);
}

struct dns_streams *dns_streams_new(const uint8_t secret[TABLE_SECRET_LEN], dns_streams_fn fn,
                                    void *owner)
{
	struct dns_streams *streams = calloc(1, sizeof(*streams));

	if (!streams)
		return NULL;
	streams->fn = fn;
	streams->owner = owner;
	streams->budget.limit = DNS_STREAMS_MEMORY_MAX;
	streams->table = table_new(DNS_STREAMS_MAX, sizeof(struct key), sizeof(struct unfinished),
	                           secret, on_leave, streams);
	if (streams->table)
		return streams;
	free(streams);
	return NULL;
}

void dns_streams_free(struct dns_streams *streams)
{
	if (!streams)
		return;
	table_free(streams->table);
	free(streams);
}

uint64_t dns_streams_lost(const struct dns_streams *streams)
{
	return streams->lost;
}

static size_t message_len(const struct unfinished *stream)
{
	return (size_t)stream->length[0] << 8 | stream->length[1];
}

/* Those that were silent for longest make room: whoever leaves connections half open shall not keep others out. */
static bool charge(struct dns_streams *streams, const struct unfinished *stream, size_t len)
{
	const void *key;

	while (!budget_charge(&streams->budget, len)) {
		const struct unfinished *oldest = table_oldest(streams->table, &key);

		if (!oldest || oldest == stream)
			return false;
		table_remove(streams->table, key);
	}
	return true;
}

static bool append(struct dns_streams *streams, struct unfinished *stream, struct bytes octets)
{
	size_t needed = stream->message_read + octets.len;
	size_t room = stream->message_room > 0 ? stream->message_room : MESSAGE_ROOM_FIRST;
	uint8_t *grown;

	while (room < needed)
		room *= 2;
	if (room > stream->message_room) {
		if (!charge(streams, stream, room - stream->message_room))
			return false;
		grown = realloc(stream->message, room);
		if (!grown) {
			budget_refund(&streams->budget, room - stream->message_room);
			return false;
		}
		stream->message = grown;
		stream->message_room = room;
	}
	memcpy(stream->message + stream->message_read, octets.data, octets.len);
	stream->message_read = needed;
	return true;
}

/* False: the stream cannot be followed any more. */
static bool read_octets(struct dns_streams *streams, struct unfinished *stream,
                        const struct segment *segment, struct bytes octets)
{
	while (octets.len > 0) {
		struct bytes part;

		if (stream->length_read < LENGTH_LEN) {
			stream->length[stream->length_read++] = octets.data[0];
			octets = bytes_after(octets, 1);
			/* No message is empty. */
			if (stream->length_read == LENGTH_LEN && message_len(stream) == 0)
				return false;
			continue;
		}
		part = bytes_slice(octets, 0, message_len(stream) - stream->message_read);
		if (!append(streams, stream, part))
			return false;
		octets = bytes_after(octets, part.len);
		if (stream->message_read < message_len(stream))
			continue;
		streams->fn(streams->owner, segment,
		            bytes_of(stream->message, stream->message_read));
		end_message(streams, stream);
	}
	return true;
}

static struct key key_of(const struct segment *segment)
{
	struct key key;

	memset(&key, 0, sizeof(key));
	key.source.address = segment->source.address;
	key.source.port = segment->source.port;
	key.destination.address = segment->destination.address;
	key.destination.port = segment->destination.port;
	return key;
}

static void begin_stream(struct dns_streams *streams, const struct key *key,
                         const struct segment *segment)
{
	struct unfinished *stream;

	/* Ports are used again. */
	if (table_peek(streams->table, key))
		table_remove(streams->table, key);
	stream = table_insert(streams->table, key);
	if (stream)
		stream->next_seq = segment->seq + 1;
}

/* What of the payload is new; false: something before it is missing. */
static bool new_octets(struct bytes *octets, const struct unfinished *stream,
                       const struct segment *segment)
{
	int32_t ahead = seq_distance(segment->seq, stream->next_seq);

	if (ahead > 0)
		return false;
	*octets = bytes_after(segment->payload, (size_t) - (int64_t)ahead);
	return true;
}

void dns_streams_push(struct dns_streams *streams, const struct segment *segment)
{
	struct key key = key_of(segment);
	struct unfinished *stream;
	struct bytes octets;

	if (segment->flags & TCP_SYN) {
		begin_stream(streams, &key, segment);
		return;
	}
	stream = table_find(streams->table, &key);
	if (!stream)
		return;
	if (!new_octets(&octets, stream, segment)) {
		streams->lost += stream->length_read == 0;
		table_remove(streams->table, &key);
		return;
	}
	stream->next_seq += (uint32_t)octets.len;
	if (!read_octets(streams, stream, segment, octets) ||
	    (segment->flags & (TCP_FIN | TCP_RST)) != 0)
		table_remove(streams->table, &key);
}
