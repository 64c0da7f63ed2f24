/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * smtpbody_streams COUNT SEED: random message bodies, and what a server may acknowledge of them, by raw packets through the kernel's
 * match, and whether each packet passed as the rule says, found the slow way. The rules are the caller's: OUTPUT to and from port 25
 * passes by the match or is dropped, which whoever sends is told. The last line of output is how many of the streams differ.
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
#include "tools/stream_packets.h"

enum { STEPS_MAX = 14 };

struct sender {
	int sockets[2]; /* IPv4, IPv6 */
	struct body_passage *passage;
	uint64_t random;
	uint64_t packets;
	uint64_t passed;
	uint64_t froze;
	uint64_t answers;          /* that passed */
	struct body_oracle oracle; /* of these alone */
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
		.answers = { .may_pass = true,
		             .window = stream->answer.window,
		             .seq = stream->answer.seq,
		             .acked = stream->answer.acked,
		             .timestamp = stream->answer.timestamp },
	};
}

static bool stands_there(const struct stream *stream, const struct passage_place *place)
{
	const struct passage_place want = place_of(stream);

	return place->next_seq == want.next_seq && memcmp(place->tail, want.tail, 2) == 0 &&
	       place->answers.may_pass && place->answers.acked == want.answers.acked &&
	       place->answers.window == want.answers.window &&
	       place->answers.timestamp == want.answers.timestamp;
}

static void arm(struct sender *sender, struct stream *stream)
{
	struct passage_place place;
	int err;

	stream->answer = (struct body_oracle_ack){
		.seq = random_below(sender, 0x7fffffff) * 2,
		.acked = seq_at(stream, stream->at) - random_below(sender, 300),
		.window = (uint16_t)random_below(sender, 0x10000),
		.timestamp = random_below(sender, 0x7fffffff) * 2,
	};
	place = place_of(stream);
	err = body_passage_arm(sender->passage, &stream->flow, &place);

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

/* Mostly what the server may have got; else what it did not, or more than that. */
static struct body_oracle_ack next_ack(struct sender *sender, const struct stream *stream)
{
	static const uint8_t odd[] = { TH_SYN, TH_FIN, TH_RST, TH_URG, TH_PUSH };
	uint32_t open = seq_at(stream, stream->at) - stream->answer.acked;
	struct body_oracle_ack ack = {
		.seq = stream->answer.seq + (one_in(sender, 20) ? 1 : 0),
		.acked = stream->answer.acked + random_below(sender, open + 1),
		.window = (uint16_t)random_below(sender, 0x10000),
		.tcp_flags = TH_ACK | (one_in(sender, 4) ? 0x40 : 0),
		.has_timestamp = !one_in(sender, 3),
		.timestamp = stream->answer.timestamp + random_below(sender, 40) - 10,
		.is_odd = one_in(sender, 20),
	};

	if (one_in(sender, 12))
		ack.acked = stream->answer.acked + random_below(sender, 2 * open + 40) - 20;
	if (one_in(sender, 20))
		ack.tcp_flags |= odd[random_below(sender, sizeof(odd))];
	return ack;
}

static bool ack_differs(struct sender *sender, struct stream *stream, uint32_t number)
{
	const struct body_oracle_ack ack = next_ack(sender, stream);
	const struct segment segment = { .ack = &ack,
		                         .is_fragment = one_in(sender, 20),
		                         .is_wrong_sum = one_in(sender, 20) };
	bool want, came = send_segment(sender, stream, &segment);

	sender->oracle.is_armed = stream->is_armed;
	sender->oracle.has_answers = true;
	sender->oracle.answer = stream->answer;
	sender->oracle.next_seq = seq_at(stream, stream->at);
	want = !segment.is_fragment && !segment.is_wrong_sum &&
	       body_oracle_takes_ack(&sender->oracle, &ack);
	stream->answer = sender->oracle.answer;
	sender->answers += want;
	return came != want && differs(number, came ? "what was not to be acknowledged was"
	                                            : "an acknowledgement is missing");
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
		while (one_in(sender, 2)) {
			if (ack_differs(sender, &stream, number))
				return true;
		}
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
	printf("%u streams, %u differ, %llu packets, %llu passed, %llu froze, %llu acknowledged\n",
	       count, differing, (unsigned long long)sender.packets,
	       (unsigned long long)sender.passed, (unsigned long long)sender.froze,
	       (unsigned long long)sender.answers);
	return differing ? EXIT_FAILURE : EXIT_SUCCESS;
}
