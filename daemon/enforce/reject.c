/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/reject.h"

#include <stdlib.h>
#include <string.h>

/* The timestamps option with its padding (RFC 7323 appendix A). */
enum { TIMESTAMPS_LEN = 12 };

enum phase {
	PHASE_SPEAKING,  /* the 421 and FIN are on their way */
	PHASE_LINGERING, /* the client has them */
	PHASE_RESETTING, /* whatever the client sends gets a RST */
	PHASE_OVER,
};

struct refusal {
	refusal_send_fn send;
	void *owner;
	enum phase phase;
	struct refusal_start start; /* as given, moved on by what the sides send */
	uint64_t born_ms;
	uint64_t done_ms; /* when the client acknowledged our FIN or reset; UINT64_MAX: not yet */
	uint64_t resend_ms;
	unsigned resends; /* since the last progress */
	bool has_client_closed;
	bool is_window_closed;
	uint32_t base; /* sequence number of octets[0] */
	size_t acked;  /* of octets and FIN */
	size_t sent;
	size_t len;
	uint8_t octets[]; /* undelivered ones of the server's, then the reply; FIN follows */
};

/* Whether what the client still misses is here to be sent again. */
static bool is_undelivered_kept(const struct refusal_start *start)
{
	return start->undelivered.len <= REFUSAL_UNDELIVERED_MAX &&
	       start->client_acked + (uint32_t)start->undelivered.len == start->server_next;
}

/* An announced MSS includes the options (RFC 9293 section 3.7.1). */
static uint16_t payload_max(const struct refusal_start *start)
{
	uint16_t options_len = start->has_timestamps ? TIMESTAMPS_LEN : 0;
	uint16_t len = start->segment_max;

	if (len > REFUSAL_SEGMENT_MAX)
		len = REFUSAL_SEGMENT_MAX;
	return len > options_len ? (uint16_t)(len - options_len) : 1;
}

struct refusal *refusal_new(const struct refusal_start *start, refusal_send_fn send, void *owner,
                            uint64_t now_ms)
{
	bool is_kept = is_undelivered_kept(start);
	size_t undelivered_len = is_kept && !start->is_tls ? start->undelivered.len : 0;
	size_t text_len = start->text ? strnlen(start->text, REFUSAL_TEXT_MAX) : 0;
	struct refusal *refusal = calloc(1, sizeof(*refusal) + undelivered_len + text_len);

	if (!refusal)
		return NULL;
	refusal->send = send;
	refusal->owner = owner;
	refusal->phase = start->is_tls ? PHASE_RESETTING : PHASE_SPEAKING;
	refusal->start = *start;
	refusal->start.undelivered = (struct bytes){ 0 };
	refusal->start.text = NULL;
	refusal->start.segment_max = payload_max(start);
	refusal->born_ms = now_ms;
	refusal->done_ms = UINT64_MAX;
	refusal->resend_ms = UINT64_MAX;
	refusal->base = is_kept ? start->client_acked : start->server_next;
	refusal->len = undelivered_len + text_len;
	if (undelivered_len > 0)
		memcpy(refusal->octets, start->undelivered.data, undelivered_len);
	if (text_len > 0)
		memcpy(refusal->octets + undelivered_len, start->text, text_len);
	return refusal;
}

void refusal_free(struct refusal *refusal)
{
	free(refusal);
}

uint32_t refusal_server_seq(const struct refusal *refusal)
{
	return refusal->start.server_acked;
}

/* One segment of the reply from octet `from` on; `flags` beside ACK. */
static void send_to_client(struct refusal *refusal, size_t from, size_t len, uint8_t flags)
{
	const struct refusal_start *start = &refusal->start;
	const struct craft craft = {
		.source = start->server,
		.destination = start->client,
		.seq = refusal->base + (uint32_t)from,
		.ack = start->client_next,
		.window = start->window,
		.flags = (uint8_t)(TCP_ACK | flags),
		.has_timestamps = start->has_timestamps,
		/*
		 * Equal to the last is not below it (RFC 7323 section 5.3), and the server says
		 * no more.
		 */
		.timestamp_value = start->server_timestamp,
		.timestamp_echo = start->client_timestamp,
		.payload = bytes_slice(bytes_of(refusal->octets, refusal->len), from, len),
	};

	refusal->send(refusal->owner, true, &craft);
}

static void reset_client(struct refusal *refusal, uint32_t seq)
{
	const struct craft craft = {
		.source = refusal->start.server,
		.destination = refusal->start.client,
		.seq = seq,
		.flags = TCP_RST,
	};

	refusal->send(refusal->owner, true, &craft);
}

static void reset_server(struct refusal *refusal)
{
	const struct craft craft = {
		.source = refusal->start.client,
		.destination = refusal->start.server,
		.seq = refusal->start.server_acked,
		.flags = TCP_RST,
	};

	refusal->send(refusal->owner, false, &craft);
}

/*
 * A RST counts only at exactly the next octet the client expects (RFC 5961 section 3.2). That is
 * behind all that was passed to it, unless some was lost; else its challenge acknowledgement tells.
 */
static void reset_client_unasked(struct refusal *refusal)
{
	reset_client(refusal, refusal->start.server_next);
	if (refusal->start.client_acked != refusal->start.server_next)
		reset_client(refusal, refusal->start.client_acked);
}

static size_t whole_len(const struct refusal *refusal)
{
	return refusal->len + 1; /* FIN */
}

/* What may be on its way and is not. */
static void send_onward(struct refusal *refusal)
{
	size_t burst_end = refusal->acked + (size_t)REFUSAL_BURST_MAX * refusal->start.segment_max;

	while (refusal->sent < whole_len(refusal) && refusal->sent < burst_end) {
		size_t len = refusal->len - refusal->sent;
		uint8_t flags = TCP_PSH | TCP_FIN;

		if (len > refusal->start.segment_max) {
			len = refusal->start.segment_max;
			flags = 0;
		}
		send_to_client(refusal, refusal->sent, len, flags);
		refusal->sent += len + (flags ? 1 : 0);
	}
}

static void send_again(struct refusal *refusal)
{
	refusal->sent = refusal->acked;
	send_onward(refusal);
}

static void schedule_resend(struct refusal *refusal, uint64_t now_ms)
{
	uint64_t wait_ms = (uint64_t)REFUSAL_RESEND_FIRST_MS << refusal->resends;

	if (wait_ms > REFUSAL_RESEND_MAX_MS)
		wait_ms = REFUSAL_RESEND_MAX_MS;
	refusal->resend_ms = now_ms + wait_ms;
}

static void enter_phase(struct refusal *refusal, enum phase phase, uint64_t now_ms)
{
	refusal->phase = phase;
	refusal->resend_ms = UINT64_MAX;
	if (phase == PHASE_LINGERING)
		refusal->done_ms = now_ms;
}

void refusal_begin(struct refusal *refusal, bool resets_server, uint64_t now_ms)
{
	if (refusal->phase == PHASE_RESETTING)
		reset_client_unasked(refusal);
	else
		send_onward(refusal);
	if (resets_server)
		reset_server(refusal);
	schedule_resend(refusal, now_ms);
}

/* Takes in what the client sent in order, so that it is acknowledged: nobody will read it. */
static void absorb(struct refusal *refusal, const struct segment *segment)
{
	uint32_t end = segment->seq + segment_span(segment);

	if (refusal->has_client_closed ||
	    seq_distance(segment->seq, refusal->start.client_next) > 0 ||
	    seq_distance(end, refusal->start.client_next) <= 0)
		return;
	refusal->start.client_next = end;
	refusal->has_client_closed = segment->flags & TCP_FIN;
}

static void take_timestamp(struct refusal *refusal, const struct segment *segment)
{
	if (segment->has_timestamps &&
	    seq_distance(segment->timestamp_value, refusal->start.client_timestamp) > 0)
		refusal->start.client_timestamp = segment->timestamp_value;
	/* What it has of the server's by now. */
	if (segment->has_timestamps && segment->flags & TCP_ACK &&
	    seq_distance(segment->timestamp_echo, refusal->start.server_timestamp) > 0)
		refusal->start.server_timestamp = segment->timestamp_echo;
}

static void take_acknowledgement(struct refusal *refusal, const struct segment *segment,
                                 uint64_t now_ms)
{
	int32_t acked = seq_distance(segment->ack, refusal->base);
	bool opens = refusal->is_window_closed && segment->window > 0;

	refusal->is_window_closed = segment->window == 0;
	if (acked > 0 && (size_t)acked > refusal->acked && (size_t)acked <= whole_len(refusal)) {
		refusal->acked = (size_t)acked;
		if (refusal->sent < refusal->acked)
			refusal->sent = refusal->acked;
		refusal->resends = 0;
		if (refusal->acked == whole_len(refusal)) {
			enter_phase(refusal, PHASE_LINGERING, now_ms);
			return;
		}
		send_onward(refusal);
		schedule_resend(refusal, now_ms);
	} else if (opens) {
		send_again(refusal);
	}
}

/* A client that has our FIN. Its bare acknowledgements want no answer. */
static void answer_lingering(struct refusal *refusal, const struct segment *segment, bool is_new,
                             uint64_t now_ms)
{
	bool is_repetition = seq_distance(segment->seq, refusal->start.client_next) < 0;

	if (segment_span(segment) == 0 && !is_repetition)
		return;
	if (segment->flags & TCP_FIN || ((is_new || !refusal->has_client_closed) &&
	                                 now_ms < refusal->done_ms + REFUSAL_LINGER_MS)) {
		send_to_client(refusal, whole_len(refusal), 0, 0);
		return;
	}
	enter_phase(refusal, PHASE_RESETTING, now_ms);
	reset_client(refusal, refusal->base + (uint32_t)whole_len(refusal));
}

static void answer_client(struct refusal *refusal, const struct segment *segment, uint64_t now_ms)
{
	bool had_closed = refusal->has_client_closed;
	uint32_t had_next = refusal->start.client_next;

	take_timestamp(refusal, segment);
	absorb(refusal, segment);
	if (refusal->phase == PHASE_SPEAKING && segment->flags & TCP_ACK)
		take_acknowledgement(refusal, segment, now_ms);

	switch (refusal->phase) {
	case PHASE_SPEAKING:
		if (refusal->has_client_closed && !had_closed)
			send_to_client(refusal, refusal->sent, 0, 0);
		break;
	case PHASE_LINGERING:
		answer_lingering(refusal, segment, refusal->start.client_next != had_next, now_ms);
		break;
	case PHASE_RESETTING:
		if (segment->flags & TCP_ACK)
			reset_client(refusal, segment->ack);
		break;
	case PHASE_OVER:
		break;
	}
}

static void answer_server(struct refusal *refusal, const struct segment *segment)
{
	if (!(segment->flags & TCP_ACK))
		return;
	refusal->start.server_acked = segment->ack;
	reset_server(refusal);
}

void refusal_answer(struct refusal *refusal, const struct segment *segment, bool is_from_client,
                    uint64_t now_ms)
{
	if (!is_from_client) {
		if (!(segment->flags & TCP_RST))
			answer_server(refusal, segment);
	} else if (segment->flags & TCP_RST) {
		enter_phase(refusal, PHASE_RESETTING, now_ms);
		refusal->done_ms = now_ms;
	} else if (segment->flags & TCP_SYN) {
		enter_phase(refusal, PHASE_OVER, now_ms);
	} else {
		answer_client(refusal, segment, now_ms);
	}
}

static void resend(struct refusal *refusal, uint64_t now_ms)
{
	refusal->resends++;
	if (refusal->phase == PHASE_SPEAKING && refusal->resends <= REFUSAL_RESENDS_MAX) {
		send_again(refusal);
		schedule_resend(refusal, now_ms);
	} else if (refusal->phase == PHASE_SPEAKING) {
		enter_phase(refusal, PHASE_RESETTING, now_ms);
		reset_client(refusal, refusal->base + (uint32_t)refusal->acked);
	} else {
		reset_client_unasked(refusal);
		if (refusal->resends + 1 < REFUSAL_RESETS_MAX)
			schedule_resend(refusal, now_ms);
		else
			refusal->resend_ms = UINT64_MAX;
	}
}

uint64_t refusal_tick(struct refusal *refusal, uint64_t now_ms)
{
	if (now_ms >= refusal->resend_ms)
		resend(refusal, now_ms);
	return refusal->resend_ms;
}

bool refusal_is_over(const struct refusal *refusal, uint64_t now_ms)
{
	return refusal->phase == PHASE_OVER || now_ms >= refusal->born_ms + REFUSAL_LIFE_MS ||
	       (refusal->done_ms != UINT64_MAX &&
	        now_ms >= refusal->done_ms + REFUSAL_DONE_LIFE_MS);
}
