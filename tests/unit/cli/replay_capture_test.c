/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/replay_capture.h"

#include <fcntl.h>
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH_LEN = 96, FILES = 2, SAID_MAX = 1024, FILE_MAX = 4096, PACKET_LEN = 24 };

static const uint64_t end_of_9999_ms = 253402300799999;

/* Files of one link type, and what is said of them on standard error. */
struct fixture {
	char folder[64];
	char paths[FILES][PATH_LEN];
	char complaints[PATH_LEN];
	char said[SAID_MAX];
};

static int make_fixture(void **state)
{
	static struct fixture fixture;

	snprintf(fixture.folder, sizeof(fixture.folder), "/tmp/hopguard-capture-XXXXXX");
	if (!mkdtemp(fixture.folder))
		return -1;
	for (size_t i = 0; i < FILES; i++)
		snprintf(fixture.paths[i], PATH_LEN, "%s/%zu.pcap", fixture.folder, i);
	snprintf(fixture.complaints, PATH_LEN, "%s/said", fixture.folder);
	*state = &fixture;
	return 0;
}

static int remove_fixture(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < FILES; i++)
		unlink(fixture->paths[i]);
	unlink(fixture->complaints);
	return rmdir(fixture->folder);
}

/* A classic file, as any machine writes it (little endian). */
struct capture {
	uint8_t octets[FILE_MAX];
	size_t len;
};

static void add_u32(struct capture *capture, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		capture->octets[capture->len++] = (uint8_t)(value >> 8 * i);
}

static struct capture capture_of(uint32_t link_type)
{
	struct capture capture = { .len = 0 };

	add_u32(&capture, 0xa1b2c3d4);
	add_u32(&capture, 2 | 4 << 16);
	add_u32(&capture, 0);
	add_u32(&capture, 0);
	add_u32(&capture, 65535);
	add_u32(&capture, link_type);
	return capture;
}

/* Of whole_len octets on the wire. */
static void add_frame(struct capture *capture, uint32_t seconds, uint32_t microseconds,
                      const uint8_t *frame, size_t len, size_t whole_len)
{
	add_u32(capture, seconds);
	add_u32(capture, microseconds);
	add_u32(capture, (uint32_t)len);
	add_u32(capture, (uint32_t)whole_len);
	memcpy(capture->octets + capture->len, frame, len);
	capture->len += len;
}

/* An IPv4 header that speaks of PACKET_LEN octets. */
static const uint8_t packet[PACKET_LEN] = { 0x45, 0, 0, PACKET_LEN };

static void add_packet(struct capture *capture, uint32_t seconds, uint32_t microseconds)
{
	add_frame(capture, seconds, microseconds, packet, PACKET_LEN, PACKET_LEN);
}

static void save(const struct fixture *fixture, size_t index, const struct capture *capture)
{
	FILE *file = fopen(fixture->paths[index], "we");

	assert_non_null(file);
	assert_int_equal(fwrite(capture->octets, 1, capture->len, file), capture->len);
	assert_int_equal(fclose(file), 0);
}

static int saved_stderr = -1;

static void listen_to_complaints(const struct fixture *fixture)
{
	int file = open(fixture->complaints, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(file >= 0);
	saved_stderr = dup(STDERR_FILENO);
	assert_int_equal(dup2(file, STDERR_FILENO), STDERR_FILENO);
	close(file);
}

static const char *what_was_said(struct fixture *fixture)
{
	FILE *file;
	size_t len;

	assert_int_equal(dup2(saved_stderr, STDERR_FILENO), STDERR_FILENO);
	close(saved_stderr);
	file = fopen(fixture->complaints, "re");
	assert_non_null(file);
	len = fread(fixture->said, 1, SAID_MAX - 1, file);
	fixture->said[len] = '\0';
	(void)fclose(file);
	return fixture->said;
}

static struct replay_captures *open_files(struct fixture *fixture, size_t count)
{
	char *paths[FILES] = { fixture->paths[0], fixture->paths[1] };
	struct replay_captures *captures = replay_captures_open(paths, count);

	assert_non_null(captures);
	return captures;
}

/* The file is no capture, and one line says that. */
static void assert_no_capture(struct fixture *fixture, const struct capture *capture,
                              const char *words)
{
	struct replay_captures *captures;
	const char *said;

	save(fixture, 0, capture);
	captures = open_files(fixture, 1);
	listen_to_complaints(fixture);
	assert_false(replay_captures_begin(captures));
	said = what_was_said(fixture);
	replay_captures_close(captures);
	if (strncmp(said, "hopguard: /tmp/hopguard-capture-", 32) != 0 || !strstr(said, words) ||
	    strchr(said, '\n') != said + strlen(said) - 1)
		fail_msg("want %s, said: %s", words, said);
	/* The path stands there once. */
	assert_null(
		strstr(said + strlen("hopguard: ") + strlen(fixture->paths[0]), fixture->paths[0]));
}

/* The first packet of one file. */
static struct replay_captures *begin(struct fixture *fixture, const struct capture *capture,
                                     struct replay_packet *first)
{
	struct replay_captures *captures;

	save(fixture, 0, capture);
	captures = open_files(fixture, 1);
	assert_true(replay_captures_begin(captures));
	assert_true(replay_captures_next(captures, first));
	return captures;
}

/* A frame of that link type, behind whose header the packet begins; none where `header_len` is 0. */
static void frame_holds(struct fixture *fixture, uint32_t link_type, const uint8_t *header,
                        size_t header_len, bool is_ip)
{
	uint8_t frame[64];
	struct capture capture = capture_of(link_type);
	struct replay_packet first;
	struct replay_captures *captures;

	memcpy(frame, header, header_len);
	memcpy(frame + header_len, packet, PACKET_LEN);
	add_frame(&capture, 1, 0, frame, header_len + PACKET_LEN, header_len + PACKET_LEN);
	captures = begin(fixture, &capture, &first);
	assert_int_equal(first.packet.len, is_ip ? PACKET_LEN : 0);
	if (is_ip)
		assert_memory_equal(first.packet.data, packet, PACKET_LEN);
	assert_false(first.is_cut);
	replay_captures_close(captures);
}

static void the_packet_is_found_behind_any_link_header(void **state)
{
	enum {
		RAW = 101,
		IPV4 = 228,
		IPV6 = 229,
		BSD_NULL = 0,
		BSD_LOOP = 108,
		SLL = 113,
		SLL2 = 276,
		ETHERNET = 1
	};
	static const uint8_t ethernet[] = { [12] = 0x08, [13] = 0 };
	static const uint8_t tagged[] = { [12] = 0x88, 0xa8, 0, 7, 0x81, 0, 0, 9, 0x86, 0xdd };
	static const uint8_t arp[] = { [12] = 0x08, [13] = 6 };
	static const uint8_t cooked[] = { [14] = 0x08, [15] = 0 };
	static const uint8_t cooked2[20] = { 0x08, 0 };
	static const uint8_t family[] = { 2, 0, 0, 0 };
	struct fixture *fixture = *state;

	frame_holds(fixture, RAW, family, 0, true);
	frame_holds(fixture, IPV4, family, 0, true);
	frame_holds(fixture, IPV6, family, 0, true);
	frame_holds(fixture, BSD_NULL, family, sizeof(family), true);
	frame_holds(fixture, BSD_LOOP, family, sizeof(family), true);
	frame_holds(fixture, ETHERNET, ethernet, sizeof(ethernet), true);
	frame_holds(fixture, ETHERNET, tagged, sizeof(tagged), true);
	frame_holds(fixture, ETHERNET, arp, sizeof(arp), false);
	frame_holds(fixture, SLL, cooked, sizeof(cooked), true);
	frame_holds(fixture, SLL2, cooked2, sizeof(cooked2), true);
}

static void tags_without_end_hold_no_packet(void **state)
{
	uint8_t frame[64];
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(frame); i += 2)
		frame[i] = 0x81, frame[i + 1] = 0;
	for (size_t len = 0; len <= sizeof(frame); len++) {
		struct capture capture = capture_of(1);
		struct replay_packet first;
		struct replay_captures *captures;

		add_frame(&capture, 1, 0, frame, len, len);
		captures = begin(fixture, &capture, &first);
		assert_int_equal(first.packet.len, 0);
		replay_captures_close(captures);
	}
}

static void a_packet_is_cut_where_its_own_header_says_more(void **state)
{
	static const struct {
		uint8_t header[8];
		size_t len, whole_len;
		bool is_cut;
	} cases[] = {
		{ { 0x45, 0, 0, 24 }, 24, 24, false }, { { 0x45, 0, 0, 24 }, 24, 60, false },
		{ { 0x45, 0, 0, 25 }, 24, 25, true },  { { 0x45, 0, 0, 0 }, 24, 25, true },
		{ { 0x60, [5] = 8 }, 48, 52, false },  { { 0x60, [5] = 9 }, 48, 52, true },
		{ { 0x45, 0, 0 }, 3, 20, true },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t octets[64] = { 0 };
		struct capture capture = capture_of(101);
		struct replay_packet first;
		struct replay_captures *captures;

		memcpy(octets, cases[i].header, sizeof(cases[i].header));
		add_frame(&capture, 1, 0, octets, cases[i].len, cases[i].whole_len);
		captures = begin(fixture, &capture, &first);
		if (first.is_cut != cases[i].is_cut)
			fail_msg("case %zu", i);
		replay_captures_close(captures);
	}
}

static void times_lie_between_1970_and_9999_whatever_a_file_says(void **state)
{
	struct fixture *fixture = *state;
	struct capture capture = capture_of(101);
	struct replay_packet first;
	struct replay_captures *captures;

	add_packet(&capture, 1, 2500);
	add_packet(&capture, UINT32_MAX, 0);
	add_packet(&capture, 5, UINT32_MAX);
	captures = begin(fixture, &capture, &first);
	assert_int_equal(first.time_ms, 1002);
	assert_true(replay_captures_next(captures, &first));
	assert_int_equal(first.time_ms, UINT32_MAX * 1000ULL);
	assert_true(replay_captures_next(captures, &first));
	assert_true(first.time_ms >= 5000 && first.time_ms <= end_of_9999_ms);
	assert_false(replay_captures_next(captures, &first));
	assert_true(replay_captures_are_whole(captures));
	replay_captures_close(captures);
}

/* pcapng, whose times have 64 bits. */
static void a_time_beyond_9999_is_its_end(void **state)
{
	struct fixture *fixture = *state;
	struct capture capture = { .len = 0 };
	struct replay_packet first;
	struct replay_captures *captures;
	const uint32_t head[] = { 0x0a0d0d0a, 28, 0x1a2b3c4d, 1,   UINT32_MAX, UINT32_MAX,
		                  28,         1,  20,         101, 0,          20 };
	const uint32_t block[] = { 6, 32 + PACKET_LEN, 0, 0x7fffffff, 0, PACKET_LEN, PACKET_LEN };

	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		add_u32(&capture, head[i]);
	for (size_t i = 0; i < sizeof(block) / sizeof(block[0]); i++)
		add_u32(&capture, block[i]);
	memcpy(capture.octets + capture.len, packet, PACKET_LEN);
	capture.len += PACKET_LEN;
	add_u32(&capture, 32 + PACKET_LEN);
	captures = begin(fixture, &capture, &first);
	assert_int_equal(first.time_ms, end_of_9999_ms);
	assert_int_equal(first.packet.len, PACKET_LEN);
	replay_captures_close(captures);
}

static void several_files_are_read_in_order_of_time(void **state)
{
	static const uint64_t want_ms[] = { 1000, 2000, 3000, 4000, 5000 };
	struct fixture *fixture = *state;
	struct capture capture = capture_of(101);
	struct replay_captures *captures;
	struct replay_packet next;

	add_packet(&capture, 2, 0);
	add_packet(&capture, 3, 0);
	add_packet(&capture, 5, 0);
	save(fixture, 0, &capture);
	capture = capture_of(101);
	add_packet(&capture, 1, 0);
	add_packet(&capture, 4, 0);
	save(fixture, 1, &capture);
	captures = open_files(fixture, 2);
	assert_true(replay_captures_begin(captures));
	for (size_t i = 0; i < sizeof(want_ms) / sizeof(want_ms[0]); i++) {
		assert_true(replay_captures_next(captures, &next));
		assert_int_equal(next.time_ms, want_ms[i]);
	}
	assert_false(replay_captures_next(captures, &next));
	replay_captures_close(captures);
}

static void what_is_no_capture_is_said_with_what_is(void **state)
{
	struct capture capture = { .len = 0 };
	struct fixture *fixture = *state;

	assert_no_capture(fixture, &capture, ": allowed are pcap and pcapng, not compressed");
	add_u32(&capture, 0x04034b50);
	for (size_t i = 0; i < 8; i++)
		add_u32(&capture, 0);
	assert_no_capture(fixture, &capture, ": allowed are pcap and pcapng, not compressed");
	capture = capture_of(101);
	capture.len = 11;
	assert_no_capture(fixture, &capture, ": allowed are pcap and pcapng, not compressed");
	capture = capture_of(105); /* IEEE 802.11 */
	assert_no_capture(fixture, &capture, ": link type 105 (IEEE802_11): allowed are Ethernet");
	capture = capture_of(0xfff0);
	assert_no_capture(fixture, &capture, " (unknown): allowed are Ethernet");
}

static void a_file_that_is_not_there_closes_the_others(void **state)
{
	struct fixture *fixture = *state;
	struct capture capture = capture_of(101);
	char *paths[] = { fixture->paths[0], "/nonexistent/b.pcap" };
	int before, after;

	save(fixture, 0, &capture);
	before = dup(STDIN_FILENO);
	close(before);
	listen_to_complaints(fixture);
	assert_null(replay_captures_open(paths, 2));
	assert_string_equal(what_was_said(fixture),
	                    "hopguard: /nonexistent/b.pcap: No such file or directory\n");
	after = dup(STDIN_FILENO);
	close(after);
	assert_int_equal(after, before);
	replay_captures_close(NULL);
}

static void what_stood_before_a_cut_is_taken_and_the_cut_is_said(void **state)
{
	struct fixture *fixture = *state;
	struct capture capture = capture_of(101);
	size_t len;

	add_packet(&capture, 1, 0);
	len = capture.len;
	add_packet(&capture, 2, 0);
	for (size_t cut = len + 1; cut < len + 16 + PACKET_LEN; cut++) {
		struct replay_captures *captures;
		struct replay_packet next;

		capture.len = cut;
		captures = begin(fixture, &capture, &next);
		assert_int_equal(next.time_ms, 1000);
		assert_true(replay_captures_are_whole(captures));
		listen_to_complaints(fixture);
		assert_false(replay_captures_next(captures, &next));
		assert_non_null(strstr(what_was_said(fixture), "0.pcap: truncated dump file"));
		assert_false(replay_captures_are_whole(captures));
		replay_captures_close(captures);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_packet_is_found_behind_any_link_header),
		cmocka_unit_test(tags_without_end_hold_no_packet),
		cmocka_unit_test(a_packet_is_cut_where_its_own_header_says_more),
		cmocka_unit_test(times_lie_between_1970_and_9999_whatever_a_file_says),
		cmocka_unit_test(a_time_beyond_9999_is_its_end),
		cmocka_unit_test(several_files_are_read_in_order_of_time),
		cmocka_unit_test(what_is_no_capture_is_said_with_what_is),
		cmocka_unit_test(a_file_that_is_not_there_closes_the_others),
		cmocka_unit_test(what_stood_before_a_cut_is_taken_and_the_cut_is_said),
	};

	return cmocka_run_group_tests_name("cli/replay_capture", tests, make_fixture,
	                                   remove_fixture);
}
