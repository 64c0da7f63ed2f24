/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kmod/smtpbody_scan.h"
#include "support/body_oracle.h"

enum { TEXT_MAX = 600 };

static uint64_t seed = 1;

static uint32_t random_below(uint32_t limit)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(seed >> 33) % limit;
}

static void fill(uint8_t *text, size_t len, uint32_t kind)
{
	static const char few[] = "\r\n..\r\n\0\x8d\x0a\x2e\xae\xff";
	size_t at;

	for (at = 0; at < len; at++)
		text[at] = kind == 0   ? (uint8_t)few[random_below(sizeof(few) - 1)]
		           : kind == 1 ? (uint8_t)random_below(256)
		                       : (uint8_t) "\r\n."[random_below(3)];
}

static void nothing_completes_but_a_dot_between_two_line_ends(void **state)
{
	uint32_t a;
	uint32_t b;
	uint32_t c;

	(void)state;
	for (a = 0; a < 256; a++) {
		for (b = 0; b < 256; b++) {
			for (c = 0; c < 256; c++) {
				uint32_t carry = smtpbody_step(a | b << 8, (uint8_t)c);
				bool is_mark = (a == '\r' || a == '\n') && b == '.' &&
				               (c == '\r' || c == '\n');

				if (carry != (b | c << 8 | (is_mark ? SMTPBODY_COMPLETES : 0)))
					fail_msg("%u %u %u: %x", a, b, c, carry);
			}
		}
	}
}

static void octets_pieces_and_steps_say_what_a_slow_look_says(void **state)
{
	uint32_t round;

	(void)state;
	for (round = 0; round < 200000; round++) {
		uint8_t text[2 + TEXT_MAX];
		size_t len = random_below(round % 16 ? 40 : TEXT_MAX);
		uint32_t carry;
		uint32_t stepped;
		uint32_t want;
		size_t at;

		fill(text, len + 2, round % 3);
		carry = text[0] | (uint32_t)text[1] << 8;
		want = text[len] | (uint32_t)text[len + 1] << 8 |
		       (body_oracle_completes(text, len + 2) ? SMTPBODY_COMPLETES : 0);
		stepped = carry;
		for (at = 0; at < len; at++)
			stepped = smtpbody_step(stepped, text[2 + at]);
		assert_int_equal(stepped, want);
		assert_int_equal(smtpbody_scan(carry, text + 2, (uint32_t)len), want);

		assert_int_equal(smtpbody_scan_each(carry, text + 2, (uint32_t)len), want);
	}
}

static void a_mark_completes_however_the_stream_is_cut(void **state)
{
	static const char *const marks[] = { "\r\n.\r", "\n.\n", "\r.\r", "\r.\n" };
	size_t m;
	size_t first;
	size_t second;

	(void)state;
	for (m = 0; m < sizeof(marks) / sizeof(marks[0]); m++) {
		size_t mark_len = strlen(marks[m]);
		uint8_t text[32];

		memset(text, 'x', sizeof(text));
		memcpy(text + 14, marks[m], mark_len);
		for (first = 0; first <= sizeof(text); first++) {
			for (second = first; second <= sizeof(text); second++) {
				uint32_t carry =
					smtpbody_scan(SMTPBODY_CRLF, text, (uint32_t)first);

				carry = smtpbody_scan(carry, text + first,
				                      (uint32_t)(second - first));
				carry = smtpbody_scan(carry, text + second,
				                      (uint32_t)(sizeof(text) - second));
				assert_true(carry & SMTPBODY_COMPLETES);
			}
		}
	}
	assert_true(smtpbody_scan(SMTPBODY_CRLF, (const uint8_t *)".\r\n", 3) & SMTPBODY_COMPLETES);
}

static bool is_bit_7(uint64_t word, size_t octet)
{
	return word >> (8 * octet + 7) & 1;
}

static void sieves_find_each_dot_and_each_behind_a_line_end(void **state)
{
	uint32_t round;
	size_t at;

	(void)state;
	/* Each pair of octets at each place of a word, among others. */
	for (round = 0; round < 8 * 65536; round++) {
		uint8_t octets[16];
		uint64_t before;
		uint64_t word;

		fill(octets, sizeof(octets), random_below(3));
		octets[7 + round % 8] = (uint8_t)(round / 8);
		octets[8 + round % 8] = (uint8_t)(round / 8 >> 8);
		before = smtpbody_word(octets);
		word = smtpbody_word(octets + 8);
		for (at = 0; at < 8; at++) {
			bool is_dot = (octets[8 + at] & 0x7f) == '.';

			assert_int_equal(is_bit_7(smtpbody_no_dots(word), at), !is_dot);
			assert_int_equal(is_bit_7(smtpbody_no_begun(word, before), at),
			                 !(is_dot && octets[7 + at] < 0x10));
		}
	}
}

/* What is put into text that has no dot, with what is a mark and what is none. */
static const char *const bits[] = { "\r\n.\r",  "\n.\n", "\r.\r", "\n.x",
	                            "\n\xae\n", "x.\n",  "\n.",   "." };

static void marks_about_the_ends_of_blocks_and_pieces_complete(void **state)
{
	enum { LEN = 2 * SMTPBODY_PIECE_LEN + SMTPBODY_BLOCK_LEN };
	static const char *const tails[] = { "xx", "\r\n", "\n.", ".\n" };
	static uint8_t text[2 + LEN];
	size_t bit;
	size_t at;
	size_t tail;
	size_t len;

	(void)state;
	for (bit = 0; bit < sizeof(bits) / sizeof(bits[0]); bit++) {
		size_t bit_len = strlen(bits[bit]);

		for (at = 0; at + 16 < LEN; at++) {
			bool is_piece = (at + 8) % SMTPBODY_PIECE_LEN < 16;

			if ((at + 4) % SMTPBODY_BLOCK_LEN > 8)
				continue;
			for (tail = 0; tail < 4; tail++) {
				memset(text, 'x', sizeof(text));
				memcpy(text, tails[tail], 2);
				memcpy(text + 2 + at, bits[bit], bit_len);
				/* Up to the bit's end, and to others. */
				for (len = is_piece ? at : at + bit_len; len < LEN;
				     len += len < at + 12 ? 1 : SMTPBODY_PIECE_LEN - 1) {
					uint32_t carry =
						smtpbody_scan(text[0] | (uint32_t)text[1] << 8,
					                      text + 2, (uint32_t)len);

					assert_int_equal(
						carry, text[len] | (uint32_t)text[len + 1] << 8 |
							       (body_oracle_completes(text, len + 2)
					                                ? SMTPBODY_COMPLETES
					                                : 0));
				}
			}
		}
	}
}

static void what_completed_before_stays(void **state)
{
	static uint8_t text[SMTPBODY_PIECE_LEN];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(smtpbody_scan(SMTPBODY_COMPLETES, text, sizeof(text)),
	                 SMTPBODY_COMPLETES | 'x' << 8 | 'x');
}

static void a_scan_reads_nothing_beyond_its_octets(void **state)
{
	size_t len;

	(void)state;
	for (len = 0; len < 3 * SMTPBODY_BLOCK_LEN; len++) {
		uint8_t *octets = malloc(len ? len : 1);

		memset(octets, '.', len ? len : 1);
		assert_int_equal(smtpbody_scan(0, octets, (uint32_t)len) & SMTPBODY_COMPLETES, 0);
		memset(octets, 'x', len ? len : 1);
		assert_int_equal(smtpbody_scan(0, octets, (uint32_t)len) & SMTPBODY_COMPLETES, 0);
		free(octets);
	}
}

static void a_word_is_its_state_and_back(void **state)
{
	uint32_t round;

	(void)state;
	for (round = 0; round < 10000; round++) {
		struct smtpbody_state in = {
			.next_seq = random_below(0x7fffffff) * 2 + round % 2,
			.tail = (uint16_t)random_below(0x10000),
			.generation = (uint16_t)random_below(0x8000),
			.is_armed = random_below(2),
		};
		struct smtpbody_state out = smtpbody_unpack(smtpbody_pack(in));

		assert_int_equal(out.next_seq, in.next_seq);
		assert_int_equal(out.tail, in.tail);
		assert_int_equal(out.generation, in.generation);
		assert_int_equal(out.is_armed, in.is_armed);
		assert_int_equal(smtpbody_pack(in) & SMTPBODY_ARMED,
		                 in.is_armed ? SMTPBODY_ARMED : 0);
		assert_int_equal(smtpbody_carry(smtpbody_pack(in)), in.tail);
	}
}

static void only_the_next_octets_of_an_armed_flow_are_scanned(void **state)
{
	uint64_t word = smtpbody_pack(
		(struct smtpbody_state){ .next_seq = 0xfffffff0U, .tail = 1, .is_armed = true });

	(void)state;
	assert_true(smtpbody_is_next(word, 0xfffffff0U, 1));
	assert_false(smtpbody_is_next(word, 0xfffffff0U, 0));
	assert_false(smtpbody_is_next(word, 0xffffffefU, 1));
	assert_false(smtpbody_is_next(word, 0xfffffff1U, 1));
	assert_false(smtpbody_is_next(word & ~SMTPBODY_ARMED, 0xfffffff0U, 1));
	assert_false(smtpbody_is_next(0, 0, 1));
}

static void a_moved_word_counts_modulo_32_bits_and_keeps_its_generation(void **state)
{
	struct smtpbody_state moved =
		smtpbody_unpack(smtpbody_moved(smtpbody_pack((struct smtpbody_state){
						       .next_seq = 0xfffffff0U,
						       .tail = 0xffff,
						       .generation = 0x7fff,
						       .is_armed = true,
					       }),
	                                       0x20, SMTPBODY_COMPLETES | 0x0a0d));

	(void)state;
	assert_int_equal(moved.next_seq, 0x10);
	assert_int_equal(moved.tail, 0x0a0d);
	assert_int_equal(moved.generation, 0x7fff);
	assert_true(moved.is_armed);
}

static void what_ends_with_a_line_end_and_a_dot_does_not_pass(void **state)
{
	uint32_t before;
	uint32_t last;

	(void)state;
	for (before = 0; before < 256; before++) {
		for (last = 0; last < 256; last++) {
			bool is_open = (before == '\r' || before == '\n') && last == '.';

			assert_int_equal(smtpbody_passes(before | last << 8), !is_open);
			assert_false(smtpbody_passes(before | last << 8 | SMTPBODY_COMPLETES));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_completes_but_a_dot_between_two_line_ends),
		cmocka_unit_test(octets_pieces_and_steps_say_what_a_slow_look_says),
		cmocka_unit_test(a_mark_completes_however_the_stream_is_cut),
		cmocka_unit_test(sieves_find_each_dot_and_each_behind_a_line_end),
		cmocka_unit_test(marks_about_the_ends_of_blocks_and_pieces_complete),
		cmocka_unit_test(what_completed_before_stays),
		cmocka_unit_test(a_scan_reads_nothing_beyond_its_octets),
		cmocka_unit_test(what_ends_with_a_line_end_and_a_dot_does_not_pass),
		cmocka_unit_test(a_word_is_its_state_and_back),
		cmocka_unit_test(only_the_next_octets_of_an_armed_flow_are_scanned),
		cmocka_unit_test(a_moved_word_counts_modulo_32_bits_and_keeps_its_generation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
