/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * queue_accept FIRST COUNT MARK-MASK [offload]
 *
 * Passes everything that comes through the queues, as a guard does that finds nothing, and says on
 * standard output what came: "QUEUE HOOK SOURCE DESTINATION LENGTH". "offload": whatever carries data
 * is the last of its connection to come. Ends with its standard input.
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

enum { QUEUES_MAX = 16, QUEUE_LEN = 1024 };

struct acceptor {
	struct nfqueue *queue;
	unsigned number;
	struct marks marks;
	bool offloads;
};

static const char *hook_name(uint8_t hook)
{
	static const char *const names[] = { "prerouting", "input", "forward", "output",
		                             "postrouting" };

	return hook < sizeof(names) / sizeof(names[0]) ? names[hook] : "none";
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
		printf("%u %s %s %s %zu\n", acceptor->number, hook_name(packet->netfilter_hook),
		       endpoint_format(source, &segment.source),
		       endpoint_format(destination, &segment.destination), segment.payload.len);
		if (acceptor->offloads && segment.payload.len > 0)
			verdict.mark |= acceptor->marks.offload;
	} else {
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
		acceptors[i].offloads = argc > 4;
		waits[i] = (struct pollfd){ .fd = nfqueue_descriptor(acceptors[i].queue),
			                    .events = POLLIN };
	}
	waits[count] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");

	while (poll(waits, count + 1, -1) >= 0 && !waits[count].revents) {
		for (i = 0; i < count; i++) {
			if (!waits[i].revents)
				continue;
			(void)nfqueue_receive(acceptors[i].queue, on_packet, &acceptors[i]);
			(void)nfqueue_flush(acceptors[i].queue);
		}
	}
	return 0;
}
