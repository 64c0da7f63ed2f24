/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * queue_accept FIRST COUNT MARK-MASK [offload|decided] [quiet]
 *
 * Passes everything that comes through the queues, as a guard does that finds nothing, and says on
 * standard output what came: "QUEUE HOOK SOURCE DESTINATION LENGTH"; "quiet": nothing of that. "offload":
 * whatever carries data is the last of its connection to come. "decided": a connection's last is what a
 * guard needs to see of TLS, the client's first application data. Ends with its standard input.
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "enforce/mark.h"
#include "net/nfqueue.h"
#include "wire/packet.h"

enum { QUEUES_MAX = 16, QUEUE_LEN = 65536, RECEIVES_PER_TURN = 16, SMTP_PORT = 25 };

/* Type and version of a record (RFC 8446 section 5.1; the same in TLS 1.2). */
static const char APPLICATION_DATA[] = "\x17\x03\x03";

enum offload { OFFLOAD_NOTHING, OFFLOAD_DATA, OFFLOAD_DECIDED };

struct acceptor {
	struct nfqueue *queue;
	unsigned number;
	struct marks marks;
	enum offload offload;
	bool is_quiet;
};

static const char *hook_name(uint8_t hook)
{
	static const char *const names[] = { "prerouting", "input", "forward", "output",
		                             "postrouting" };

	return hook < sizeof(names) / sizeof(names[0]) ? names[hook] : "none";
}

static bool is_last(const struct acceptor *acceptor, const struct segment *segment)
{
	switch (acceptor->offload) {
	case OFFLOAD_NOTHING:
		break;
	case OFFLOAD_DATA:
		return segment->payload.len > 0;
	case OFFLOAD_DECIDED:
		return segment->destination.port == SMTP_PORT && segment->payload.len >= 3 &&
		       memcmp(segment->payload.data, APPLICATION_DATA, 3) == 0;
	}
	return false;
}

static void on_packet(void *owner, const struct nfqueue_packet *packet)
{
	struct acceptor *acceptor = owner;
	struct nfqueue_verdict verdict = {
		.id = packet->id,
		.is_accepted = true,
		.repeats = true,
		.has_mark = true,
		.mark = (packet->mark & ~acceptor->marks.mask) | acceptor->marks.to_server,
	};
	struct segment segment;
	char source[ENDPOINT_TEXT_MAX], destination[ENDPOINT_TEXT_MAX];

	if (packet_parse(&segment, packet->packet, packet->checksum_ready) == PACKET_OK) {
		if (!acceptor->is_quiet)
			printf("%u %s %s %s %zu\n", acceptor->number,
			       hook_name(packet->netfilter_hook),
			       endpoint_format(source, &segment.source),
			       endpoint_format(destination, &segment.destination),
			       segment.payload.len);
		if (is_last(acceptor, &segment))
			verdict.mark |= acceptor->marks.offload;
	} else if (!acceptor->is_quiet) {
		printf("%u %s odd\n", acceptor->number, hook_name(packet->netfilter_hook));
	}
	(void)nfqueue_verdict(acceptor->queue, &verdict);
}

static int open_queue(struct acceptor *acceptor, unsigned number)
{
	uint32_t owner = 0;
	int descriptor;
	int err = nfqueue_open(&descriptor, &owner, (uint16_t)number, QUEUE_LEN);

	if (err) {
		fprintf(stderr, "queue %u: %s (owner %u)\n", number, strerror(-err), owner);
		return err;
	}
	acceptor->number = number;
	acceptor->queue = nfqueue_adopt(descriptor, (uint16_t)number);
	return acceptor->queue ? 0 : -ENOMEM;
}

static bool read_words(struct acceptor *acceptor, int count, char **words)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(words[i], "offload") == 0)
			acceptor->offload = OFFLOAD_DATA;
		else if (strcmp(words[i], "decided") == 0)
			acceptor->offload = OFFLOAD_DECIDED;
		else if (strcmp(words[i], "quiet") == 0)
			acceptor->is_quiet = true;
		else
			return false;
	}
	return true;
}

static void receive(struct acceptor *acceptor)
{
	int turn = 0;

	while (turn++ < RECEIVES_PER_TURN &&
	       nfqueue_receive(acceptor->queue, on_packet, acceptor) == 0)
		;
	(void)nfqueue_flush(acceptor->queue);
}

int main(int argc, char **argv)
{
	static struct acceptor acceptors[QUEUES_MAX];
	struct pollfd waits[QUEUES_MAX + 1];
	unsigned first = argc > 3 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	unsigned count = argc > 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	unsigned i;

	if (count < 1 || count > QUEUES_MAX)
		return 2;
	for (i = 0; i < count; i++) {
		if (!marks_of(&acceptors[i].marks, (uint32_t)strtoul(argv[3], NULL, 0)) ||
		    open_queue(&acceptors[i], first + i) != 0)
			return 1;
		if (!read_words(&acceptors[i], argc - 4, argv + 4))
			return 2;
		waits[i] = (struct pollfd){ .fd = nfqueue_descriptor(acceptors[i].queue),
			                    .events = POLLIN };
	}
	waits[count] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");

	while (poll(waits, count + 1, -1) >= 0 && !waits[count].revents) {
		for (i = 0; i < count; i++) {
			if (waits[i].revents)
				receive(&acceptors[i]);
		}
	}
	return 0;
}
