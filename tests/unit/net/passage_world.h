/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_NET_PASSAGE_WORLD_H
#define HOPGUARD_TESTS_UNIT_NET_PASSAGE_WORLD_H

/* The eBPF program, loaded and pinned where nobody else sees it, with two guards; and segments for it. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/passage_ebpf.h"
#include "net/passage_load.h"
#include "support/body_segments.h"

enum { QUEUE = 2500, OTHER_QUEUE = 2501, SEQ = 1000 };

static struct {
	int program;
	int table;
	struct body_passage *passage;
	struct body_passage *other;
} world;

static inline struct passage_flow flow_of(uint8_t family)
{
	struct passage_flow flow = { .client.port = 40000, .server.port = 25, .ingress = 7 };

	assert_true(address_parse(&flow.client.address, family == 4 ? "192.0.2.1" : "2001:db8::1"));
	assert_true(address_parse(&flow.server.address,
	                          family == 4 ? "198.51.100.2" : "2001:db8:1::2"));
	return flow;
}

static inline struct body_passage *adopt(uint16_t owner)
{
	struct passage_ticket ticket = {
		.kind = PASSAGE_EBPF,
		.owner = owner,
		.descriptors = { dup(world.table), -1, -1, -1 },
	};
	struct body_passage *passage;

	assert_int_equal(passage_ebpf_adopt(&passage, &ticket), 0);
	return passage;
}

static inline int set_up(void **state)
{
	int err;

	(void)state;
	/* Without the right to make a network, or to load anything, there is nothing to try; nor where it was built without a program. */
	if (!body_program_enter())
		return 0;
	err = body_program_load(&world.program, &world.table);
	if (err == -EPERM || err == -ENOSYS)
		return 0;
	assert_int_equal(err, 0);
	world.passage = adopt(QUEUE);
	world.other = adopt(OTHER_QUEUE);
	return 0;
}

static inline int tear_down(void **state)
{
	struct stat found;

	(void)state;
	if (!world.passage)
		return 0;
	body_passage_free(world.passage);
	body_passage_free(world.other);
	close(world.program);
	close(world.table);
	passage_unpin();
	assert_int_not_equal(stat("/run/hopguard-passage", &found), 0);
	return 0;
}

static inline void skip_without_program(void **state)
{
	(void)state;
	if (!world.passage)
		skip();
}

static inline bool runs(const struct body_segment *segment)
{
	uint8_t frame[BODY_SEGMENT_MAX + 200];
	size_t len = body_segment_write(frame, segment);
	int result = body_program_run(world.program, frame, len, segment->flow.ingress);

	assert_in_range(result, 0, 1);
	return result == 1;
}

static inline struct body_segment segment_of(const struct passage_flow *flow, uint32_t seq,
                                             const char *text)
{
	return (struct body_segment){
		.flow = *flow,
		.seq = seq,
		.flags = BODY_FLAGS_DATA,
		.payload = (const uint8_t *)text,
		.payload_len = strlen(text),
	};
}

static inline bool passes(const struct passage_flow *flow, uint32_t seq, const char *text)
{
	struct body_segment segment = segment_of(flow, seq, text);

	return runs(&segment);
}

static inline void arm(const struct passage_flow *flow, uint32_t seq)
{
	const struct passage_place place = { .next_seq = seq, .tail = { '\r', '\n' } };

	assert_int_equal(body_passage_arm(world.passage, flow, &place), 0);
}

static inline bool is_armed(const struct passage_flow *flow)
{
	struct passage_look seen;

	assert_int_equal(body_passage_look(world.passage, &seen, flow), 0);
	return seen.is_armed;
}

static inline void assert_taken_back(const struct passage_flow *flow, uint32_t seq,
                                     const char *tail)
{
	struct passage_place reached;

	assert_int_equal(body_passage_take_back(world.passage, &reached, flow), 0);
	assert_int_equal(reached.next_seq, seq);
	assert_memory_equal(reached.tail, tail, 2);
	assert_false(passes(flow, seq, "x"));
	assert_int_equal(body_passage_take_back(world.passage, &reached, flow), -ENOENT);
}

#endif
