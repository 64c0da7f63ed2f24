/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_FLOW_STREAM_H
#define HOPGUARD_FLOW_STREAM_H

/*
 * One direction of a TCP connection, put back in order (RFC 9293 section 3.4), and the judge of what of it the
 * receiver may get. Three marks move through the sequence space, never back:
 *
 *     acked <= allowed <= next
 *
 * acked: the receiver has it (it said so). allowed: may pass. next: the first octet not seen yet in order. Octets from
 * acked on are kept, so that a second copy with other content is noticed and replaced by the first: what the receiver
 * gets is what was parsed. Of a message body (stream_keep_none) older octets are let go, see there.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"
#include "base/bytes.h"

/* Octets kept of one direction: four TLS records, far more than a dialogue has in flight. */
enum { STREAM_WINDOW_MAX = 64 * 1024 };

struct stream;

enum stream_result {
	STREAM_NEW,      /* octets were appended: read them */
	STREAM_OLD,      /* nothing new: a retransmission or a keep-alive */
	STREAM_GAP,      /* begins behind next: earlier octets are still missing; nothing was kept */
	STREAM_FULL,     /* more than the window or the budget takes: nothing was kept */
};

/* Expects first_seq (host order) next. budget outlives the stream. NULL when out of memory. */
struct stream *stream_new(uint32_t first_seq, struct budget *budget);
void stream_free(struct stream *stream);

/*
 * Takes in a segment's payload. Octets below acked are not looked at (keep-alives carry garbage). *is_inconsistent is
 * set (never cleared) when an octet that is kept came again with another value; ours stays.
 */
enum stream_result stream_push(struct stream *stream, bool *is_inconsistent, uint32_t seq,
                               struct bytes payload);

/* In-order octets not consumed yet. Borrowed: valid until the next call that takes a non-const stream. */
struct bytes stream_readable(const struct stream *stream);
void stream_consume(struct stream *stream, size_t len);

/* Everything consumed, and `len` octets of what is readable, may pass. Never moves back. */
void stream_allow(struct stream *stream, size_t len);

/* The receiver acknowledged up to `ack`; beyond `allowed` it is ignored (optimistic or forged). False then. */
bool stream_acknowledge(struct stream *stream, uint32_t ack);

/*
 * Body mode: octets consumed need not be kept beyond STREAM_WINDOW_MAX; the oldest go first. A retransmission of
 * what is no longer kept passes as it is if no end-of-data marker can hide in it, neighbours unknown (see
 * stream_judge). false ends the mode: what is kept from then on is kept as before.
 */
void stream_keep_none(struct stream *stream, bool is_body);

enum stream_judgement {
	STREAM_PASS,      /* as it is */
	STREAM_REWRITE,   /* with the payload and sequence number given */
	STREAM_WAIT,      /* holds octets not allowed yet, seen for the first time or not */
	STREAM_EARLY,     /* behind a gap */
	STREAM_DROP,      /* not kept any more and not provably harmless, or larger than what may be compared */
};

struct stream_rewrite {
	uint32_t seq;
	struct bytes payload; /* our copy; borrowed until the next non-const call */
};

/*
 * What becomes of a segment that was pushed (now or earlier). Acknowledged octets are trimmed; a payload that is wholly acknowledged
 * is rewritten to none at its last sequence number + 1, which the receiver answers with an acknowledgement.
 */
enum stream_judgement stream_judge(struct stream *stream, struct stream_rewrite *rewrite,
                                   uint32_t seq, struct bytes payload);

uint32_t stream_next(const struct stream *stream);
uint32_t stream_allowed(const struct stream *stream);
uint32_t stream_acked(const struct stream *stream);
/* The kept octets from `seq` up to allowed, at most; empty when not kept. For sending again what was lost. */
struct bytes stream_kept(const struct stream *stream, uint32_t seq);

#endif
