/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * packet_flood syn|answer|data SOURCE SOURCES DESTINATION DESTINATIONS COUNT PER-SECOND
 *
 * TCP packets of which nobody means any: SYNs to port 25, SYN-ACKs from there that nobody asked for, or data. Of so many IPv4 addresses
 * from the first on, each of another connection for as long as there are ports and addresses. Says at the end how many were sent.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/address.h"
#include "wire/craft.h"

enum { PORT_SMTP = 25, DATA_LEN = 1000, BURST = 64, PORTS = 64000 };

struct range {
	struct address first;
	uint32_t count;
};

static struct address nth(const struct range *range, uint32_t n)
{
	struct address address = range->first;
	uint32_t number;

	memcpy(&number, address.octets, sizeof(number));
	number = htonl(ntohl(number) + n % range->count);
	memcpy(address.octets, &number, sizeof(number));
	return address;
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int send_one(int raw, const struct craft *craft)
{
	static uint8_t packet[CRAFT_HEADERS_MAX + DATA_LEN];
	struct sockaddr_in to = { .sin_family = AF_INET };
	size_t len = craft_segment(packet, sizeof(packet), craft);

	memcpy(&to.sin_addr, craft->destination.address.octets, 4);
	return sendto(raw, packet, len, 0, (const struct sockaddr *)&to, sizeof(to)) < 0 ? -errno
	                                                                                 : 0;
}

static void fill(struct craft *craft, const char *what, uint32_t i)
{
	static uint8_t data[DATA_LEN];
	uint16_t port = (uint16_t)(1024 + i % PORTS);

	craft->seq = 1000000 + i;
	craft->window = 64240;
	craft->source.port = strcmp(what, "syn") == 0 ? port : PORT_SMTP;
	craft->destination.port = strcmp(what, "syn") == 0 ? PORT_SMTP : port;
	craft->flags = strcmp(what, "syn") == 0      ? TCP_SYN
	               : strcmp(what, "answer") == 0 ? TCP_SYN | TCP_ACK
	                                             : TCP_ACK;
	craft->ack = craft->flags & TCP_ACK ? 77 : 0;
	if (strcmp(what, "data") == 0) {
		memset(data, 'x', sizeof(data));
		craft->payload = bytes_of(data, sizeof(data));
	}
}

int main(int argc, char **argv)
{
	struct range sources, destinations;
	uint32_t count, per_second, sent = 0;
	uint64_t start_us;
	int raw = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);

	if (argc != 8 || raw < 0 || !address_parse(&sources.first, argv[2]) ||
	    !address_parse(&destinations.first, argv[4]))
		return 2;
	sources.count = (uint32_t)strtoul(argv[3], NULL, 10);
	destinations.count = (uint32_t)strtoul(argv[5], NULL, 10);
	count = (uint32_t)strtoul(argv[6], NULL, 10);
	per_second = (uint32_t)strtoul(argv[7], NULL, 10);
	start_us = now_us();
	for (uint32_t i = 0; i < count; i++) {
		struct craft craft = { 0 };
		uint64_t due_us = start_us + (uint64_t)i * 1000000 / per_second;

		fill(&craft, argv[1], i);
		/* All pairs in turn, also where the counts have a common factor; other ones when the ports begin anew. */
		craft.source.address = nth(&sources, i + i / PORTS);
		craft.destination.address = nth(&destinations, i / sources.count + i + i / PORTS);
		if (i % BURST == 0 && due_us > now_us())
			nanosleep(&(struct timespec){ .tv_nsec = (long)(due_us - now_us()) * 1000 },
			          NULL);
		sent += send_one(raw, &craft) == 0;
	}
	printf("%u sent in %.1f s\n", sent, (double)(now_us() - start_us) / 1e6);
	return count > 0 && sent == count ? 0 : 1;
}
