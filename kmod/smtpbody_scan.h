/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_KMOD_SMTPBODY_SCAN_H
#define HOPGUARD_KMOD_SMTPBODY_SCAN_H

/*
 * Which segments of a message body may pass without being seen by the guard: one text for the kernel module, the eBPF
 * program and user space.
 *
 * What some server takes for the end of a message (RFC 5321 section 4.1.1.4, and what smuggling makes of it) always holds
 * three octets: a line end (CR or LF), a dot, a line end. Where these three complete, and from there on, the guard itself
 * must look. A flow's state follows what passed: the sequence number that comes next and the last two octets before it.
 *
 * A segment passes when the state is armed, seq is next_seq, there is payload, nothing completes in it, and it does not end
 * with a line end and a dot (smtpbody_passes); and only once the state was moved over it by one compare-and-swap of the
 * whole word. Every other segment with payload, or with one of
 * SMTPBODY_TCP_NEVER, freezes the state (SMTPBODY_ARMED goes out, whatever else the word holds by then) and is queued,
 * as all behind it are until the guard arms again. Segments without payload neither pass nor freeze.
 *
 * Two octets tell enough only where no mark has completed: the guard never arms where the octets so far end in a line
 * end, a dot and CR, as LF may come next.
 *
 * Meanwhile the server says nothing but what it got. Its bare acknowledgments pass, too, while the state is armed: see
 * smtpbody_ack. All else of the server's is queued, and freezes nothing.
 */

#include <linux/types.h>

/* TCP flags of segments that never pass: FIN, SYN, RST, URG (RFC 9293 section 3.1). */
#define SMTPBODY_TCP_NEVER 0x27U
/* The only one of a bare acknowledgment, beside those of congestion (RFC 3168 section 6.1). */
#define SMTPBODY_TCP_ACK        0x10U
#define SMTPBODY_TCP_CONGESTION 0xc0U

/*
 * The carry: bits 0-7 are the octet before the last, 8-15 the last one, SMTPBODY_COMPLETES says that a mark completed since the
 * carry began. Of the beginning of a body it is SMTPBODY_CRLF: the line end of DATA counts.
 */
#define SMTPBODY_COMPLETES 0x10000U
#define SMTPBODY_TAIL_MASK 0xffffU
#define SMTPBODY_CRLF      0x0a0dU

/* The word: bits 0-31 next_seq, 32-47 tail (as in the carry), 48 armed, 49-63 generation. 0 is armed nowhere. */
#define SMTPBODY_ARMED           (1ULL << 48)
#define SMTPBODY_GENERATION_MASK 0x7fffU

struct smtpbody_state {
	__u32 next_seq; /* host order */
	__u16 tail;
	__u16 generation; /* whoever arms takes another one: a word never comes back */
	_Bool is_armed;
};

static inline __u64 smtpbody_pack(struct smtpbody_state state)
{
	return state.next_seq | (__u64)state.tail << 32 | (state.is_armed ? SMTPBODY_ARMED : 0) |
	       (__u64)(state.generation & SMTPBODY_GENERATION_MASK) << 49;
}

static inline struct smtpbody_state smtpbody_unpack(__u64 word)
{
	struct smtpbody_state state = {
		.next_seq = (__u32)word,
		.tail = (__u16)(word >> 32),
		.generation = (__u16)(word >> 49),
		.is_armed = (word & SMTPBODY_ARMED) != 0,
	};

	return state;
}

/*
 * 0x80 in each octet of the word that is `octet`, 0 in all others: no sum reaches the next octet. Neither here nor below is
 * there a comparison, which eBPF could only express by a branch, and each of them doubles what its verifier follows.
 */
static inline __u64 smtpbody_equal(__u64 word, __u64 octet)
{
	const __u64 low = 0x7f7f7f7f7f7f7f7fULL;
	__u64 differs = word ^ (octet * 0x0101010101010101ULL);

	return ~(((differs & low) + low) | differs | low);
}

static inline __u64 smtpbody_line_ends(__u64 word)
{
	return smtpbody_equal(word, '\r') | smtpbody_equal(word, '\n');
}

/* The octets of a segment with this seq (host order) and payload_len are to be scanned. */
static inline _Bool smtpbody_is_next(__u64 word, __u32 seq, __u32 payload_len)
{
	return (word & SMTPBODY_ARMED) && (__u32)word == seq && payload_len > 0;
}

/* With which carry they are. */
static inline __u32 smtpbody_carry(__u64 word)
{
	return (__u32)(word >> 32) & SMTPBODY_TAIL_MASK;
}

/*
 * What became of the carry lets them pass. Behind a line end and a dot it does not: two octets cannot tell which line end
 * that was, and with it what the next octet makes of the dot.
 */
static inline _Bool smtpbody_passes(__u32 carry)
{
	__u64 tail = carry & SMTPBODY_TAIL_MASK;

	return !(carry & SMTPBODY_COMPLETES) &&
	       !(smtpbody_line_ends(tail) & (smtpbody_equal(tail, '.') >> 8));
}

/* The word behind them: still armed, of the same generation. */
static inline __u64 smtpbody_moved(__u64 word, __u32 payload_len, __u32 carry)
{
	return (word >> 48 << 48) | (__u64)(carry & SMTPBODY_TAIL_MASK) << 32 |
	       (__u32)((__u32)word + payload_len);
}

/* What a scan knows of the eight octets before, the first of them in the lowest bits. */
struct smtpbody_window {
	__u64 last; /* the octets themselves */
	__u64 line_ends;
	__u64 dots;
	__u64 completions;
};

/* The carry's two octets as the last of a word. */
static inline __u64 smtpbody_last_word(__u32 carry)
{
	return (__u64)(carry & SMTPBODY_TAIL_MASK) << 48;
}

static inline struct smtpbody_window smtpbody_window_over(__u32 carry)
{
	__u64 last = smtpbody_last_word(carry);
	struct smtpbody_window window = {
		.last = last,
		.line_ends = smtpbody_line_ends(last),
		.dots = smtpbody_equal(last, '.'),
		.completions = carry & SMTPBODY_COMPLETES,
	};

	return window;
}

static inline void smtpbody_window_slide(struct smtpbody_window *window, __u64 word)
{
	__u64 line_ends = smtpbody_line_ends(word);
	__u64 dots = smtpbody_equal(word, '.');

	window->completions |= line_ends & (dots << 8 | window->dots >> 56) &
			       (line_ends << 16 | window->line_ends >> 48);
	window->last = word;
	window->line_ends = line_ends;
	window->dots = dots;
}

static inline __u32 smtpbody_window_carry(const struct smtpbody_window *window)
{
	__u64 any = (window->completions | (0 - window->completions)) >> 63;

	return (__u32)(any << 16) | (__u32)(window->last >> 48);
}

/* The carry behind one more octet. */
static inline __u32 smtpbody_step(__u32 carry, __u8 octet)
{
	__u64 last = carry & SMTPBODY_TAIL_MASK;
	__u64 marks = smtpbody_line_ends(last) & (smtpbody_equal(last, '.') >> 8) &
		      smtpbody_line_ends(octet);

	return (carry & SMTPBODY_COMPLETES) | (__u32)(marks >> 7 << 16) | (__u32)(last >> 8) |
	       (__u32)octet << 8;
}

/* Compilers make one load of it. */
static inline __u64 smtpbody_word(const __u8 *octets)
{
	return octets[0] | (__u64)octets[1] << 8 | (__u64)octets[2] << 16 | (__u64)octets[3] << 24 |
	       (__u64)octets[4] << 32 | (__u64)octets[5] << 40 | (__u64)octets[6] << 48 |
	       (__u64)octets[7] << 56;
}

/*
 * What completes holds a dot behind a line end, and most octets are far from that. Two sieves know so at a fraction of what a
 * window costs: the first passes words without dots, the second also those where each dot is behind something else. Both may
 * find too much, never too little. What they say of all words goes into one AND, and SMTPBODY_NOTHING is left in it where
 * they found nothing: 0x80 in each octet. They add 0x7f to octets whose highest bit is not set, which sets it in all but an
 * octet of 0, and no sum reaches the next.
 *
 * The dot of what completes lies in the words, or is the last octet before them: so that word is sieved first, of which no more
 * than two octets are known.
 */
#define SMTPBODY_NOTHING 0x8080808080808080ULL

/* What is looked at in one go: a sieve ends behind a block in which it found something, and its piece is scanned. */
#define SMTPBODY_BLOCK_LEN 64
#define SMTPBODY_PIECE_LEN 2048

/* An octet of 0 is a dot, or 0xae. */
static inline __u64 smtpbody_from_dot(__u64 word)
{
	return (word ^ 0x2e2e2e2e2e2e2e2eULL) & 0x7f7f7f7f7f7f7f7fULL;
}

static inline __u64 smtpbody_no_dots(__u64 word)
{
	return smtpbody_from_dot(word) + 0x7f7f7f7f7f7f7f7fULL;
}

/* Also 0 has to be bits 4 to 7 of the octet before, as in line ends: they come to lie on bits 3 to 6. */
static inline __u64 smtpbody_no_begun(__u64 word, __u64 before)
{
	__u64 octets_before = (word << 7 | before >> 57) & 0x7878787878787878ULL;

	return (smtpbody_from_dot(word) | octets_before) + 0x7f7f7f7f7f7f7f7fULL;
}

static inline _Bool smtpbody_is_found(__u64 sieved)
{
	return (sieved & SMTPBODY_NOTHING) != SMTPBODY_NOTHING;
}

/* Whether there is a dot in len octets, of whole blocks, or before them. */
static inline _Bool smtpbody_has_dots(__u32 carry, const __u8 *octets, __u32 len)
{
	__u64 sieved = smtpbody_no_dots(smtpbody_last_word(carry));
	__u32 block, at;

	for (block = 0; block < len && !smtpbody_is_found(sieved); block += SMTPBODY_BLOCK_LEN) {
		for (at = block; at < block + SMTPBODY_BLOCK_LEN; at += 8)
			sieved &= smtpbody_no_dots(smtpbody_word(octets + at));
	}
	return smtpbody_is_found(sieved);
}

/* The same of a dot behind what may be a line end. */
static inline _Bool smtpbody_has_begun(__u32 carry, const __u8 *octets, __u32 len)
{
	__u64 before = smtpbody_last_word(carry);
	__u64 sieved = smtpbody_no_begun(before, 0);
	__u32 block, at;

	for (block = 0; block < len && !smtpbody_is_found(sieved); block += SMTPBODY_BLOCK_LEN) {
		for (at = block; at < block + SMTPBODY_BLOCK_LEN; at += 8) {
			__u64 word = smtpbody_word(octets + at);

			sieved &= smtpbody_no_begun(word, before);
			before = word;
		}
	}
	return smtpbody_is_found(sieved);
}

/* The carry behind len octets, without a sieve. */
static inline __u32 smtpbody_scan_each(__u32 carry, const __u8 *octets, __u32 len)
{
	struct smtpbody_window window = smtpbody_window_over(carry);
	__u32 whole = len & ~7U;
	__u32 at;

	for (at = 0; at < whole; at += 8)
		smtpbody_window_slide(&window, smtpbody_word(octets + at));
	carry = smtpbody_window_carry(&window);
	for (; at < len; at++)
		carry = smtpbody_step(carry, octets[at]);
	return carry;
}

static inline __u32 smtpbody_scan_piece(__u32 carry, const __u8 *octets, __u32 len)
{
	__u32 whole = len & ~(SMTPBODY_BLOCK_LEN - 1U);

	if (whole == 0 ||
	    (smtpbody_has_dots(carry, octets, whole) && smtpbody_has_begun(carry, octets, whole)))
		return smtpbody_scan_each(carry, octets, len);
	carry = (carry & SMTPBODY_COMPLETES) | octets[whole - 2] | (__u32)octets[whole - 1] << 8;
	return smtpbody_scan_each(carry, octets + whole, len - whole);
}

/* The carry behind len octets. */
static inline __u32 smtpbody_scan(__u32 carry, const __u8 *octets, __u32 len)
{
	__u32 at, piece_len;

	for (at = 0; at < len; at += piece_len) {
		piece_len = len - at < SMTPBODY_PIECE_LEN ? len - at : SMTPBODY_PIECE_LEN;
		carry = smtpbody_scan_piece(carry, octets + at, piece_len);
	}
	return carry;
}

/* What the server acknowledges in a segment that has no payload. */
struct smtpbody_ack {
	__u32 seq; /* host order, all of them */
	__u32 acked;
	__u32 timestamp; /* with has_timestamp */
	__u16 window;
	_Bool has_timestamp;
};

/*
 * Two more words of a flow. acks: bits 0-31 the last acknowledgment that passed, 32-47 its window, 48-63 as the word has them
 * when it is armed, so that both are known to belong together. server: bits 0-31 its sequence number, which stays, 32-63 the
 * latest timestamp of what passed. Whoever takes back has all that passed: acks moves by one compare-and-swap, behind server.
 */
static inline __u64 smtpbody_acks(__u64 word, __u32 acked, __u16 window)
{
	return (word >> 48 << 48) | (__u64)window << 32 | acked;
}

static inline __u64 smtpbody_server(__u32 seq, __u32 timestamp)
{
	return (__u64)timestamp << 32 | seq;
}

static inline _Bool smtpbody_is_bare(__u8 flags, __u32 payload_len)
{
	return payload_len == 0 && (flags & ~SMTPBODY_TCP_CONGESTION) == SMTPBODY_TCP_ACK;
}

/* Octets of options that tell all, as words: up to the kind of what follows timestamps. */
#define SMTPBODY_OPTION_WORDS 4

/*
 * Of options only timestamps and selective acknowledgments, laid out as everybody does (RFC 7323 appendix A): words are
 * the first of len octets, in host order, 0 behind these. False: others.
 */
static inline _Bool smtpbody_read_options(struct smtpbody_ack *ack, __u32 len,
					  const __u32 words[SMTPBODY_OPTION_WORDS])
{
	__u32 blocks = words[0];

	ack->has_timestamp = len >= 12 && words[0] == 0x0101080aU;
	ack->timestamp = words[1];
	if (ack->has_timestamp) {
		len -= 12;
		blocks = words[3];
	}
	return len == 0 || (len >= 12 && len % 8 == 4 && blocks == (0x01010500U | (len - 2)));
}

/*
 * It may pass: nothing new of the server's, and between the last acknowledgment and what has passed. Where acks was read
 * first, no word that was read later is behind it.
 */
static inline _Bool smtpbody_acks_move(__u64 acks, __u64 word, __u64 server,
				       const struct smtpbody_ack *ack)
{
	return (acks & SMTPBODY_ARMED) && acks >> 48 == word >> 48 && ack->seq == (__u32)server &&
	       ack->acked - (__u32)acks <= (__u32)word - (__u32)acks;
}

static inline __u64 smtpbody_acks_moved(__u64 acks, const struct smtpbody_ack *ack)
{
	return smtpbody_acks(acks, ack->acked, ack->window);
}

static inline __u64 smtpbody_server_moved(__u64 server, const struct smtpbody_ack *ack)
{
	__u32 ahead = ack->timestamp - (__u32)(server >> 32);

	return ack->has_timestamp && ahead >> 31 == 0
		       ? smtpbody_server((__u32)server, ack->timestamp)
		       : server;
}

/*
 * One of each MiB is queued all the same, though it moved: the guard is to know that the connection is in use, and how far
 * it is, long before sequence numbers have gone round.
 */
static inline _Bool smtpbody_is_told(__u64 acks, const struct smtpbody_ack *ack)
{
	return ((__u32)acks ^ ack->acked) >> 20 != 0;
}

#endif
