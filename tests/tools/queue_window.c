/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * queue_window QUEUE WINDOW
 *
 * Stands on a path and makes receivers seem small: of what comes through the queue, SYNs lose their window scaling, and
 * everything else says WINDOW. Prints "ready" when the queue is bound. Ends with its standard input.
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/nfqueue.h"
#include "wire/craft.h"
#include "wire/tcp_option.h"

enum {
	QUEUE_LEN = 1024,
	TCP_HEADER_LEN = 20,
	TCP_WINDOW_AT = 14,
	TCP_OPTION_WINDOW_SCALE = 3,
	PACKET_ROOM = 0x10000 + 64,
};

struct shrinker {
	struct nfqueue *queue;
	uint16_t window;
	uint8_t packet[PACKET_ROOM];
};

static void drop_scaling(uint8_t *options, size_t len)
{
	struct cursor cursor = cursor_over(bytes_of(options, len));
	struct tcp_option option;

	while (tcp_option_next(&option, &cursor)) {
		if (option.kind == TCP_OPTION_WINDOW_SCALE)
			memset(options + option.at, TCP_OPTION_NOP, option.len);
	}
}

static void on_packet(void *owner, const struct nfqueue_packet *packet)
{
	struct shrinker *shrinker = owner;
	struct nfqueue_verdict verdict = { .id = packet->id, .is_accepted = true };
	uint8_t *copy = shrinker->packet;
	struct segment segment;

	if (packet->packet.len <= sizeof(shrinker->packet) &&
	    packet_parse(&segment, packet->packet, packet->checksum_ready) == PACKET_OK) {
		uint8_t *tcp = copy + segment.tcp_offset;

		memcpy(copy, packet->packet.data, packet->packet.len);
		tcp[TCP_WINDOW_AT] = (uint8_t)(shrinker->window >> 8);
		tcp[TCP_WINDOW_AT + 1] = (uint8_t)shrinker->window;
		if (segment.flags & TCP_SYN)
			drop_scaling(tcp + TCP_HEADER_LEN,
			             (size_t)(segment.payload_offset - segment.tcp_offset -
			                      TCP_HEADER_LEN));
		verdict.packet =
			bytes_of(copy, craft_replace_payload(copy, sizeof(shrinker->packet),
		                                             &segment, segment.seq, segment.payload,
		                                             segment.flags & TCP_FIN));
	}
	(void)nfqueue_verdict(shrinker->queue, &verdict);
}

int main(int argc, char **argv)
{
	static struct shrinker shrinker;
	uint16_t number = argc == 3 ? (uint16_t)strtoul(argv[1], NULL, 10) : 0;
	struct pollfd waits[2] = { { .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };
	uint32_t owner = 0;
	int descriptor, err;

	if (argc != 3)
		return 2;
	shrinker.window = (uint16_t)strtoul(argv[2], NULL, 10);
	err = nfqueue_open(&descriptor, &owner, number, QUEUE_LEN);
	if (!err)
		shrinker.queue = nfqueue_adopt(descriptor, number);
	if (!shrinker.queue) {
		fprintf(stderr, "queue %u: %s (owner %u)\n", number, strerror(-err), owner);
		return 1;
	}
	puts("ready");
	fflush(stdout);

	waits[0].fd = nfqueue_descriptor(shrinker.queue);
	while (poll(waits, 2, -1) >= 0 && !waits[1].revents) {
		(void)nfqueue_receive(shrinker.queue, on_packet, &shrinker);
		(void)nfqueue_flush(shrinker.queue);
	}
	return 0;
}
