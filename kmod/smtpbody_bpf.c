// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The match for message bodies as an eBPF program, which the stock match xt_bpf calls in front of the queue's rule: the segment
 * begins at its network header. 1 (it matches) lets it pass, 0 leaves it to the queue. See smtpbody_scan.h for the rule.
 */

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "smtpbody_scan.h"
#include "smtpbody_table.h"

enum {
	IPV6_HEADER_LEN = 40,
	IPV6_EXTENSIONS_MAX = 4,
	PROTOCOL_HOP_OPTIONS = 0,
	PROTOCOL_ROUTING = 43,
	PROTOCOL_DESTINATION_OPTIONS = 60,
	FRAGMENT_OFFSET = 0x1fff,
	FRAGMENT_UNUSUAL = 0xa000, /* more fragments, and the reserved bit (RFC 791 section 3.1) */
	TCP_HEADER_MIN = 20,
	PROTOCOL_TCP = 6,
	PIECE_LEN = SMTPBODY_PIECE_LEN,
	BLOCK_WORDS = SMTPBODY_BLOCK_LEN / 8,
	PIECES_MAX = 65535 / PIECE_LEN + 1,
};

struct piece {
	__u64 is_taken;
	__u64 before; /* the last octets of what was read before, in front of these */
	__u64 words[PIECE_LEN / 8];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SMTPBODY_ENTRIES + 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct smtpbody_entry);
} smtpbody_flows SEC(".maps");

/*
 * One for each CPU. What a local process sends iptables-nft filters with bottom halves on, in a task that others may push off:
 * whoever finds it taken came in between, on the same CPU, and does not scan.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct piece);
} smtpbody_pieces SEC(".maps");

struct segment {
	struct smtpbody_key key;
	struct smtpbody_ack ack;
	__u32 seq;
	__u32 options_at;
	__u32 options_len;
	__u32 payload_at;
	__u32 payload_len;
	__u8 flags;
	_Bool is_unusual; /* known well enough to be of a flow, not enough to pass */
};

/* Octets as on the wire. */
struct ipv4_header {
	__u8 version_and_len;
	__u8 service;
	__be16 total_len;
	__be16 identification;
	__be16 fragment;
	__u8 time_to_live;
	__u8 protocol;
	__be16 checksum;
	__be32 source;
	__be32 destination;
};

struct ipv6_header {
	__be32 version_and_label;
	__be16 payload_len;
	__u8 next_header;
	__u8 hop_limit;
	__be32 source[4];
	__be32 destination[4];
};

struct tcp_header {
	__be16 source;
	__be16 destination;
	__be32 seq;
	__be32 acknowledged;
	__u8 len_and_reserved;
	__u8 flags;
	__be16 window;
	__be16 checksum;
	__be16 urgent;
};

/* Where the TCP header begins; 0: not understood. */
static __always_inline __u32 read_ipv4(struct segment *segment, struct __sk_buff *skb)
{
	struct ipv4_header ip;

	if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) || ip.protocol != PROTOCOL_TCP ||
	    (ip.version_and_len & 0xf) < 5 || (ip.fragment & bpf_htons(FRAGMENT_OFFSET)))
		return 0;
	segment->is_unusual = ip.version_and_len != 0x45 ||
			      (ip.fragment & bpf_htons(FRAGMENT_UNUSUAL)) ||
			      bpf_ntohs(ip.total_len) != skb->len;
	segment->key.words[0] = smtpbody_key_head(4, 0, 0);
	segment->key.words[2] = ip.source;
	segment->key.words[4] = ip.destination;
	return (ip.version_and_len & 0xfU) * 4;
}

/* Where the TCP header begins, behind what is skipped; 0: not found. */
static __always_inline __u32 skip_extensions(struct __sk_buff *skb, __u8 next_header)
{
	struct {
		__u8 next_header;
		__u8 len; /* behind the first eight octets, in eights */
	} extension;
	__u32 at = IPV6_HEADER_LEN;
	int count;

#pragma unroll
	for (count = 0; count < IPV6_EXTENSIONS_MAX; count++) {
		if (next_header != PROTOCOL_HOP_OPTIONS && next_header != PROTOCOL_ROUTING &&
		    next_header != PROTOCOL_DESTINATION_OPTIONS)
			break;
		if (bpf_skb_load_bytes(skb, at, &extension, sizeof(extension)))
			return 0;
		next_header = extension.next_header;
		at += (extension.len + 1U) * 8;
	}
	return next_header == PROTOCOL_TCP ? at : 0;
}

static __always_inline __u32 read_ipv6(struct segment *segment, struct __sk_buff *skb)
{
	struct ipv6_header ip;

	if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)))
		return 0;
	segment->is_unusual = ip.next_header != PROTOCOL_TCP ||
			      bpf_ntohs(ip.payload_len) + IPV6_HEADER_LEN != skb->len;
	segment->key.words[0] = smtpbody_key_head(6, 0, 0);
	__builtin_memcpy(&segment->key.words[2], ip.source, sizeof(ip.source));
	__builtin_memcpy(&segment->key.words[4], ip.destination, sizeof(ip.destination));
	return skip_extensions(skb, ip.next_header);
}

static __always_inline _Bool read_segment(struct segment *segment, struct __sk_buff *skb)
{
	struct tcp_header tcp;
	__u32 tcp_at, tcp_len;
	__u8 version;

	if (bpf_skb_load_bytes(skb, 0, &version, sizeof(version)))
		return 0;
	if (version >> 4 == 4)
		tcp_at = read_ipv4(segment, skb);
	else if (version >> 4 == 6)
		tcp_at = read_ipv6(segment, skb);
	else
		return 0;
	if (tcp_at == 0 || bpf_skb_load_bytes(skb, tcp_at, &tcp, sizeof(tcp)))
		return 0;
	segment->key.words[0] |=
		smtpbody_key_head(0, bpf_ntohs(tcp.source), bpf_ntohs(tcp.destination));
	segment->key.words[1] = skb->ingress_ifindex;
	tcp_len = (tcp.len_and_reserved >> 4) * 4;
	if (tcp_len < TCP_HEADER_MIN || skb->len < tcp_at + tcp_len)
		segment->is_unusual = 1;
	else
		segment->payload_len = skb->len - tcp_at - tcp_len;
	segment->is_unusual |= (tcp.len_and_reserved & 0x0f) != 0;
	segment->seq = bpf_ntohl(tcp.seq);
	segment->flags = tcp.flags;
	segment->payload_at = tcp_at + tcp_len;
	segment->ack.seq = segment->seq;
	segment->ack.acked = bpf_ntohl(tcp.acknowledged);
	segment->ack.window = bpf_ntohs(tcp.window);
	segment->options_at = tcp_at + TCP_HEADER_MIN;
	segment->options_len = tcp_len - TCP_HEADER_MIN;
	return 1;
}

/* The client's segments have the key's interface, the server's another. */
static __always_inline _Bool has_key(const struct smtpbody_entry *entry,
				     const struct smtpbody_key *key, _Bool is_answer)
{
	const __u64 *words = entry->key.words;
	__u64 by = is_answer ? entry->answers_by : words[SMTPBODY_KEY_INGRESS];

	return ((words[0] ^ key->words[0]) | (by ^ key->words[SMTPBODY_KEY_INGRESS]) |
		(words[2] ^ key->words[2]) | (words[3] ^ key->words[3]) |
		(words[4] ^ key->words[4]) | (words[5] ^ key->words[5])) == 0;
}

static __always_inline struct smtpbody_entry *find_entry(const struct smtpbody_key *key,
							 _Bool is_answer)
{
	__u32 index = SMTPBODY_SEED_ENTRY;
	struct smtpbody_entry *entry = bpf_map_lookup_elem(&smtpbody_flows, &index);
	__u32 first, way;

	if (!entry)
		return 0;
	first = smtpbody_set(key, entry->word) * SMTPBODY_WAYS;
#pragma unroll
	for (way = 0; way < SMTPBODY_WAYS; way++) {
		index = first + way;
		entry = bpf_map_lookup_elem(&smtpbody_flows, &index);
		if (entry && has_key(entry, key, is_answer))
			return entry;
	}
	return 0;
}

/* From server to client becomes from client to server. */
static __always_inline void turn_round(struct smtpbody_key *key)
{
	__u64 ports = key->words[0] & 0xffffffffU;
	__u64 octets[2] = { key->words[2], key->words[3] };

	key->words[0] = key->words[0] >> 32 << 32 | ports >> 16 | (ports & 0xffff) << 16;
	key->words[2] = key->words[4];
	key->words[3] = key->words[5];
	key->words[4] = octets[0];
	key->words[5] = octets[1];
}

static __always_inline _Bool read_options(struct segment *segment, struct __sk_buff *skb)
{
	__u32 words[SMTPBODY_OPTION_WORDS] = {};
	__u32 len = segment->options_len;
	int at;

	if (len >= sizeof(words) && bpf_skb_load_bytes(skb, segment->options_at, words, 16))
		return 0;
	if (len == 12 && bpf_skb_load_bytes(skb, segment->options_at, words, 12))
		return 0;
#pragma unroll
	for (at = 0; at < SMTPBODY_OPTION_WORDS; at++)
		words[at] = bpf_ntohl(words[at]);
	return smtpbody_read_options(&segment->ack, len, words);
}

static __always_inline _Bool passes_ack(struct segment *segment, struct __sk_buff *skb)
{
	const struct smtpbody_ack *ack = &segment->ack;
	struct smtpbody_entry *entry;
	__u64 acks, word, server, moved;

	turn_round(&segment->key);
	entry = find_entry(&segment->key, 1);
	if (!entry || !read_options(segment, skb))
		return 0;
	acks = __sync_fetch_and_or(&entry->acks, 0);
	word = __sync_fetch_and_or(&entry->word, 0);
	server = __sync_fetch_and_or(&entry->server, 0);
	if (!has_key(entry, &segment->key, 1) || !smtpbody_acks_move(acks, word, server, ack))
		return 0;
	moved = smtpbody_server_moved(server, ack);
	if (moved != server && __sync_val_compare_and_swap(&entry->server, server, moved) != server)
		return 0;
	moved = smtpbody_acks_moved(acks, ack);
	return __sync_val_compare_and_swap(&entry->acks, acks, moved) == acks &&
	       !smtpbody_is_told(acks, ack);
}

struct scan {
	struct __sk_buff *skb;
	__u32 at;
	__u32 left;
	__u32 carry; /* completes: also where octets could not be read */
};

static __always_inline __u64 little_endian(__u64 word)
{
	return __builtin_bswap64(bpf_be64_to_cpu(word));
}

/*
 * The carry behind the first `count` octets of one more word, up to seven. Without a loop: each way out of the one over words
 * would have the verifier follow this one, too.
 */
static __always_inline __u32 scan_rest(struct smtpbody_window *window, __u64 word, __u32 count)
{
	__u64 last_eight = window->last;
	__u32 carry;

	if (count == 0)
		return smtpbody_window_carry(window);
	/* Octets of 0 complete nothing. */
	word &= (1ULL << (8 * count)) - 1;
	smtpbody_window_slide(window, word);
	carry = smtpbody_window_carry(window) & SMTPBODY_COMPLETES;
	return carry |
	       (__u32)((last_eight >> 56 | word << 8) >> (8 * (count - 1)) & SMTPBODY_TAIL_MASK);
}

/*
 * The next three are no part of who calls them for the verifier, which follows each once, whatever it is called with, and not from
 * each state that it could be called in. What lies behind the piece in the last of `blocks` is of an earlier one: a
 * sieve may find it, and no harm is done.
 */
__noinline _Bool has_dots(const struct piece *piece, __u32 carry, __u32 blocks)
{
	__u64 sieved = smtpbody_no_dots(smtpbody_last_word(carry));
	__u32 block, at;

	if (!piece)
		return 1;
	for (block = 0; block < blocks && block < PIECE_LEN / SMTPBODY_BLOCK_LEN; block++) {
#pragma unroll
		for (at = 0; at < BLOCK_WORDS; at++)
			sieved &= smtpbody_no_dots(piece->words[block * BLOCK_WORDS + at]);
		if (smtpbody_is_found(sieved))
			return 1;
	}
	return smtpbody_is_found(sieved);
}

__noinline _Bool has_begun(const struct piece *piece, __u32 carry, __u32 blocks)
{
	__u64 before = smtpbody_last_word(carry);
	__u64 sieved = smtpbody_no_begun(before, 0);
	__u32 block, at;

	if (!piece)
		return 1;
	for (block = 0; block < blocks && block < PIECE_LEN / SMTPBODY_BLOCK_LEN; block++) {
#pragma unroll
		for (at = 0; at < BLOCK_WORDS; at++) {
			__u64 word = little_endian(piece->words[block * BLOCK_WORDS + at]);

			sieved &= smtpbody_no_begun(word, before);
			before = word;
		}
		if (smtpbody_is_found(sieved))
			return 1;
	}
	return smtpbody_is_found(sieved);
}

/* The carry behind len octets. */
__noinline __u32 scan_each(const struct piece *piece, __u32 carry, __u32 len)
{
	struct smtpbody_window window = smtpbody_window_over(carry);
	__u32 at;

	if (!piece)
		return SMTPBODY_COMPLETES;
	for (at = 0; at < len / 8 && at < PIECE_LEN / 8; at++)
		smtpbody_window_slide(&window, little_endian(piece->words[at]));
	return scan_rest(&window, little_endian(piece->words[len / 8 % (PIECE_LEN / 8)]), len % 8);
}

/* The carry behind 1 to PIECE_LEN octets in which nothing completes. */
static __always_inline __u32 carry_behind(struct piece *piece, __u32 carry, __u64 len)
{
	const __u8 *octets = (const __u8 *)piece->words;

	piece->before = little_endian(smtpbody_last_word(carry));
	octets += (len - 1) & (PIECE_LEN - 1);
	return (carry & SMTPBODY_COMPLETES) | octets[-1] | (__u32)octets[0] << 8;
}

static long scan_piece(__u32 number, struct scan *scan)
{
	__u32 zero = 0;
	struct piece *piece = bpf_map_lookup_elem(&smtpbody_pieces, &zero);
	__u32 carry = scan->carry, blocks;
	__u64 len = scan->left;

	(void)number;
	if (!piece || len == 0)
		return 1;
	if (len > PIECE_LEN)
		len = PIECE_LEN;
	/* The same again, as older verifiers see it: from 1 to PIECE_LEN. */
	asm volatile("" : "+r"(len));
	len = ((len - 1) & (PIECE_LEN - 1)) + 1;
	if (bpf_skb_load_bytes(scan->skb, scan->at, piece->words, (__u32)len)) {
		scan->carry |= SMTPBODY_COMPLETES;
		return 1;
	}
	blocks = ((__u32)len - 1) / SMTPBODY_BLOCK_LEN + 1;
	scan->carry = has_dots(piece, carry, blocks) && has_begun(piece, carry, blocks)
			      ? scan_each(piece, carry, (__u32)len)
			      : carry_behind(piece, carry, len);
	scan->at += (__u32)len;
	scan->left -= (__u32)len;
	return (scan->carry & SMTPBODY_COMPLETES) || scan->left == 0;
}

/* The carry behind the payload; SMTPBODY_COMPLETES where it does not pass, for whatever reason. */
static __always_inline __u32 scan_payload(struct __sk_buff *skb, __u32 at, __u32 len, __u32 carry)
{
	struct scan scan = { .skb = skb, .at = at, .left = len, .carry = carry };
	__u32 zero = 0;
	struct piece *piece = bpf_map_lookup_elem(&smtpbody_pieces, &zero);
	long pieces;

	if (!piece || __sync_lock_test_and_set(&piece->is_taken, 1))
		return SMTPBODY_COMPLETES;
	pieces = bpf_loop(PIECES_MAX, scan_piece, &scan, 0);
	(void)__sync_fetch_and_and(&piece->is_taken, 0);
	return pieces < 0 || scan.left != 0 ? SMTPBODY_COMPLETES : scan.carry;
}

SEC("socket")
int smtpbody_passes_it(struct __sk_buff *skb)
{
	struct segment segment = {};
	struct smtpbody_entry *entry;
	__u64 word, moved;
	__u32 carry;

	if (!read_segment(&segment, skb))
		return 0;
	if (!segment.is_unusual && smtpbody_is_bare(segment.flags, segment.payload_len))
		return passes_ack(&segment, skb);
	entry = find_entry(&segment.key, 0);
	if (!entry)
		return 0;
	if (segment.payload_len == 0 && !segment.is_unusual &&
	    !(segment.flags & SMTPBODY_TCP_NEVER))
		return 0;
	/* With this barrier behind the word, what the key was found to be is what it was under this word. */
	word = __sync_fetch_and_or(&entry->word, 0);
	if (!(word & SMTPBODY_ARMED) || !has_key(entry, &segment.key, 0))
		return 0;
	if (segment.is_unusual || !smtpbody_is_next(word, segment.seq, segment.payload_len) ||
	    (segment.flags & (SMTPBODY_TCP_NEVER | SMTPBODY_TCP_ACK)) != SMTPBODY_TCP_ACK)
		goto freeze;
	carry = scan_payload(skb, segment.payload_at, segment.payload_len, smtpbody_carry(word));
	if (!smtpbody_passes(carry))
		goto freeze;
	moved = smtpbody_moved(word, segment.payload_len, carry);
	if (__sync_val_compare_and_swap(&entry->word, word, moved) == word)
		return 1;

freeze:
	__sync_fetch_and_and(&entry->word, ~SMTPBODY_ARMED);
	return 0;
}

char _license[] SEC("license") = "GPL";
