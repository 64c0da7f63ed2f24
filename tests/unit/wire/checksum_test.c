/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "../guarded.h"

/* RFC 1071 section 4.1, word by word. */
static uint16_t slow_checksum(struct bytes octets)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < octets.len; i++) {
		sum += (uint32_t)octets.data[i] << (i % 2 == 0 ? 8 : 0);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)~sum;
}

static void fill(uint8_t *octets, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		octets[i] = (uint8_t)(seed >> 24);
	}
}

static void the_example_of_the_rfc_adds_up(void **state)
{
	static const uint8_t octets[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

	(void)state;
	assert_int_equal(checksum_of(bytes_of(octets, sizeof(octets))), (uint16_t)~0xddf2);
}

static void every_length_and_alignment_agrees_with_the_plain_sum(void **state)
{
	struct guarded page = guarded_new();
	uint8_t octets[400];

	(void)state;
	fill(octets, sizeof(octets), 1);
	for (size_t from = 0; from < 9; from++) {
		for (size_t len = 0; len + from <= sizeof(octets); len++) {
			struct bytes all = guarded_bytes(&page, bytes_of(octets, from + len));
			struct bytes some = bytes_after(all, from);

			assert_int_equal(checksum_of(some), slow_checksum(some));
		}
	}
	guarded_free(&page);
}

static void the_largest_packets_do_not_overflow_the_sum(void **state)
{
	enum { LEN = 1 << 20 };
	uint8_t *octets = malloc(LEN);

	(void)state;
	assert_non_null(octets);
	memset(octets, 0xff, LEN);
	assert_int_equal(checksum_of(bytes_of(octets, LEN)), 0);
	octets[LEN - 1] = 0xfe;
	assert_int_equal(checksum_of(bytes_of(octets, LEN)), 1);
	fill(octets, LEN, 2);
	assert_int_equal(checksum_of(bytes_of(octets, LEN - 1)),
	                 slow_checksum(bytes_of(octets, LEN - 1)));
	free(octets);
}

static void check_tcp(const char *source, const char *destination)
{
	uint8_t whole[40 + 77] = { 0 };
	struct address from;
	struct address to;
	size_t len;

	assert_true(address_parse(&from, source));
	assert_true(address_parse(&to, destination));
	len = address_len(&from);
	memcpy(whole, from.octets, len);
	memcpy(whole + len, to.octets, len);
	if (len == 4) {
		whole[2 * len + 1] = 6;
		put_u16(whole + 2 * len + 2, 77);
	} else {
		put_u32(whole + 2 * len, 77);
		whole[2 * len + 7] = 6;
	}
	len = 2 * len + (len == 4 ? 4 : 8);
	fill(whole + len, 77, 3);
	assert_int_equal(checksum_of_tcp(&from, &to, bytes_of(whole + len, 77)),
	                 slow_checksum(bytes_of(whole, len + 77)));
}

static void the_pseudo_header_counts(void **state)
{
	(void)state;
	check_tcp("192.0.2.2", "198.51.100.25");
	check_tcp("2001:db8::2", "2001:db8:25::25");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc_adds_up),
		cmocka_unit_test(every_length_and_alignment_agrees_with_the_plain_sum),
		cmocka_unit_test(the_largest_packets_do_not_overflow_the_sum),
		cmocka_unit_test(the_pseudo_header_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
