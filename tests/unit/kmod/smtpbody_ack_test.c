/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kmod/smtpbody_scan.h"

/* Which acknowledgements of the server's pass beside a body. */

enum { SERVER_SEQ = 7000, WINDOW = 500, MIB = 1 << 20 };

struct words {
	uint64_t word, acks, server;
};

static struct words armed_at(uint32_t next_seq, uint32_t acked)
{
	struct words words = {
		.word = smtpbody_pack((struct smtpbody_state){
			.next_seq = next_seq, .generation = 3, .is_armed = true }),
		.server = smtpbody_server(SERVER_SEQ, 100),
	};

	words.acks = smtpbody_acks(words.word, acked, WINDOW);
	return words;
}

static bool moves(const struct words *words, uint32_t seq, uint32_t acked)
{
	const struct smtpbody_ack ack = { .seq = seq, .acked = acked };

	return smtpbody_acks_move(words->acks, words->word, words->server, &ack);
}

static void no_flag_but_those_of_congestion_goes_with_it_and_no_octet(void **state)
{
	(void)state;
	for (uint32_t flags = 0; flags < 256; flags++) {
		bool may = flags == 0x10 || flags == 0x50 || flags == 0x90 || flags == 0xd0;

		assert_int_equal(smtpbody_is_bare((uint8_t)flags, 0), may);
		assert_false(smtpbody_is_bare((uint8_t)flags, 1));
	}
}

static void it_acknowledges_what_has_passed_and_nothing_below_the_last(void **state)
{
	static const uint32_t bases[] = { 1000, 0xffffff00, 0x7fffff00, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		const uint32_t acked = bases[i];
		const struct words words = armed_at(acked + 5000, acked);

		assert_true(moves(&words, SERVER_SEQ, acked));
		assert_true(moves(&words, SERVER_SEQ, acked + 1));
		assert_true(moves(&words, SERVER_SEQ, acked + 5000));
		assert_false(moves(&words, SERVER_SEQ, acked + 5001));
		assert_false(moves(&words, SERVER_SEQ, acked - 1));
		assert_false(moves(&words, SERVER_SEQ, acked + 0x80000000));
		assert_false(moves(&words, SERVER_SEQ, acked - 0x7fffffff));
	}
}

static void the_server_has_said_nothing_more(void **state)
{
	const struct words words = armed_at(2000, 1000);

	(void)state;
	assert_false(moves(&words, SERVER_SEQ + 1, 1500));
	assert_false(moves(&words, SERVER_SEQ - 1, 1500));
	assert_false(moves(&words, 0, 1500));
}

static void none_passes_but_while_both_are_armed_by_one(void **state)
{
	struct words words = armed_at(2000, 1000);

	(void)state;
	words.acks &= ~SMTPBODY_ARMED;
	assert_false(moves(&words, SERVER_SEQ, 1500));
	words = armed_at(2000, 1000);
	words.word &= ~SMTPBODY_ARMED;
	assert_false(moves(&words, SERVER_SEQ, 1500));
	words = armed_at(2000, 1000);
	words.word &= ~SMTPBODY_ARMED;
	words.acks &= ~SMTPBODY_ARMED;
	assert_false(moves(&words, SERVER_SEQ, 1500));
	/* By one after the other. */
	words = armed_at(2000, 1000);
	words.word += 1ULL << 49;
	assert_false(moves(&words, SERVER_SEQ, 1500));
	words = (struct words){ 0 };
	assert_false(moves(&words, 0, 0));
}

static void what_passed_last_is_what_is_known(void **state)
{
	const struct words words = armed_at(2000, 1000);
	const struct smtpbody_ack ack = { .seq = SERVER_SEQ, .acked = 1500, .window = 0xffff };
	uint64_t acks = smtpbody_acks_moved(words.acks, &ack);

	(void)state;
	assert_int_equal((uint32_t)acks, 1500);
	assert_int_equal(acks >> 32 & 0xffff, 0xffff);
	assert_int_equal(acks >> 48, words.word >> 48);
	assert_false(
		smtpbody_acks_move(acks, words.word, words.server,
	                           &(struct smtpbody_ack){ .seq = SERVER_SEQ, .acked = 1499 }));
}

static void timestamps_only_grow(void **state)
{
	static const struct {
		uint32_t before, says, after;
	} cases[] = {
		{ 100, 101, 101 },
		{ 100, 100, 100 },
		{ 100, 99, 100 },
		{ 0xfffffff0, 5, 5 },
		{ 5, 0xfffffff0, 5 },
		{ 100, 100 + 0x7fffffffU, 100 + 0x7fffffffU },
		{ 100, 100 + 0x80000000, 100 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t before = smtpbody_server(SERVER_SEQ, cases[i].before);
		struct smtpbody_ack ack = { .timestamp = cases[i].says, .has_timestamp = true };

		assert_int_equal(smtpbody_server_moved(before, &ack),
		                 smtpbody_server(SERVER_SEQ, cases[i].after));
		ack.has_timestamp = false;
		assert_int_equal(smtpbody_server_moved(before, &ack), before);
	}
}

static void one_of_each_mib_is_told(void **state)
{
	const struct words words = armed_at(MIB + 100, MIB - 100);

	(void)state;
	assert_false(smtpbody_is_told(words.acks, &(struct smtpbody_ack){ .acked = MIB - 1 }));
	assert_true(smtpbody_is_told(words.acks, &(struct smtpbody_ack){ .acked = MIB }));
	assert_true(smtpbody_is_told(words.acks, &(struct smtpbody_ack){ .acked = MIB + 100 }));
	assert_false(smtpbody_is_told(smtpbody_acks(words.word, MIB, 0),
	                              &(struct smtpbody_ack){ .acked = MIB + 100 }));
}

static void of_options_only_the_usual_ones_in_their_places_are_understood(void **state)
{
	static const struct {
		const char *octets;
		uint32_t len;
		bool is_read, has_timestamp;
	} cases[] = {
		{ "", 0, true, false },
		{ "\1\1\x8\xa\1\2\3\4\5\6\7\x8", 12, true, true },
		{ "\1\1\5\xa--------", 12, true, false },
		{ "\1\1\5\x12----------------", 20, true, false },
		{ "\1\1\5\x22--------------------------------", 36, true, false },
		{ "\1\1\x8\xa\1\2\3\4\5\6\7\x8\1\1\5\xa--------", 24, true, true },
		{ "\1\1\x8\xa\1\2\3\4\5\6\7\x8\1\1\5\x1a------------------------", 40, true, true },
		/* A length that is another's, or nobody's. */
		{ "\1\1\5\x12--------", 12, false, false },
		{ "\1\1\5\xa----------------", 20, false, false },
		{ "\1\1\5\x6----", 8, false, false },
		{ "\1\1\5\xe------------", 16, false, false },
		{ "\1\1\5\2", 4, false, false },
		{ "\1\1\x8\xa\1\2\3\4\5\6\7\x8\1\1\5\x12--------", 24, false, true },
		{ "\1\1\x8\xa\1\2\3\4\5\6\7\x8\1\1\1\1", 16, false, true },
		{ "\1\1\x8\xa\1\2\3\4\5\6\7\x8\1\1\5\2", 16, false, true },
		/* Another order, other options, none. */
		{ "\x8\xa\1\2\3\4\5\6\7\x8\1\1", 12, false, false },
		{ "\1\1\1\1", 4, false, false },
		{ "\x1e\xc----------", 12, false, false },
		{ "\0\0\0\0", 4, false, false },
		{ "\1\1\x13\x12----------------", 20, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t words[SMTPBODY_OPTION_WORDS] = { 0 };
		struct smtpbody_ack ack = { .has_timestamp = !cases[i].has_timestamp };

		for (uint32_t at = 0; at < cases[i].len && at < sizeof(words); at++)
			words[at / 4] |= (uint32_t)(uint8_t)cases[i].octets[at]
			                 << (24 - at % 4 * 8);
		if (smtpbody_read_options(&ack, cases[i].len, words) != cases[i].is_read)
			fail_msg("case %zu", i);
		assert_int_equal(ack.has_timestamp, cases[i].has_timestamp);
		if (ack.has_timestamp)
			assert_int_equal(ack.timestamp, 0x01020304);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_flag_but_those_of_congestion_goes_with_it_and_no_octet),
		cmocka_unit_test(it_acknowledges_what_has_passed_and_nothing_below_the_last),
		cmocka_unit_test(the_server_has_said_nothing_more),
		cmocka_unit_test(none_passes_but_while_both_are_armed_by_one),
		cmocka_unit_test(what_passed_last_is_what_is_known),
		cmocka_unit_test(timestamps_only_grow),
		cmocka_unit_test(one_of_each_mib_is_told),
		cmocka_unit_test(of_options_only_the_usual_ones_in_their_places_are_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
