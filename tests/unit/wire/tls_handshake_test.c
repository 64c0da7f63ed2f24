/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tls_handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "../guarded.h"

enum { MESSAGES_MAX = 8, ROOM = 16 };

struct seen {
	uint8_t type;
	uint32_t body_len;
	uint8_t kept[ROOM];
	size_t kept_len;
};

struct reading {
	struct tls_handshake handshake;
	struct guarded page; /* the room ends where it ends */
	struct seen seen[MESSAGES_MAX];
	size_t count;
	size_t begun;
	bool is_too_long;
};

static void begin(struct reading *reading, size_t room_len)
{
	memset(reading, 0, sizeof(*reading));
	reading->page = guarded_new();
	tls_handshake_give_room(&reading->handshake, reading->page.start + GUARDED_ROOM - room_len,
	                        room_len);
}

static void note_message(struct reading *reading)
{
	struct seen *seen = &reading->seen[reading->count++];
	struct bytes kept = tls_handshake_kept(&reading->handshake);

	assert_true(reading->count <= MESSAGES_MAX && kept.len <= ROOM);
	seen->type = reading->handshake.type;
	seen->body_len = reading->handshake.body_len;
	seen->kept_len = kept.len;
	if (kept.len > 0)
		memcpy(seen->kept, kept.data, kept.len);
	assert_true(tls_handshake_is_between(&reading->handshake));
}

static void feed(struct reading *reading, struct bytes content)
{
	for (;;) {
		switch (tls_handshake_read(&reading->handshake, &content)) {
		case TLS_HANDSHAKE_MORE:
			assert_int_equal(content.len, 0);
			return;
		case TLS_HANDSHAKE_BEGUN:
			reading->begun++;
			assert_false(tls_handshake_is_between(&reading->handshake));
			break;
		case TLS_HANDSHAKE_MESSAGE:
			note_message(reading);
			break;
		case TLS_HANDSHAKE_TOO_LONG:
			reading->is_too_long = true;
			return;
		}
	}
}

/* A message that fits, an empty one, one that is longer than the room, and another. */
static const uint8_t flight[] = { 2,  0,  0,  3,  'a', 'b', 'c', 14, 0, 0, 0,  11, 0,  0,
	                          20, 1,  2,  3,  4,   5,   6,   7,  8, 9, 10, 11, 12, 13,
	                          14, 15, 16, 17, 18,  19,  20,  1,  0, 0, 1,  'z' };

static void check_flight(const struct reading *reading)
{
	static const struct seen wanted[] = {
		{ 2, 3, "abc", 3 },
		{ 14, 0, "", 0 },
		{ 11, 20, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 }, ROOM },
		{ 1, 1, "z", 1 },
	};

	assert_int_equal(reading->count, 4);
	assert_int_equal(reading->begun, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(reading->seen[i].type, wanted[i].type);
		assert_int_equal(reading->seen[i].body_len, wanted[i].body_len);
		assert_int_equal(reading->seen[i].kept_len, wanted[i].kept_len);
		assert_memory_equal(reading->seen[i].kept, wanted[i].kept, wanted[i].kept_len);
	}
}

static void messages_are_the_same_however_records_cut_them(void **state)
{
	struct guarded page = guarded_new();

	(void)state;
	for (size_t step = 1; step <= sizeof(flight); step++) {
		struct reading reading;

		begin(&reading, ROOM);
		for (size_t at = 0; at < sizeof(flight); at += step)
			feed(&reading,
			     guarded_bytes(&page, bytes_slice(bytes_of(flight, sizeof(flight)), at,
			                                      step)));
		check_flight(&reading);
		guarded_free(&reading.page);
	}
	guarded_free(&page);
}

static void a_message_that_is_cut_off_is_never_called_whole(void **state)
{
	static const size_t ends[] = { 7, 11, 35, sizeof(flight) };

	(void)state;
	for (size_t cut = 0; cut <= sizeof(flight); cut++) {
		struct reading reading;
		size_t whole = 0;

		begin(&reading, ROOM);
		feed(&reading, bytes_of(flight, cut));
		while (whole < 4 && ends[whole] <= cut)
			whole++;
		assert_int_equal(reading.count, whole);
		assert_int_equal(tls_handshake_is_between(&reading.handshake),
		                 cut == 0 || (whole > 0 && ends[whole - 1] == cut));
		guarded_free(&reading.page);
	}
}

static void without_room_messages_are_only_counted(void **state)
{
	struct reading reading;

	(void)state;
	begin(&reading, 0);
	feed(&reading, bytes_of(flight, sizeof(flight)));
	assert_int_equal(reading.count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(reading.seen[i].kept_len, 0);
	assert_int_equal(reading.seen[2].body_len, 20);
	guarded_free(&reading.page);
}

static void room_that_comes_late_is_not_filled_behind_a_hole(void **state)
{
	uint8_t room[ROOM];
	struct tls_handshake handshake = { 0 };
	struct bytes content = bytes_of("\x0b\0\0\x08"
	                                "abcd",
	                                8);

	(void)state;
	assert_int_equal(tls_handshake_read(&handshake, &content), TLS_HANDSHAKE_BEGUN);
	assert_int_equal(tls_handshake_read(&handshake, &content), TLS_HANDSHAKE_MORE);
	tls_handshake_give_room(&handshake, room, sizeof(room));
	content = bytes_of("efgh", 4);
	assert_int_equal(tls_handshake_read(&handshake, &content), TLS_HANDSHAKE_MESSAGE);
	assert_int_equal(tls_handshake_kept(&handshake).len, 0);
}

static void a_larger_room_goes_on_where_the_smaller_one_ended(void **state)
{
	uint8_t small[4];
	uint8_t large[ROOM];
	struct tls_handshake handshake = { 0 };
	struct bytes content = bytes_of("\x0b\0\0\x08"
	                                "abcd",
	                                8);

	(void)state;
	assert_int_equal(tls_handshake_read(&handshake, &content), TLS_HANDSHAKE_BEGUN);
	tls_handshake_give_room(&handshake, small, sizeof(small));
	assert_int_equal(tls_handshake_read(&handshake, &content), TLS_HANDSHAKE_MORE);
	memcpy(large, small, sizeof(small));
	tls_handshake_give_room(&handshake, large, sizeof(large));
	content = bytes_of("efgh", 4);
	assert_int_equal(tls_handshake_read(&handshake, &content), TLS_HANDSHAKE_MESSAGE);
	assert_memory_equal(tls_handshake_kept(&handshake).data, "abcdefgh", 8);
}

static void a_direction_ends_at_its_bound_by_what_a_header_claims(void **state)
{
	enum { BODY_MAX = TLS_HANDSHAKE_OCTETS_MAX - TLS_HANDSHAKE_HEADER_LEN };
	uint8_t header[TLS_HANDSHAKE_HEADER_LEN] = { 11, BODY_MAX >> 16, BODY_MAX >> 8 & 0xff,
		                                     BODY_MAX & 0xff };
	static const uint8_t zeros[BODY_MAX];
	struct reading reading;

	(void)state;
	begin(&reading, ROOM);
	feed(&reading, bytes_of(header, sizeof(header)));
	feed(&reading, bytes_of(zeros, sizeof(zeros)));
	assert_int_equal(reading.count, 1);
	assert_false(reading.is_too_long);
	feed(&reading, bytes_of("\x0e\0\0\0", 4)); /* not one more */
	assert_true(reading.is_too_long);
	assert_int_equal(reading.count, 1);
	feed(&reading, bytes_of("\x0e\0\0\0", 4));
	assert_int_equal(reading.count, 1);
	assert_int_equal(reading.begun, 1);
	guarded_free(&reading.page);

	header[3]++;
	begin(&reading, ROOM);
	feed(&reading, bytes_of(header, 3));
	assert_false(reading.is_too_long);
	feed(&reading, bytes_of(header + 3, 1));
	assert_true(reading.is_too_long);
	assert_int_equal(reading.begun, 0);
	guarded_free(&reading.page);
}

static void the_bound_is_for_all_messages_together(void **state)
{
	enum { HALF = TLS_HANDSHAKE_OCTETS_MAX / 2 - TLS_HANDSHAKE_HEADER_LEN };
	static const uint8_t zeros[HALF];
	const uint8_t header[TLS_HANDSHAKE_HEADER_LEN] = { 12, HALF >> 16, HALF >> 8 & 0xff,
		                                           HALF & 0xff };
	struct reading reading;

	(void)state;
	begin(&reading, 0);
	for (size_t i = 0; i < 2; i++) {
		feed(&reading, bytes_of(header, sizeof(header)));
		feed(&reading, bytes_of(zeros, sizeof(zeros)));
	}
	assert_int_equal(reading.count, 2);
	assert_false(reading.is_too_long);
	feed(&reading, bytes_of(header, sizeof(header)));
	assert_true(reading.is_too_long);
	guarded_free(&reading.page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_the_same_however_records_cut_them),
		cmocka_unit_test(a_message_that_is_cut_off_is_never_called_whole),
		cmocka_unit_test(without_room_messages_are_only_counted),
		cmocka_unit_test(room_that_comes_late_is_not_filled_behind_a_hole),
		cmocka_unit_test(a_larger_room_goes_on_where_the_smaller_one_ended),
		cmocka_unit_test(a_direction_ends_at_its_bound_by_what_a_header_claims),
		cmocka_unit_test(the_bound_is_for_all_messages_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
