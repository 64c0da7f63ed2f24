/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_TOOLS_STREAM_PACKETS_H
#define HOPGUARD_TESTS_TOOLS_STREAM_PACKETS_H

/* Packets of smtpbody_streams, octet by octet: what is plain, and what is odd in each way. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "net/body_passage.h"
#include "support/body_oracle.h"

enum {
	STREAM_MAX = 1024,
	SEGMENT_MAX = 48,
	IPV6_HEADER = 40,
	IPV4_HEADER = 20,
	TCP_HEADER = 20,
	PACKET_MAX = IPV6_HEADER + 8 + TCP_HEADER + SEGMENT_MAX,
};

/* What is sent, and what the rule makes of it. */
struct stream {
	struct passage_flow flow;
	uint8_t octets[STREAM_MAX]; /* the first two are those before the body */
	size_t len;
	uint32_t first_seq; /* of octets[2] */
	size_t at;          /* where the kernel stands, in octets */
	bool is_armed;
	struct body_oracle_ack answer; /* what it was armed with, or passed last */
};

struct segment {
	const struct body_oracle_ack *ack; /* NULL: the client's */
	size_t at;
	size_t len;
	uint8_t flags;
	bool is_option;   /* of IP, or an extension header */
	bool is_fragment; /* more of it follows */
	bool is_wrong_sum;
	bool is_wrong_len;  /* IPv6 alone: the kernel sets that of IPv4 */
	bool is_tcp_option; /* one that is not known */
};

static inline uint32_t seq_at(const struct stream *stream, size_t at)
{
	return stream->first_seq + (uint32_t)at - 2;
}

static inline void put16(uint8_t *octets, uint16_t value)
{
	octets[0] = (uint8_t)(value >> 8);
	octets[1] = (uint8_t)value;
}

static inline void put32(uint8_t *octets, uint32_t value)
{
	put16(octets, (uint16_t)(value >> 16));
	put16(octets + 2, (uint16_t)value);
}

/* The sum of pseudo header and segment (RFC 9293 section 3.1), octet by octet. */
static inline uint16_t sum_of(const struct passage_flow *flow, const uint8_t *segment, size_t len)
{
	size_t address = address_len(&flow->client.address);
	uint32_t sum = IPPROTO_TCP + (uint32_t)len;

	for (size_t i = 0; i < address; i++)
		sum += (uint32_t)(flow->client.address.octets[i] + flow->server.address.octets[i])
		       << (i % 2 ? 0 : 8);
	for (size_t i = 0; i < len; i++)
		sum += (uint32_t)segment[i] << (i % 2 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* From the server; its length. */
static inline size_t write_ack(uint8_t *octets, const struct stream *stream,
                               const struct segment *segment)
{
	const struct body_oracle_ack *ack = segment->ack;
	size_t options = ack->has_timestamp ? 12 : 0;
	size_t len = TCP_HEADER + options + (ack->is_odd ? 4 : 0);

	memset(octets, 0, len);
	put16(octets, stream->flow.server.port);
	put16(octets + 2, stream->flow.client.port);
	put32(octets + 4, ack->seq);
	put32(octets + 8, ack->acked);
	octets[12] = (uint8_t)(len / 4 << 4);
	octets[13] = ack->tcp_flags;
	put16(octets + 14, ack->window);
	if (options) {
		memcpy(octets + TCP_HEADER, "\1\1\x8\xa", 4);
		put32(octets + TCP_HEADER + 4, ack->timestamp);
	}
	if (ack->is_odd)
		memcpy(octets + TCP_HEADER + options, "\1\1\1\1", 4);
	put16(octets + 16,
	      (uint16_t)(sum_of(&stream->flow, octets, len) ^ (segment->is_wrong_sum ? 0x10 : 0)));
	return len;
}

/* Its length. */
static inline size_t write_tcp(uint8_t *octets, const struct stream *stream,
                               const struct segment *segment)
{
	size_t options = segment->is_tcp_option ? 4 : 0;
	size_t len = TCP_HEADER + options + segment->len;

	if (segment->ack)
		return write_ack(octets, stream, segment);
	memset(octets, 0, len);
	put16(octets, stream->flow.client.port);
	put16(octets + 2, stream->flow.server.port);
	put32(octets + 4, seq_at(stream, segment->at));
	octets[12] = (uint8_t)((TCP_HEADER + options) / 4 << 4);
	octets[13] = segment->flags;
	put16(octets + 14, 1000);
	if (options)
		memcpy(octets + TCP_HEADER, "\x1e\4\0\0", options);
	memcpy(octets + TCP_HEADER + options, stream->octets + segment->at, segment->len);
	put16(octets + 16,
	      (uint16_t)(sum_of(&stream->flow, octets, len) ^ (segment->is_wrong_sum ? 0x10 : 0)));
	return len;
}

static inline size_t write_ipv4(uint8_t *octets, const struct stream *stream,
                                const struct segment *segment)
{
	size_t header = IPV4_HEADER + (segment->is_option ? 4 : 0);

	memset(octets, 0, header);
	octets[0] = (uint8_t)(0x40 | header / 4);
	octets[6] = segment->is_fragment ? 0x20 : 0;
	octets[8] = 64;
	octets[9] = IPPROTO_TCP;
	memcpy(octets + 12, stream->flow.client.address.octets, 4);
	memcpy(octets + 16, stream->flow.server.address.octets, 4);
	if (segment->is_option)
		memcpy(octets + IPV4_HEADER, "\1\1\1\0", 4);
	return header + write_tcp(octets + header, stream, segment);
}

static inline size_t write_ipv6(uint8_t *octets, const struct stream *stream,
                                const struct segment *segment)
{
	bool is_extended = segment->is_option || segment->is_fragment;
	size_t header = IPV6_HEADER + (is_extended ? 8 : 0);
	size_t len;

	memset(octets, 0, header);
	octets[0] = 0x60;
	octets[7] = 64;
	octets[6] = IPPROTO_TCP;
	memcpy(octets + 8, stream->flow.client.address.octets, 16);
	memcpy(octets + 24, stream->flow.server.address.octets, 16);
	if (is_extended) {
		octets[6] = segment->is_fragment ? IPPROTO_FRAGMENT : IPPROTO_DSTOPTS;
		memcpy(octets + IPV6_HEADER,
		       segment->is_fragment ? "\6\0\0\1\0\0\0\7" : "\6\0\1\4\0\0\0\0", 8);
	}
	len = header + write_tcp(octets + header, stream, segment);
	put16(octets + 4, (uint16_t)(len - IPV6_HEADER + (segment->is_wrong_len ? 1 : 0)));
	return len;
}

#endif
