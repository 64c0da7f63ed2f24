/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/passage_ebpf.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kmod/smtpbody_scan.h"
#include "kmod/smtpbody_table.h"
#include "passage_world.h"

static void an_armed_flow_passes_segments_in_their_order(void **state)
{
	static const uint8_t families[] = { 4, 6 };

	skip_without_program(state);
	for (size_t i = 0; i < 2; i++) {
		struct passage_flow flow = flow_of(families[i]);

		assert_false(passes(&flow, SEQ, "Subject: one\r\n"));
		arm(&flow, SEQ);
		assert_true(passes(&flow, SEQ, "Subject: one\r\n"));
		assert_true(passes(&flow, SEQ + 14, "\r\nhello\r\n"));
		assert_true(is_armed(&flow));
		assert_taken_back(&flow, SEQ + 14 + 9, "\r\n");
	}
}

static void the_end_of_data_and_all_behind_it_come_to_the_queue(void **state)
{
	struct passage_flow flow = flow_of(4);

	skip_without_program(state);
	arm(&flow, SEQ);
	assert_true(passes(&flow, SEQ, "text\r\n"));
	assert_false(passes(&flow, SEQ + 6, ".\r\n"));
	assert_false(is_armed(&flow));
	assert_false(passes(&flow, SEQ + 9, "MAIL FROM:<>\r\n"));
	assert_false(passes(&flow, SEQ + 6, "harmless"));
	assert_taken_back(&flow, SEQ + 6, "\r\n");
}

static void a_sequence_number_that_is_not_next_freezes(void **state)
{
	static const uint32_t others[] = { SEQ - 1, SEQ + 1, SEQ - 4, SEQ + 0x80000000U };
	struct passage_flow flow = flow_of(6);

	skip_without_program(state);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		arm(&flow, SEQ);
		assert_false(passes(&flow, others[i], "text"));
		assert_false(passes(&flow, SEQ, "text"));
		assert_taken_back(&flow, SEQ, "\r\n");
	}
}

static void segments_that_are_more_than_text_freeze(void **state)
{
	static const uint8_t flags[] = { 0x19, 0x1a, 0x1c, 0x38, 0x08, 0x02, 0x01, 0x04 };
	struct passage_flow flow = flow_of(4);

	skip_without_program(state);
	for (size_t i = 0; i < 2 * sizeof(flags); i++) {
		struct body_segment segment = segment_of(&flow, SEQ, "text");

		segment.flags = flags[i / 2];
		/* Without payload those that end, reset, begin or are urgent. */
		if (i % 2 && segment.flags != 0x08)
			segment.payload_len = 0;
		arm(&flow, SEQ);
		assert_false(runs(&segment));
		assert_false(is_armed(&flow));
		assert_taken_back(&flow, SEQ, "\r\n");
	}
}

static void bare_acknowledgements_neither_pass_nor_freeze(void **state)
{
	struct passage_flow flow = flow_of(4);
	struct body_segment segment = segment_of(&flow, SEQ, "");

	skip_without_program(state);
	segment.flags = 0x10;
	arm(&flow, SEQ);
	assert_false(runs(&segment));
	assert_true(is_armed(&flow));
	assert_true(passes(&flow, SEQ, "text"));
	assert_taken_back(&flow, SEQ + 4, "xt");
}

static void tcp_options_pass_and_those_of_ip_do_not(void **state)
{
	struct passage_flow flow = flow_of(4);
	struct body_segment segment = segment_of(&flow, SEQ, "text");

	skip_without_program(state);
	arm(&flow, SEQ);
	for (uint8_t len = 0; len <= 40; len = (uint8_t)(len + 4)) {
		segment.tcp_options_len = len;
		assert_true(runs(&segment));
		segment.seq += 4;
	}
	segment.ip_options_len = 4;
	assert_false(runs(&segment));
	assert_false(is_armed(&flow));
	assert_taken_back(&flow, segment.seq, "xt");
}

static void headers_that_lie_or_are_odd_do_not_pass(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		uint8_t family;
	} changes[] = {
		{ 14, 0x55, 4 },      { 14, 0x44, 4 },      { 14 + 3, 0x20, 4 },
		{ 14 + 6, 0x60, 4 },  { 14 + 6, 0xc0, 4 },  { 14 + 7, 1, 4 },
		{ 14 + 9, 17, 4 },    { 14 + 32, 0x40, 4 }, { 14 + 32, 0xf0, 4 },
		{ 14 + 32, 0x51, 4 }, { 14, 0x50, 6 },      { 14 + 5, 0x20, 6 },
		{ 14 + 6, 0, 6 },     { 14 + 6, 44, 6 },    { 14 + 40 + 12, 0x58, 6 },
	};

	skip_without_program(state);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct passage_flow flow = flow_of(changes[i].family);
		struct body_segment segment = segment_of(&flow, SEQ, "text");
		uint8_t frame[BODY_SEGMENT_MAX + 200];
		size_t len = body_segment_write(frame, &segment);

		arm(&flow, SEQ);
		frame[changes[i].at] = changes[i].value;
		assert_int_equal(body_program_run(world.program, frame, len, flow.ingress), 0);
		assert_taken_back(&flow, SEQ, "\r\n");
	}
}

static void another_way_in_is_another_flow(void **state)
{
	struct passage_flow flow = flow_of(4);
	struct body_segment segment = segment_of(&flow, SEQ, "text");

	skip_without_program(state);
	arm(&flow, SEQ);
	segment.flow.ingress = 8;
	assert_false(runs(&segment));
	assert_true(is_armed(&flow));
	segment.flow.ingress = 7;
	assert_true(runs(&segment));
	assert_taken_back(&flow, SEQ + 4, "xt");
}

/* Some of so many have the same place in the table. */
static void hosts_of_one_network_are_told_apart(void **state)
{
	struct passage_flow flow = flow_of(6), other = flow;

	skip_without_program(state);
	arm(&flow, SEQ);
	for (uint32_t host = 3; host < 6 * SMTPBODY_SETS; host++) {
		memcpy(other.server.address.octets + 10, &host, sizeof(host));
		assert_false(passes(&other, SEQ, "text"));
	}
	assert_true(is_armed(&flow));
	body_passage_forget(world.passage, &flow);
}

static void long_segments_are_read_to_their_last_octet(void **state)
{
	static uint8_t text[BODY_SEGMENT_MAX];
	struct passage_flow flow = flow_of(6);
	struct body_segment segment = segment_of(&flow, SEQ, "");

	skip_without_program(state);
	segment.payload = text;
	/* About the ends of words and pieces each length, else some. */
	for (size_t len = 1; len <= sizeof(text);
	     len += (len + 20) % SMTPBODY_PIECE_LEN < 60 ? 1 : 37) {
		segment.payload_len = len;
		memset(text, 'x', sizeof(text));
		text[len - 1] = '.';
		arm(&flow, SEQ);
		assert_int_equal(runs(&segment), len > 1);
		if (len >= 3) {
			memcpy(text + len - 3, "\n.\r", 3);
			arm(&flow, SEQ);
			assert_false(runs(&segment));
			memcpy(text + len - 3, "xx\n", 3);
			arm(&flow, SEQ);
			assert_true(runs(&segment));
			assert_taken_back(&flow, SEQ + (uint32_t)len, "x\n");
		}
	}
	body_passage_forget(world.passage, &flow);
}

static void arm_behind(const struct passage_flow *flow, const char *tail)
{
	const struct passage_place place = {
		.next_seq = SEQ,
		.tail = { (uint8_t)tail[0], (uint8_t)tail[1] },
	};

	assert_int_equal(body_passage_arm(world.passage, flow, &place), 0);
}

/* Text without a dot, but for what is put into it; it leaves none where the program keeps what it reads. */
static bool passes_text(const struct passage_flow *flow, const char *tail, size_t len, size_t at,
                        const char *bit)
{
	static uint8_t text[BODY_SEGMENT_MAX];
	struct body_segment segment = segment_of(flow, SEQ, "");

	segment.payload = text;
	segment.payload_len = sizeof(text);
	memset(text, 'x', sizeof(text));
	arm(flow, SEQ);
	assert_true(runs(&segment));
	segment.payload_len = len;
	memcpy(text + at, bit, strlen(bit));
	arm_behind(flow, tail);
	return runs(&segment);
}

static void marks_about_the_ends_of_blocks_and_pieces_do_not_pass(void **state)
{
	struct passage_flow flow = flow_of(4);

	skip_without_program(state);
	for (size_t at = 0; at + 8 < BODY_SEGMENT_MAX; at++) {
		if ((at + 4) % SMTPBODY_BLOCK_LEN > 8)
			continue;
		for (size_t len = at + 3; len <= BODY_SEGMENT_MAX;
		     len += len < at + 5 ? 1 : BODY_SEGMENT_MAX - at - 5) {
			assert_false(passes_text(&flow, "xx", len, at, "\n.\r"));
			assert_true(passes_text(&flow, "xx", len, at, "\n.x"));
			assert_true(passes_text(&flow, "xx", len, at, "x.\n"));
			assert_taken_back(&flow, SEQ + (uint32_t)len,
			                  len == at + 3   ? ".\n"
			                  : len == at + 4 ? "\nx"
			                                  : "xx");
		}
	}
}

static void what_came_before_text_without_a_dot_counts(void **state)
{
	static const size_t lens[] = { 1, 2, 7, 8, 64, SMTPBODY_PIECE_LEN, BODY_SEGMENT_MAX };
	struct passage_flow flow = flow_of(6);

	skip_without_program(state);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		assert_false(passes_text(&flow, "\n.", lens[i], 0, "\n"));
		assert_true(passes_text(&flow, "\nx", lens[i], 0, "\n"));
		assert_true(passes_text(&flow, "\n,", lens[i], 0, ","));
		assert_taken_back(&flow, SEQ + (uint32_t)lens[i],
		                  lens[i] == 1   ? ",,"
		                  : lens[i] == 2 ? ",x"
		                                 : "xx");
	}
}

/* As if on each CPU a segment were being read, or none. */
static void set_taken(uint64_t is_taken)
{
	uint32_t ids[4] = { 0 }, zero = 0, found = 0;
	struct bpf_prog_info program = { .nr_map_ids = 4, .map_ids = (uintptr_t)ids };
	uint32_t program_len = sizeof(program);

	assert_int_equal(bpf_obj_get_info_by_fd(world.program, &program, &program_len), 0);
	assert_in_range(program.nr_map_ids, 1, 4);
	for (uint32_t i = 0; i < program.nr_map_ids; i++) {
		struct bpf_map_info info = { .type = 0 };
		uint32_t info_len = sizeof(info);
		int map = bpf_map_get_fd_by_id(ids[i]), cpus = libbpf_num_possible_cpus();
		uint8_t *pieces;

		assert_int_equal(bpf_obj_get_info_by_fd(map, &info, &info_len), 0);
		if (info.type == BPF_MAP_TYPE_PERCPU_ARRAY) {
			pieces = calloc((size_t)cpus, info.value_size);
			assert_non_null(pieces);
			for (size_t cpu = 0; cpu < (size_t)cpus; cpu++)
				memcpy(pieces + cpu * info.value_size, &is_taken, sizeof(is_taken));
			assert_int_equal(bpf_map_update_elem(map, &zero, pieces, BPF_ANY), 0);
			free(pieces);
			found++;
		}
		close(map);
	}
	assert_int_equal(found, 1);
}

/* A softirq during what a local process sends: what that one reads may not become another's octets. */
static void a_segment_amid_the_reading_of_another_freezes(void **state)
{
	struct passage_flow flow = flow_of(4);

	skip_without_program(state);
	arm(&flow, SEQ);
	set_taken(1);
	assert_false(passes(&flow, SEQ, "text"));
	assert_false(is_armed(&flow));
	assert_taken_back(&flow, SEQ, "\r\n");
	set_taken(0);
	/* Whether it passed or not, the reading of one is over. */
	for (size_t i = 0; i < 2; i++) {
		arm(&flow, SEQ);
		assert_true(passes(&flow, SEQ, "text\r\n"));
		assert_false(passes(&flow, SEQ + 6, ".\r\n"));
		assert_taken_back(&flow, SEQ + 6, "\r\n");
	}
}

static void an_arming_takes_the_place_of_the_one_before(void **state)
{
	struct passage_flow flow = flow_of(4);

	skip_without_program(state);
	arm(&flow, SEQ);
	arm(&flow, SEQ + 100);
	assert_false(passes(&flow, SEQ, "text"));
	arm(&flow, SEQ + 100);
	assert_true(passes(&flow, SEQ + 100, "text"));
	assert_taken_back(&flow, SEQ + 104, "xt");
}

static void guards_do_not_take_from_each_other_but_by_arming(void **state)
{
	struct passage_flow flow = flow_of(4);
	const struct passage_place place = { .next_seq = SEQ, .tail = "xx" };
	struct passage_place reached;
	struct passage_look seen;

	skip_without_program(state);
	arm(&flow, SEQ);
	assert_int_equal(body_passage_look(world.other, &seen, &flow), -ENOENT);
	assert_int_equal(body_passage_take_back(world.other, &reached, &flow), -ENOENT);
	assert_int_equal(body_passage_forget_all(world.other), 0);
	assert_true(passes(&flow, SEQ, "text"));
	assert_int_equal(body_passage_arm(world.other, &flow, &place), 0);
	assert_int_equal(body_passage_take_back(world.passage, &reached, &flow), -ENOENT);
	assert_true(passes(&flow, SEQ, "text"));
	assert_int_equal(body_passage_take_back(world.other, &reached, &flow), 0);
}

static void a_successor_forgets_what_its_predecessor_armed(void **state)
{
	struct passage_flow flow = flow_of(4);
	struct body_passage *successor;

	skip_without_program(state);
	arm(&flow, SEQ);
	assert_true(passes(&flow, SEQ, "text"));
	successor = adopt(QUEUE);
	assert_int_equal(body_passage_forget_all(successor), 0);
	assert_false(passes(&flow, SEQ + 4, "text"));
	body_passage_free(successor);
	body_passage_forget(world.passage, &flow);
}

static void a_full_set_refuses_and_a_forgotten_flow_makes_room(void **state)
{
	struct passage_flow flow = flow_of(6);
	const struct passage_place place = { .next_seq = SEQ, .tail = "xx" };
	uint32_t armed = 0, refused = 0;
	struct passage_flow first_refused;

	skip_without_program(state);
	/* More than there is room for: some set is full long before all are. */
	for (uint32_t i = 0; i < SMTPBODY_ENTRIES; i++) {
		flow.client.port = (uint16_t)i;
		flow.server.port = (uint16_t)(i >> 16);
		if (body_passage_arm(world.passage, &flow, &place) == 0)
			armed++;
		else if (refused++ == 0)
			first_refused = flow;
	}
	assert_true(refused > 0);
	assert_true(armed > SMTPBODY_ENTRIES / 4 * 3);
	assert_int_equal(body_passage_forget_all(world.passage), 0);
	assert_int_equal(body_passage_arm(world.passage, &first_refused, &place), 0);
	assert_int_equal(body_passage_forget_all(world.passage), 0);
}

static void a_pinned_table_is_found_again_and_only_one_of_this_version(void **state)
{
	char why[PASSAGE_WHY_MAX];
	struct passage_ticket ticket = { .kind = PASSAGE_EBPF, .descriptors = { -1, -1, -1, -1 } };
	struct body_passage *passage;
	struct passage_flow flow = flow_of(4);
	struct passage_look seen;

	skip_without_program(state);
	assert_true(passage_pin_is_there());
	assert_int_equal(passage_open_pinned(&ticket.descriptors[0], why), 0);
	ticket.owner = QUEUE;
	arm(&flow, SEQ);
	assert_int_equal(passage_ebpf_adopt(&passage, &ticket), 0);
	assert_int_equal(body_passage_look(passage, &seen, &flow), 0);
	assert_int_equal(seen.place.next_seq, SEQ);
	body_passage_free(passage);
	body_passage_forget(world.passage, &flow);
	ticket.descriptors[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_int_not_equal(passage_ebpf_adopt(&passage, &ticket), 0);
}

static void assert_not_opened(void)
{
	char why[PASSAGE_WHY_MAX] = "";
	int table = -1;

	assert_int_equal(passage_open_pinned(&table, why), -EPROTO);
	assert_int_equal(table, -1);
	assert_string_equal(
		why, "the pinned eBPF program is another version's (hopguard rules prepare)");
}

/* A program that is replaced while its rules and pins stay, where the new one may load nothing. */
static void a_table_that_another_version_pinned_is_not_taken(void **state)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	char path[PASSAGE_PATH_MAX], why[PASSAGE_WHY_MAX];
	struct smtpbody_entry entry = { .version = SMTPBODY_TABLE_VERSION };
	uint32_t seed = SMTPBODY_SEED_ENTRY;
	int table;

	skip_without_program(state);
	memcpy(strrchr(passage_pin_path(path), '/'), "/flows", sizeof("/flows"));
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t entry_len = (uint32_t)sizeof(entry) / (i == 0 ? 2 : 1);
		uint32_t entries = SMTPBODY_ENTRIES + 1 + (i == 1 ? 1 : 0);

		entry.version -= i == 2;
		table = bpf_map_create(BPF_MAP_TYPE_ARRAY, "old", sizeof(seed), entry_len, entries,
		                       &options);
		assert_true(table >= 0);
		assert_int_equal(bpf_map_update_elem(table, &seed, &entry, BPF_ANY), 0);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(bpf_obj_pin(table, path), 0);
		close(table);
		assert_not_opened();
	}
	/* As `hopguard rules prepare` does. */
	assert_int_equal(passage_load(NULL, getuid(), getgid(), why), 0);
	assert_int_equal(passage_open_pinned(&table, why), 0);
	close(table);
}

static void whether_conntrack_looks_at_sums_is_known(void **state)
{
	int sysctl = open("/proc/sys/net/netfilter/nf_conntrack_checksum", O_RDWR | O_CLOEXEC);

	skip_without_program(state);
	assert_true(passage_sums_are_checked());
	if (sysctl < 0)
		skip();
	assert_int_equal(write(sysctl, "0", 1), 1);
	assert_false(passage_sums_are_checked());
	assert_int_equal(write(sysctl, "1", 1), 1);
	assert_true(passage_sums_are_checked());
	close(sysctl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_armed_flow_passes_segments_in_their_order),
		cmocka_unit_test(the_end_of_data_and_all_behind_it_come_to_the_queue),
		cmocka_unit_test(a_sequence_number_that_is_not_next_freezes),
		cmocka_unit_test(segments_that_are_more_than_text_freeze),
		cmocka_unit_test(bare_acknowledgements_neither_pass_nor_freeze),
		cmocka_unit_test(tcp_options_pass_and_those_of_ip_do_not),
		cmocka_unit_test(headers_that_lie_or_are_odd_do_not_pass),
		cmocka_unit_test(another_way_in_is_another_flow),
		cmocka_unit_test(hosts_of_one_network_are_told_apart),
		cmocka_unit_test(long_segments_are_read_to_their_last_octet),
		cmocka_unit_test(marks_about_the_ends_of_blocks_and_pieces_do_not_pass),
		cmocka_unit_test(what_came_before_text_without_a_dot_counts),
		cmocka_unit_test(a_segment_amid_the_reading_of_another_freezes),
		cmocka_unit_test(an_arming_takes_the_place_of_the_one_before),
		cmocka_unit_test(guards_do_not_take_from_each_other_but_by_arming),
		cmocka_unit_test(a_successor_forgets_what_its_predecessor_armed),
		cmocka_unit_test(a_full_set_refuses_and_a_forgotten_flow_makes_room),
		cmocka_unit_test(whether_conntrack_looks_at_sums_is_known),
		cmocka_unit_test(a_pinned_table_is_found_again_and_only_one_of_this_version),
		cmocka_unit_test(a_table_that_another_version_pinned_is_not_taken),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
