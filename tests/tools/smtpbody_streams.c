/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * smtpbody_streams COUNT SEED: random message bodies by raw packets through the kernel's match, and whether each packet passed as the
 * rule says, found the slow way. The rules are the caller's: OUTPUT to port 25 passes by the match or is dropped, which whoever sends
 * is told. The last line of output is how many of the streams differ.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kmod/smtpbody_scan.h"
#include "net/passage_module.h"

enum {
	STREAM_MAX = 1024,
	SEGMENT_MAX = 48,
	STEPS_MAX = 14,
	IPV6_HEADER = 40,
	IPV4_HEADER = 20,
	TCP_HEADER = 20,
	PACKET_MAX = IPV6_HEADER + 8 + TCP_HEADER + SEGMENT_MAX,
};

struct sender {
	int sockets[2]; /* IPv4, IPv6 */
	struct body_passage *passage;
	uint64_t random;
	uint64_t packets;
	uint64_t passed;
	uint64_t froze;
};

/* What is sent, and what the rule makes of it. */
struct stream {
	struct passage_flow flow;
	uint8_t octets[STREAM_MAX]; /* the first two are those before the body */
	size_t len;
	uint32_t first_seq; /* of octets[2] */
	size_t at;          /* where the kernel stands, in octets */
	bool is_armed;
};

struct segment {
	size_t at;
	size_t len;
	uint8_t flags;
	bool is_option;   /* of IP, or an extension header */
	bool is_fragment; /* more of it follows */
	bool is_wrong_sum;
	bool is_wrong_len;  /* IPv6 alone: the kernel sets that of IPv4 */
	bool is_tcp_option; /* one that is not known */
};

static uint32_t random_below(struct sender *sender, uint32_t bound)
{
	sender->random = sender->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(sender->random >> 33) % bound;
}

static bool one_in(struct sender *sender, uint32_t count)
{
	return random_below(sender, count) == 0;
}

static bool is_line_end(uint8_t octet)
{
	return octet == '\r' || octet == '\n';
}

/* As the rule is written: a mark in the two octets before and these, or only its last octet away. */
static bool may_pass(const struct stream *stream, size_t at, size_t len)
{
	const uint8_t *octets = stream->octets + at - 2;

	for (size_t i = 0; i + 2 < len + 2; i++) {
		if (is_line_end(octets[i]) && octets[i + 1] == '.' && is_line_end(octets[i + 2]))
			return false;
	}
	return !(is_line_end(octets[len]) && octets[len + 1] == '.');
}

/* The same by the text that module and eBPF share. */
static bool scan_passes(const struct stream *stream, size_t at, size_t len)
{
	const uint8_t *octets = stream->octets + at;
	uint32_t carry = (uint32_t)(octets[-2] | octets[-1] << 8);

	return smtpbody_passes(smtpbody_scan(carry, octets, (uint32_t)len));
}

static uint32_t seq_at(const struct stream *stream, size_t at)
{
	return stream->first_seq + (uint32_t)at - 2;
}

static void put16(uint8_t *octets, uint16_t value)
{
	octets[0] = (uint8_t)(value >> 8);
	octets[1] = (uint8_t)value;
}

static void put32(uint8_t *octets, uint32_t value)
{
	put16(octets, (uint16_t)(value >> 16));
	put16(octets + 2, (uint16_t)value);
}

/* The sum of pseudo header and segment (RFC 9293 section 3.1), octet by octet. */
static uint16_t sum_of(const struct passage_flow *flow, const uint8_t *segment, size_t len)
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

/* Its length. */
static size_t write_tcp(uint8_t *octets, const struct stream *stream, const struct segment *segment)
{
	size_t options = segment->is_tcp_option ? 4 : 0;
	size_t len = TCP_HEADER + options + segment->len;

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

static size_t write_ipv4(uint8_t *octets, const struct stream *stream,
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

static size_t write_ipv6(uint8_t *octets, const struct stream *stream,
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

/* Whether it passed: what is dropped on its way out is an error. */
static bool send_segment(struct sender *sender, const struct stream *stream,
                         const struct segment *segment)
{
	bool is_ipv6 = stream->flow.server.address.family == 6;
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	uint8_t octets[PACKET_MAX];
	size_t len =
		is_ipv6 ? write_ipv6(octets, stream, segment) : write_ipv4(octets, stream, segment);
	ssize_t sent;

	memcpy(&to.sin_addr, stream->flow.server.address.octets, 4);
	memcpy(&to6.sin6_addr, stream->flow.server.address.octets, 16);
	sent = is_ipv6 ? sendto(sender->sockets[1], octets, len, 0, (struct sockaddr *)&to6,
	                        sizeof(to6))
	               : sendto(sender->sockets[0], octets, len, 0, (struct sockaddr *)&to,
	                        sizeof(to));
	if (sent < 0 && errno != EPERM) {
		perror("smtpbody_streams: send");
		exit(EXIT_FAILURE);
	}
	sender->packets++;
	sender->passed += sent >= 0;
	return sent >= 0;
}

static bool is_plain(const struct segment *segment)
{
	return !segment->is_option && !segment->is_fragment && !segment->is_wrong_len &&
	       !segment->is_tcp_option && (segment->flags & ~(TH_PUSH | 0xc0)) == TH_ACK;
}

/* What the rule says of it, and where the flow is then. */
static bool judge(struct stream *stream, const struct segment *segment)
{
	if (is_plain(segment) && segment->len == 0)
		return false;
	if (stream->is_armed && is_plain(segment) && !segment->is_wrong_sum &&
	    segment->at == stream->at && may_pass(stream, segment->at, segment->len)) {
		stream->at += segment->len;
		return true;
	}
	stream->is_armed = false;
	return false;
}

static struct passage_place place_of(const struct stream *stream)
{
	return (struct passage_place){
		.next_seq = seq_at(stream, stream->at),
		.tail = { stream->octets[stream->at - 2], stream->octets[stream->at - 1] },
	};
}

static bool stands_there(const struct stream *stream, const struct passage_place *place)
{
	const struct passage_place want = place_of(stream);

	return place->next_seq == want.next_seq && memcmp(place->tail, want.tail, 2) == 0;
}

static void arm(struct sender *sender, struct stream *stream)
{
	const struct passage_place place = place_of(stream);
	int err = body_passage_arm(sender->passage, &stream->flow, &place);

	if (err) {
		fprintf(stderr, "smtpbody_streams: not armed: %s\n", strerror(-err));
		exit(EXIT_FAILURE);
	}
	stream->is_armed = true;
}

static void begin(struct sender *sender, struct stream *stream, uint32_t number)
{
	static const char letters[] = "\r\n.\r\n.ab";
	bool is_ipv6 = one_in(sender, 2);
	const char *near = is_ipv6 ? "::1" : "127.0.0.1";

	memset(stream, 0, sizeof(*stream));
	(void)address_parse(&stream->flow.client.address, near);
	(void)address_parse(&stream->flow.server.address, near);
	stream->flow.client.port = (uint16_t)(1024 + number % 60000);
	stream->flow.server.port = 25;
	/* One in four begins shortly before the numbers go round. */
	stream->first_seq = one_in(sender, 4) ? 0U - random_below(sender, 200)
	                                      : random_below(sender, 0x7fffffff) * 2;
	stream->len = STREAM_MAX;
	for (size_t i = 0; i < STREAM_MAX; i++)
		stream->octets[i] = (uint8_t)letters[random_below(sender, sizeof(letters) - 1)];
	/* Half of them are long lines, so that more than a segment or two passes. */
	for (size_t i = 2; i < STREAM_MAX && number % 2; i++) {
		if (!one_in(sender, 24))
			stream->octets[i] = 'x';
	}
	memcpy(stream->octets, "\r\n", 2);
	stream->at = 2;
	arm(sender, stream);
}

/* Mostly the next one; else one that overlaps, is ahead, or is somehow odd. */
static struct segment next_segment(struct sender *sender, const struct stream *stream)
{
	struct segment segment = {
		.at = stream->at,
		.len = random_below(sender, SEGMENT_MAX) + 1,
		.flags = TH_ACK | (one_in(sender, 2) ? TH_PUSH : 0),
	};
	static const uint8_t odd[] = { TH_SYN, TH_FIN, TH_RST, TH_URG };

	switch (random_below(sender, 24)) {
	case 0:
		segment.at = random_below(sender, (uint32_t)stream->at - 1) + 2;
		break;
	case 1:
		segment.at += random_below(sender, 20);
		break;
	case 2:
		segment.flags |= odd[random_below(sender, 4)];
		break;
	case 3:
		segment.len = 0;
		break;
	case 4:
		segment.is_option = true;
		break;
	case 5:
		segment.is_fragment = true;
		break;
	case 6:
		segment.is_wrong_sum = true;
		break;
	case 7:
		segment.is_wrong_len = stream->flow.server.address.family == 6;
		break;
	case 8:
		segment.is_tcp_option = true;
		break;
	default:
		break;
	}
	return segment;
}

static bool differs(uint32_t number, const char *what)
{
	printf("stream %u: %s\n", number, what);
	return true;
}

/* Frozen: taken back as a guard does, which then passes a segment by itself and arms behind it. */
static bool take_back_differs(struct sender *sender, struct stream *stream, uint32_t number)
{
	struct passage_place reached;
	struct passage_look seen;

	sender->froze++;
	if (body_passage_look(sender->passage, &seen, &stream->flow) || seen.is_armed ||
	    !stands_there(stream, &seen.place))
		return differs(number, "it is not frozen where it should be");
	if (one_in(sender, 2)) {
		if (body_passage_take_back(sender->passage, &reached, &stream->flow) ||
		    !stands_there(stream, &reached))
			return differs(number, "what is taken back is another place");
	}
	stream->at += random_below(sender, SEGMENT_MAX);
	arm(sender, stream);
	return false;
}

static bool stream_differs(struct sender *sender, uint32_t number)
{
	uint32_t steps = random_below(sender, STEPS_MAX) + 2;
	struct stream stream;

	begin(sender, &stream, number);
	for (uint32_t i = 0; i < steps && stream.at < STREAM_MAX - 4 * SEGMENT_MAX; i++) {
		struct segment segment = next_segment(sender, &stream);
		bool came, want;

		if (may_pass(&stream, segment.at, segment.len) !=
		    scan_passes(&stream, segment.at, segment.len))
			return differs(number, "the scans of user space differ");
		came = send_segment(sender, &stream, &segment);
		want = judge(&stream, &segment);
		if (came != want)
			return differs(number, came ? "what should not pass did" : "it froze");
		if (!stream.is_armed && one_in(sender, 3) &&
		    take_back_differs(sender, &stream, number))
			return true;
	}
	body_passage_forget(sender->passage, &stream.flow);
	return false;
}

static void open_sender(struct sender *sender)
{
	struct passage_ticket ticket;
	int err = passage_module_open(&ticket, 1);

	if (err) {
		fprintf(stderr, "smtpbody_streams: %s\n", strerror(-err));
		exit(EXIT_FAILURE);
	}
	sender->passage = passage_module_adopt(&ticket);
	sender->sockets[0] = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	sender->sockets[1] = socket(AF_INET6, SOCK_RAW, IPPROTO_RAW);
	if (!sender->passage || sender->sockets[0] < 0 || sender->sockets[1] < 0) {
		perror("smtpbody_streams");
		exit(EXIT_FAILURE);
	}
}

int main(int argc, char **argv)
{
	struct sender sender = { .packets = 0 };
	uint32_t count = argc == 3 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	uint32_t differing = 0;

	if (count == 0) {
		fputs("usage: smtpbody_streams COUNT SEED\n", stderr);
		return 2;
	}
	for (const char *seed = argv[2]; *seed; seed++)
		sender.random = sender.random * 257 + (uint8_t)*seed;
	open_sender(&sender);
	for (uint32_t number = 0; number < count; number++)
		differing += stream_differs(&sender, number);
	body_passage_free(sender.passage);
	printf("%u streams, %u differ, %llu packets, %llu passed, %llu froze\n", count, differing,
	       (unsigned long long)sender.packets, (unsigned long long)sender.passed,
	       (unsigned long long)sender.froze);
	return differing ? EXIT_FAILURE : EXIT_SUCCESS;
}
