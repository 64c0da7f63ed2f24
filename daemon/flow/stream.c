/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/stream.h"

#include <assert.h>
#include <string.h>

#include "flow/dots.h"
#include "wire/packet.h"

/* The first buffer: a dialogue's line; later ones are twice as large. */
enum { STREAM_ROOM_MIN = 1024 };

/*
 * Sequence numbers: base <= consumed <= next, and base is acked unless octets were let go (then it is beyond acked)
 * or acknowledged ones were not consumed yet (then it is consumed).
 */
struct stream {
	struct budget *budget;
	uint8_t *octets;   /* NULL while nothing is kept */
	struct dots *dots; /* of [acked, base); NULL: none there */
	uint32_t room;     /* of octets */
	uint32_t start;    /* where base stands in octets */
	uint32_t base;     /* first octet kept */
	uint32_t acked;
	uint32_t consumed;
	uint32_t allowed;
	uint32_t next;
	/* What is kept of the last body; the body still goes on with is_body. */
	uint32_t body_from;
	uint32_t body_to;
	uint32_t unseen_to; /* octets between acked and this one were never seen */
	uint8_t before[2];  /* the two octets before base */
	bool is_body;
	bool has_unseen;
};

/* Where a sequence number stands, counted from base. */
static int64_t offset_of(const struct stream *stream, uint32_t seq)
{
	return seq_distance(seq, stream->base);
}

static size_t kept_len(const struct stream *stream)
{
	return stream->next - stream->base;
}

static size_t unread_len(const struct stream *stream)
{
	return stream->next - stream->consumed;
}

/* Kept octets between two offsets, cut to what is kept. */
static struct bytes kept_between(const struct stream *stream, int64_t from, int64_t to)
{
	int64_t len = (int64_t)kept_len(stream);

	if (from < 0)
		from = 0;
	if (to > len)
		to = len;
	if (from >= to)
		return (struct bytes){ 0 };
	assert(stream->octets);
	return bytes_of(stream->octets + stream->start + from, (size_t)(to - from));
}

/* Of a payload that begins at offset `at`: the octets between two offsets. */
static struct bytes payload_between(struct bytes payload, int64_t at, int64_t from, int64_t to)
{
	if (from < at)
		from = at;
	if (from >= to)
		return (struct bytes){ 0 };
	return bytes_slice(payload, (size_t)(from - at), (size_t)(to - from));
}

struct stream *stream_new(uint32_t first_seq, struct budget *budget)
{
	struct stream *stream = budget_take(budget, sizeof(*stream));

	if (!stream)
		return NULL;
	*stream = (struct stream){
		.budget = budget,
		.base = first_seq,
		.acked = first_seq,
		.consumed = first_seq,
		.allowed = first_seq,
		.next = first_seq,
		.body_from = first_seq,
		.body_to = first_seq,
	};
	return stream;
}

static void free_octets(struct stream *stream)
{
	budget_give(stream->budget, stream->octets, stream->room);
	stream->octets = NULL;
	stream->room = 0;
	stream->start = 0;
}

static void forget_dots(struct stream *stream)
{
	dots_free(stream->dots);
	stream->dots = NULL;
}

void stream_free(struct stream *stream)
{
	if (!stream)
		return;
	forget_dots(stream);
	free_octets(stream);
	budget_give(stream->budget, stream, sizeof(*stream));
}

bool stream_rest(struct stream_rest *rest, struct stream *stream)
{
	/* What is acknowledged or allowed lies between these two. */
	if (stream->base != stream->next || stream->has_unseen)
		return false;
	*rest = (struct stream_rest){
		.next = stream->next,
		.before = { stream->before[0], stream->before[1] },
		.is_body = stream->is_body,
	};
	stream_free(stream);
	return true;
}

struct stream *stream_resume(const struct stream_rest *rest, struct budget *budget)
{
	struct stream *stream = stream_new(rest->next, budget);

	if (!stream)
		return NULL;
	memcpy(stream->before, rest->before, sizeof(stream->before));
	stream->is_body = rest->is_body;
	return stream;
}

/* Moves base forward. An idle stream keeps no buffer. */
static void release(struct stream *stream, size_t len)
{
	struct bytes gone = kept_between(stream, 0, (int64_t)len);

	if (gone.len == 0)
		return;
	stream->before[0] = gone.len > 1 ? gone.data[gone.len - 2] : stream->before[1];
	stream->before[1] = gone.data[gone.len - 1];
	stream->base += (uint32_t)gone.len;
	stream->start += (uint32_t)gone.len;
	if (offset_of(stream, stream->body_from) < 0)
		stream->body_from = stream->base;
	if (offset_of(stream, stream->body_to) < 0)
		stream->body_to = stream->base;
	if (stream->base == stream->next)
		free_octets(stream);
}

/* Lets the acknowledged and consumed go. */
static void trim(struct stream *stream)
{
	int64_t acked = offset_of(stream, stream->acked);
	int64_t consumed = offset_of(stream, stream->consumed);

	if (acked >= offset_of(stream, stream->unseen_to))
		stream->has_unseen = false;
	if (acked < 0) {
		/* The dot before acked stays: a line end behind it may come again. */
		if (stream->dots)
			dots_forget(stream->dots, stream->acked - 1);
		return;
	}
	forget_dots(stream);
	release(stream, (size_t)(acked < consumed ? acked : consumed));
}

/* What may be let go from base on: of the body, allowed. Its last octet stays, as the neighbour of the last dot. */
static struct bytes expendable(const struct stream *stream)
{
	int64_t to = offset_of(stream, stream->is_body ? stream->consumed : stream->body_to);
	int64_t allowed = offset_of(stream, stream->allowed);

	if (stream->body_from != stream->base ||
	    offset_of(stream, stream->acked) < -DOTS_STRETCH_MAX)
		return (struct bytes){ 0 };
	return kept_between(stream, 0, to < allowed ? to : allowed);
}

/* False: this dot has to stay. The dot of an end of data does, so that none is ever among the octets let go. */
static bool remember_dot(struct stream *stream, uint32_t seq, uint8_t before, uint8_t behind)
{
	if (ascii_is_line_end(before) && ascii_is_line_end(behind))
		return false;
	if (!stream->dots)
		stream->dots = dots_new(stream->budget);
	return stream->dots &&
	       dots_add(stream->dots, seq, ascii_is_line_end(before), ascii_is_line_end(behind));
}

static bool has_let_go(const struct stream *stream)
{
	return offset_of(stream, stream->acked) < 0;
}

/* The receiver has the octets before base, but `behind`, the first that is kept, is about to go. */
static bool remember_edge(struct stream *stream, uint8_t behind)
{
	/* CR LF . CR behind us: a LF must not be made of the next octet. */
	if (stream->before[0] == '.' && ascii_is_line_end(stream->before[1]))
		return false;
	return stream->before[1] != '.' ||
	       remember_dot(stream, stream->base - 1, stream->before[0], behind);
}

/* Lets the oldest octets of a body go, `wanted` at most, fewer when their dots cannot be remembered. */
static void let_go(struct stream *stream, size_t wanted)
{
	struct bytes kept = expendable(stream);
	size_t at = 0;

	if (wanted == 0 || kept.len < 2)
		return;
	if (wanted > kept.len - 1)
		wanted = kept.len - 1;
	if (!has_let_go(stream) && !remember_edge(stream, kept.data[0]))
		return;
	for (;;) {
		at += bytes_find(bytes_slice(kept, at, wanted - at), '.');
		if (at >= wanted ||
		    !remember_dot(stream, stream->base + (uint32_t)at,
		                  at ? kept.data[at - 1] : stream->before[1], kept.data[at + 1]))
			break;
		at++;
	}
	release(stream, at);
}

static void compact(struct stream *stream)
{
	if (stream->start)
		memmove(stream->octets, stream->octets + stream->start, kept_len(stream));
	stream->start = 0;
}

static bool grow(struct stream *stream, size_t needed)
{
	uint32_t room = stream->room ? stream->room : STREAM_ROOM_MIN;
	struct bytes kept = kept_between(stream, 0, STREAM_KEPT_MAX);
	uint8_t *octets;

	while (room < needed)
		room *= 2;
	octets = budget_take(stream->budget, room);
	if (!octets)
		return false;
	if (kept.len)
		memcpy(octets, kept.data, kept.len);
	budget_give(stream->budget, stream->octets, stream->room);
	stream->octets = octets;
	stream->room = room;
	stream->start = 0;
	return true;
}

/* NEW: `len` more octets fit behind those kept. */
static enum stream_result make_room(struct stream *stream, size_t len)
{
	size_t read_len = stream->consumed - stream->base;

	if (len > STREAM_WINDOW_MAX || unread_len(stream) > STREAM_WINDOW_MAX - len)
		return STREAM_FULL;
	if (read_len > STREAM_WINDOW_MAX)
		let_go(stream, read_len - STREAM_WINDOW_MAX);
	if (stream->consumed - stream->base > STREAM_WINDOW_MAX)
		return STREAM_BUSY;
	if (kept_len(stream) + len > stream->room && !grow(stream, kept_len(stream) + len)) {
		let_go(stream, STREAM_KEPT_MAX);
		if (kept_len(stream) + len > stream->room)
			return STREAM_FULL;
	}
	if (stream->start + kept_len(stream) + len > stream->room)
		compact(stream);
	return STREAM_NEW;
}

static bool agrees_with_kept(const struct stream *stream, int64_t at, struct bytes payload)
{
	int64_t acked = offset_of(stream, stream->acked);
	int64_t from = at > acked ? at : acked;
	struct bytes kept = kept_between(stream, from, at + (int64_t)payload.len);

	if (from < 0)
		from = 0;
	return kept.len == 0 ||
	       bytes_equal(kept, payload_between(payload, at, from, from + (int64_t)kept.len));
}

/* Of octets never seen all that is known is that none of them ended the data; nor may a copy. */
static bool agrees_with_unseen(const struct stream *stream, int64_t at, struct bytes payload)
{
	/* With the neighbour of the last one. */
	return !dots_end_data(payload_between(payload, at, offset_of(stream, stream->acked),
	                                      offset_of(stream, stream->unseen_to) + 1));
}

/* True also when none of it was let go. */
static bool agrees_with_let_go(const struct stream *stream, int64_t at, struct bytes payload)
{
	int64_t acked = offset_of(stream, stream->acked);
	int64_t seen = stream->has_unseen ? offset_of(stream, stream->unseen_to) : acked;
	struct bytes again = payload_between(payload, at, seen, 0);
	struct bytes edge = payload_between(payload, at, acked > -2 ? acked : -2, 0);
	int64_t edge_at = at > -2 ? at : -2;

	if (payload_between(payload, at, acked, 0).len == 0)
		return true;
	if (edge_at < acked)
		edge_at = acked;
	/* Up to two octets at the edge stand beside a dot that may be among those kept, so they are known exactly. */
	if (edge.len && memcmp(edge.data, stream->before + 2 + edge_at, edge.len) != 0)
		return false;
	if (stream->has_unseen && !agrees_with_unseen(stream, at, payload))
		return false;
	if (at < seen)
		at = seen;
	if (!stream->dots)
		return bytes_find(again, '.') == again.len;
	return dots_agree(stream->dots, stream->base + (uint32_t)at, again);
}

enum stream_result stream_push(struct stream *stream, bool *is_inconsistent, uint32_t seq,
                               struct bytes payload)
{
	int64_t at = offset_of(stream, seq);
	int64_t next = (int64_t)kept_len(stream);
	struct bytes fresh;
	enum stream_result result;

	if (payload.len == 0)
		return STREAM_OLD;
	if (at > next)
		return STREAM_GAP;
	if (!agrees_with_kept(stream, at, payload) || !agrees_with_let_go(stream, at, payload))
		*is_inconsistent = true;
	fresh = bytes_after(payload, (size_t)(next - at));
	if (fresh.len == 0)
		return STREAM_OLD;
	result = make_room(stream, fresh.len);
	if (result != STREAM_NEW)
		return result;
	assert(stream->octets);
	memcpy(stream->octets + stream->start + kept_len(stream), fresh.data, fresh.len);
	stream->next += (uint32_t)fresh.len;
	return STREAM_NEW;
}

struct bytes stream_readable(const struct stream *stream)
{
	return kept_between(stream, offset_of(stream, stream->consumed), STREAM_KEPT_MAX);
}

void stream_consume(struct stream *stream, size_t len)
{
	if (len > unread_len(stream))
		len = unread_len(stream);
	stream->consumed += (uint32_t)len;
	trim(stream);
}

void stream_allow(struct stream *stream, size_t len)
{
	uint32_t allowed;

	if (len > unread_len(stream))
		len = unread_len(stream);
	allowed = stream->consumed + (uint32_t)len;
	if (offset_of(stream, allowed) > offset_of(stream, stream->allowed))
		stream->allowed = allowed;
}

bool stream_acknowledge(struct stream *stream, uint32_t ack)
{
	if (offset_of(stream, ack) > offset_of(stream, stream->allowed))
		return false;
	if (offset_of(stream, ack) > offset_of(stream, stream->acked)) {
		stream->acked = ack;
		trim(stream);
	}
	return true;
}

void stream_keep_none(struct stream *stream, bool is_body)
{
	if (is_body == stream->is_body)
		return;
	stream->is_body = is_body;
	if (is_body)
		stream->body_from = stream->consumed;
	else
		stream->body_to = stream->consumed;
}

enum stream_judgement stream_judge(const struct stream *stream, struct stream_rewrite *rewrite,
                                   uint32_t seq, struct bytes payload)
{
	int64_t acked = offset_of(stream, stream->acked);
	int64_t allowed = offset_of(stream, stream->allowed);
	int64_t at = offset_of(stream, seq);
	int64_t end = at + (int64_t)payload.len;
	int64_t from = at > acked ? at : acked;
	struct stream_rewrite ours = { .seq = stream->acked - 1 };

	if (payload.len == 0)
		return STREAM_PASS;
	if (at > (int64_t)kept_len(stream))
		return STREAM_EARLY;
	if (end > acked && from >= 0) {
		ours.seq = stream->base + (uint32_t)from;
		ours.payload = kept_between(stream, from, end < allowed ? end : allowed);
	}
	if (end > allowed) {
		*rewrite = ours;
		return STREAM_WAIT;
	}
	if (agrees_with_let_go(stream, at, payload) && agrees_with_kept(stream, at, payload)) {
		if (at >= acked)
			return STREAM_PASS;
	} else if (end > acked && from < 0) {
		return STREAM_DROP;
	}
	/* Of what is not kept the rest goes on in its own words. */
	if (end > acked && from < 0)
		ours = (struct stream_rewrite){ stream->acked,
			                        bytes_after(payload, (size_t)(acked - at)) };
	*rewrite = ours;
	return STREAM_REWRITE;
}

bool stream_may_skip(const struct stream *stream)
{
	return stream->is_body && stream->consumed == stream->next &&
	       stream->allowed == stream->next &&
	       (offset_of(stream, stream->acked) >= offset_of(stream, stream->body_from) ||
	        (has_let_go(stream) && stream->body_from == stream->base));
}

void stream_skip(struct stream *stream, uint32_t to, const uint8_t tail[2])
{
	if (to == stream->next)
		return;
	assert(stream_may_skip(stream));
	forget_dots(stream);
	free_octets(stream);
	if (to - stream->acked > STREAM_UNSEEN_MAX)
		stream->acked = to - STREAM_UNSEEN_MAX;
	stream->base = stream->consumed = stream->allowed = stream->next = to;
	stream->body_from = stream->body_to = stream->unseen_to = to;
	stream->has_unseen = true;
	memcpy(stream->before, tail, sizeof(stream->before));
}

void stream_tail(const struct stream *stream, uint8_t tail[2])
{
	struct bytes kept = kept_between(stream, 0, STREAM_KEPT_MAX);

	tail[0] = kept.len > 1 ? kept.data[kept.len - 2] : stream->before[kept.len];
	tail[1] = kept.len > 0 ? kept.data[kept.len - 1] : stream->before[1];
}

uint32_t stream_next(const struct stream *stream)
{
	return stream->next;
}

uint32_t stream_allowed(const struct stream *stream)
{
	return stream->allowed;
}

uint32_t stream_acked(const struct stream *stream)
{
	return stream->acked;
}

struct bytes stream_kept(const struct stream *stream, uint32_t seq)
{
	int64_t at = offset_of(stream, seq);

	if (at < 0)
		return (struct bytes){ 0 };
	return kept_between(stream, at, offset_of(stream, stream->allowed));
}
