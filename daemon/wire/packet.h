/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_PACKET_H
#define HOPGUARD_WIRE_PACKET_H

/*
 * An IP packet that carries TCP, taken apart: IPv4 (RFC 791), IPv6 (RFC 8200) with its chain of
 * extension headers, TCP (RFC 9293 section 3.1) with its options.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/bytes.h"

enum tcp_flag {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
	TCP_ECE = 0x40,
	TCP_CWR = 0x80,
};

enum packet_result {
	PACKET_OK,
	PACKET_NOT_TCP,   /* also what hides it: IPsec, tunnels */
	PACKET_FRAGMENT,  /* not whole: the kernel reassembles before us where it can */
	PACKET_MALFORMED, /* lengths, versions or options that contradict each other */
	PACKET_BAD_CHECKSUM,
};

/* Sequence numbers in host order. Views are borrowed from the packet. */
struct segment {
	struct endpoint source;
	struct endpoint destination;
	uint32_t seq;
	uint32_t ack;
	uint16_t window;         /* unscaled */
	uint8_t flags;           /* of enum tcp_flag */
	uint16_t tcp_offset;     /* of the TCP header in the packet */
	uint16_t payload_offset; /* of the first octet of data */
	struct bytes payload;
	bool has_timestamps;
	uint32_t timestamp_value;
	uint32_t timestamp_echo;
	bool has_forbidden_options; /* MPTCP, Fast Open and their kin, see wire/tcp_option.h */
};

/*
 * The IP length may be shorter than the packet (link padding), never longer. checksum_ready false:
 * the kernel has not filled checksums in yet (segmentation offload), so none is looked at, and IPv4
 * total length 0 or an IPv6 jumbo payload option (RFC 2675) makes a segment of more than 64 KiB
 * (BIG TCP). MALFORMED, too: a routing header that still has segments to go, a source route of
 * IPv4, and IPv4-mapped addresses.
 */
enum packet_result packet_parse(struct segment *segment, struct bytes packet, bool checksum_ready);

/* How many sequence numbers the segment takes: payload, SYN and FIN. */
uint32_t segment_span(const struct segment *segment);

/* Sequence arithmetic modulo 2^32 (RFC 9293 section 3.4): a - b as a signed distance. */
int32_t seq_distance(uint32_t a, uint32_t b);

#endif
