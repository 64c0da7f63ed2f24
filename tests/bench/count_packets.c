/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A guard's work on whole sessions, to be counted by callgrind (tests/bench/instructions.py): netlink messages as the
 * kernel writes them lie in a socket, nfqueue reads them, the gate decides, verdicts leave as messages again. Each packet
 * comes alone, as it does where there is little mail. Always the same octets at the same times, so always as many
 * instructions. One line for each kind of session: its name, sessions, packets of each.
 */

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "bench/parts/connection.h"
#include "bench/parts/gate_owner.h"

enum {
	SESSIONS_BEFORE = 3, /* caches are warm then */
	SESSIONS = 5,
	QUEUE = 2500,
	SEGMENT_LEN = 1448,
	UNSEGMENTED_LEN = 60 * 1024,
	MESSAGE_ROOM = 72 * 1024,
	HARDWARE_ADDRESS_LEN = 6,
	FORWARD = 2,
	INTERFACE = 3,
};

struct counted {
	struct gate_owner owner;
	int kernel; /* the other end of the queue's socket */
	uint32_t next_id;
};

/* Looked for by its name. */
void count_packet(struct counted *counted);

static void on_packet(void *context, const struct nfqueue_packet *packet)
{
	gate_owner_packet(context, packet, 1000);
}

__attribute__((noinline)) void count_packet(struct counted *counted)
{
	while (nfqueue_receive(counted->owner.queue, on_packet, &counted->owner) == 0)
		;
	(void)nfqueue_flush(counted->owner.queue);
}

static void deliver(struct counted *counted, struct bytes packet)
{
	static _Alignas(8) char buffer[MESSAGE_ROOM];
	struct nlmsghdr *message = nfq_nlmsg_put(buffer, NFQNL_MSG_PACKET, QUEUE);
	struct nfqnl_msg_packet_hdr header = {
		.packet_id = htonl(++counted->next_id),
		.hw_protocol = htons(0x0800),
		.hook = FORWARD,
	};
	struct nfqnl_msg_packet_hw hardware = { .hw_addrlen = htons(HARDWARE_ADDRESS_LEN) };

	mnl_attr_put(message, NFQA_PACKET_HDR, sizeof(header), &header);
	mnl_attr_put_u32(message, NFQA_IFINDEX_INDEV, htonl(INTERFACE));
	mnl_attr_put(message, NFQA_HWADDR, sizeof(hardware), &hardware);
	mnl_attr_put_u32(message, NFQA_SKB_INFO, htonl(NFQA_SKB_CSUMNOTREADY));
	mnl_attr_put(message, NFQA_PAYLOAD, packet.len, packet.data);
	if (send(counted->kernel, message, message->nlmsg_len, 0) < 0)
		abort();
}

/* Room for the next: what the verdict was is the owner's to know. */
static void take_verdicts(struct counted *counted)
{
	static char buffer[MESSAGE_ROOM * 2];

	while (recv(counted->kernel, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
		;
}

static void play(struct counted *counted, const struct connection_kind *kind, uint32_t number,
                 uint64_t *packets)
{
	static struct connection connection;

	connection_begin(&connection, kind, number, "example.org");
	connection_write(&connection, kind);
	for (size_t i = 0; i < connection.count; i++) {
		deliver(counted, bytes_of(connection.packets[i], connection.lens[i]));
		count_packet(counted);
		take_verdicts(counted);
	}
	*packets += connection.count;
	connection_free(&connection);
}

static const struct scene {
	const char *name;
	struct connection_kind kind;
} scenes[] = {
	{ "plain", { 1024, SEGMENT_LEN, false, NULL } },
	{ "tls12", { 0, SEGMENT_LEN, false, &flights_tls12 } },
	{ "tls13", { 0, SEGMENT_LEN, false, &flights_tls13 } },
	{ "bulk", { 1024 * 1024, UNSEGMENTED_LEN, true, NULL } },
};

static void open_queue(struct counted *counted)
{
	int ends[2];

	/* A verdict is sent to the kernel's address, which this kind of socket does not look at. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0)
		abort();
	counted->kernel = ends[1];
	counted->owner.queue = nfqueue_adopt(ends[0], QUEUE);
	if (!counted->owner.queue)
		abort();
}

/* Callgrind writes what it counted so far, and counts anew, whenever this has been called. */
void count_scene_end(void);
__attribute__((noinline)) void count_scene_end(void)
{
	__asm__ volatile("");
}

int main(void)
{
	static struct counted counted;

	gate_owner_init(&counted.owner);
	open_queue(&counted);
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		uint64_t packets = 0;

		gate_owner_renew(&counted.owner);
		for (uint32_t number = 0; number < SESSIONS_BEFORE; number++)
			play(&counted, &scenes[i].kind, number, &packets);
		count_scene_end();
		packets = 0;
		for (uint32_t number = 0; number < SESSIONS; number++)
			play(&counted, &scenes[i].kind, SESSIONS_BEFORE + number, &packets);
		if (counted.owner.accepted != packets / SESSIONS * (SESSIONS + SESSIONS_BEFORE)) {
			fprintf(stderr, "%s: %llu accepted of %llu\n", scenes[i].name,
			        (unsigned long long)counted.owner.accepted,
			        (unsigned long long)packets);
			return 1;
		}
		count_scene_end();
		printf("%s %d %llu\n", scenes[i].name, SESSIONS,
		       (unsigned long long)packets / SESSIONS);
	}
	nfqueue_free(counted.owner.queue);
	gate_owner_free(&counted.owner);
	return 0;
}
