/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * body_flows: loads and pins the eBPF program, prints the pin's path, and then does what lines of its input say:
 *     arm CLIENT PORT SERVER PORT INTERFACE SEQ TAIL    "ok" (TAIL: two octets in hexadecimal)
 *     back CLIENT PORT SERVER PORT INTERFACE            "SEQ TAIL", or "none"
 * At its input's end it takes the pins away. 77: no right to load a program.
 */

#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/passage_ebpf.h"
#include "net/passage_load.h"

enum { STATUS_SKIPPED = 77, LINE_MAX_LEN = 256 };

static bool read_flow(struct passage_flow *flow, const char *client, const char *server,
                      const char *interface)
{
	flow->ingress = strcmp(interface, "-") == 0 ? 0 : if_nametoindex(interface);
	return address_parse(&flow->client.address, client) &&
	       address_parse(&flow->server.address, server);
}

static void carry_out(struct body_passage *passage, const char *line)
{
	char verb[8], client[64], server[64], interface[32];
	struct passage_flow flow = { .ingress = 0 };
	struct passage_place place = { .next_seq = 0 };
	unsigned tail;
	int count = sscanf(line, "%7s %63s %" SCNu16 " %63s %" SCNu16 " %31s %" SCNu32 " %4x", verb,
	                   client, &flow.client.port, server, &flow.server.port, interface,
	                   &place.next_seq, &tail);

	if (count < 6 || !read_flow(&flow, client, server, interface)) {
		puts("bad");
	} else if (count == 8 && strcmp(verb, "arm") == 0) {
		place.tail[0] = (uint8_t)(tail >> 8);
		place.tail[1] = (uint8_t)tail;
		puts(body_passage_arm(passage, &flow, &place) == 0 ? "ok" : "full");
	} else if (body_passage_take_back(passage, &place, &flow) == 0) {
		printf("%" PRIu32 " %02x%02x\n", place.next_seq, place.tail[0], place.tail[1]);
	} else {
		puts("none");
	}
}

int main(void)
{
	struct passage_ticket ticket = { .kind = PASSAGE_EBPF, .descriptors = { -1, -1, -1, -1 } };
	char path[PASSAGE_PATH_MAX], why[PASSAGE_WHY_MAX], line[LINE_MAX_LEN];
	struct body_passage *passage;

	if (passage_load(&ticket.descriptors[0], getuid(), getgid(), why) != 0 ||
	    passage_ebpf_adopt(&passage, &ticket) != 0) {
		fprintf(stderr, "body_flows: %s\n", why);
		return STATUS_SKIPPED;
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	puts(passage_pin_path(path));
	while (fgets(line, sizeof(line), stdin))
		carry_out(passage, line);
	body_passage_free(passage);
	passage_unpin();
	return EXIT_SUCCESS;
}
