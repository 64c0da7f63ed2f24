/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_SUPPORT_BODY_SEGMENTS_H
#define HOPGUARD_TESTS_SUPPORT_BODY_SEGMENTS_H

/* Segments of message bodies for the eBPF program, run by the kernel without a network (BPF_PROG_TEST_RUN). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/body_passage.h"

/* The kernel's own bound is a page less its headers. */
enum { BODY_SEGMENT_MAX = 3000, BODY_FLAGS_DATA = 0x18 };

struct body_segment {
	struct passage_flow flow;
	uint32_t seq;
	uint32_t acked;
	uint16_t window;
	uint8_t flags;
	bool is_answer;             /* from the server to the client, by whatever interface */
	uint8_t tcp_options_len;    /* multiple of 4 */
	const uint8_t *tcp_options; /* NULL: NOPs */
	uint8_t ip_options_len;     /* IPv4 only: NOPs */
	const uint8_t *payload;
	size_t payload_len;
};

/* Link and all; returns its length. */
size_t body_segment_write(uint8_t frame[BODY_SEGMENT_MAX + 200],
                          const struct body_segment *segment);

/* In a network and a view of files of this process's own. False: no right to. */
bool body_program_enter(void);
/* Both descriptors are the caller's to close. 0, or -errno with the reason printed. */
int body_program_load(int *program, int *table);
/* Whether the program lets it pass; what it is run with is an Ethernet frame. Negative: -errno. */
int body_program_run(int program, const uint8_t *frame, size_t len, uint32_t ingress);

#endif
