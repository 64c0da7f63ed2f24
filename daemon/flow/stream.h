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
 * gets is what was parsed. Of a message body (stream_keep_none) older octets are let go, and only what is needed to
 * notice a made-up end of data is remembered of them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"
#include "base/bytes.h"

enum {
	/* Octets not consumed yet: four TLS records, or one offloaded segment (65,212 octets at most). */
	STREAM_WINDOW_MAX = 64 * 1024,
	/* With as many consumed ones that are still in flight. */
	STREAM_KEPT_MAX = 2 * STREAM_WINDOW_MAX,
	/* Octets in flight that were never seen: no path has a window of so many. */
	STREAM_UNSEEN_MAX = 1 << 28,
};

struct stream;

enum stream_result {
	STREAM_NEW, /* octets were appended: read them */
	STREAM_OLD, /* nothing new: a retransmission, a keep-alive, or no payload */
	STREAM_GAP, /* begins behind next: earlier octets are still missing; nothing was kept */
	STREAM_FULL, /* more unread octets than the window or the budget takes; nothing was kept: an inspection limit */
	/*
	 * The window is taken by consumed octets that the receiver has not acknowledged; nothing was kept. No finding: drop the
	 * segment, TCP sends it again.
	 */
	STREAM_BUSY,
};

/* Expects first_seq (host order) next, all before it counts as acknowledged. budget outlives the stream. NULL when out of memory or budget. */
struct stream *stream_new(uint32_t first_seq, struct budget *budget);
void stream_free(struct stream *stream);

/* All that there is to know of a stream that keeps nothing. */
struct stream_rest {
	uint32_t next;
	uint8_t before[2];
	bool is_body;
};

/* True: nothing was kept, *rest takes the stream's place, and it is freed. */
bool stream_rest(struct stream_rest *rest, struct stream *stream);
/* As it was. NULL when out of memory or budget. */
struct stream *stream_resume(const struct stream_rest *rest, struct budget *budget);

/*
 * Takes in a segment's payload. Octets below acked are not looked at (keep-alives carry garbage). *is_inconsistent is
 * set (never cleared) when an octet that is kept came again with another value, ours stays; or when octets that were let go
 * came again with a dot or a line end beside a dot that was not there.
 */
enum stream_result stream_push(struct stream *stream, bool *is_inconsistent, uint32_t seq,
                               struct bytes payload);

/* In-order octets not consumed yet. Borrowed: valid until the next call that takes a non-const stream. */
struct bytes stream_readable(const struct stream *stream);
/* More than is readable counts as all of it. */
void stream_consume(struct stream *stream, size_t len);

/* Everything consumed, and `len` octets of what is readable, may pass. Never moves back. */
void stream_allow(struct stream *stream, size_t len);

/*
 * The receiver acknowledged up to `ack`; beyond `allowed` it is ignored (optimistic or forged). False then. A FIN's own sequence
 * number is the caller's to take off.
 */
bool stream_acknowledge(struct stream *stream, uint32_t ack);

/*
 * Body mode: what is consumed from now on need not be kept beyond STREAM_WINDOW_MAX; the oldest go first. What was consumed before
 * is kept until acknowledged, and so is whatever comes after the mode ends. Tell it after each step of the reader, as often as wished.
 */
void stream_keep_none(struct stream *stream, bool is_body);

enum stream_judgement {
	STREAM_PASS,    /* as it is; so does a segment without payload */
	STREAM_REWRITE, /* with the payload and sequence number given */
	STREAM_WAIT, /* holds octets not allowed yet, taken in or not; the rewrite is the part that may pass already, if any */
	STREAM_EARLY, /* behind a gap */
	STREAM_DROP,  /* differs from octets that were let go: they cannot be put right */
};

/*
 * A FIN of the segment may stay with the rewrite only if both end at the same sequence number. The payload may be empty: at
 * acked - 1 then, which the receiver answers with an acknowledgement (RFC 9293 section 3.10.7.4), and the sender goes on.
 */
struct stream_rewrite {
	uint32_t seq;
	struct bytes payload; /* our copy; borrowed until the next non-const call */
};

/*
 * What becomes of a segment that was pushed (now or earlier). *rewrite is set by REWRITE and WAIT. Acknowledged octets are trimmed, except
 * where octets that were let go follow them.
 */
enum stream_judgement stream_judge(const struct stream *stream, struct stream_rewrite *rewrite,
                                   uint32_t seq, struct bytes payload);

/*
 * The receiver may get octets of a body that the stream never sees (the kernel passes them by itself). False where what follows cannot be
 * left to that: unread or withheld octets, or some in flight that are no body.
 */
bool stream_may_skip(const struct stream *stream);
/*
 * Where stream_may_skip: octets up to `to` passed unseen, `tail` are the last two. No memory of what is in flight remains: of its copies
 * only an end of data is noticed, or a last octet that differs. What lies further back than STREAM_UNSEEN_MAX counts as acknowledged.
 */
void stream_skip(struct stream *stream, uint32_t to, const uint8_t tail[2]);
/* The last two octets before next; 0 where there were none. */
void stream_tail(const struct stream *stream, uint8_t tail[2]);

uint32_t stream_next(const struct stream *stream);
uint32_t stream_allowed(const struct stream *stream);
uint32_t stream_acked(const struct stream *stream);
/* The kept octets from `seq` up to allowed, at most; empty when not kept. For sending again what was lost. Borrowed as above. */
struct bytes stream_kept(const struct stream *stream, uint32_t seq);

#endif
