/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/tlsa.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Usages 2 and 3, both selectors, digests of their length: nothing else, whatever the three octets say. */
static bool is_usable_digest(unsigned usage, unsigned selector, unsigned matching, size_t len)
{
	return (usage == 2 || usage == 3) && (selector == 0 || selector == 1) &&
	       ((matching == 1 && len == 32) || (matching == 2 && len == 64));
}

static void only_the_assigned_combinations_are_usable(void **state)
{
	static const unsigned values[] = { 0, 1, 2, 3, 4, 5, 127, 254, 255 };
	static const size_t lengths[] = { 0, 1, 31, 32, 33, 48, 63, 64, 65 };
	uint8_t data[65];
	size_t u, s, m, l;

	(void)state;
	memset(data, 0x30, sizeof(data));
	for (u = 0; u < 9; u++) {
		for (s = 0; s < 9; s++) {
			for (m = 0; m < 9; m++) {
				for (l = 0; l < 9; l++) {
					struct tlsa tlsa = {
						.usage = (uint8_t)values[u],
						.selector = (uint8_t)values[s],
						.matching = (uint8_t)values[m],
						.data = bytes_of(data, lengths[l]),
					};

					if (tlsa_is_usable(&tlsa) !=
					    is_usable_digest(values[u], values[s], values[m],
					                     lengths[l]))
						fail_msg("%u %u %u with %zu octets", values[u],
						         values[s], values[m], lengths[l]);
				}
			}
		}
	}
}

/* SubjectPublicKeyInfo { { OID Ed25519 }, BIT STRING } in its shape, with a short key. */
static const uint8_t spki[] = { 0x30, 0x0c, 0x30, 0x05, 0x06, 0x03, 0x2b,
	                        0x65, 0x70, 0x03, 0x03, 0x00, 0xaa, 0xbb };
/* Certificate { SEQUENCE, SEQUENCE, BIT STRING }, the outermost length in its long form. */
static const uint8_t certificate[] = { 0x30, 0x81, 0x0a, 0x30, 0x01, 0x00, 0x30,
	                               0x00, 0x03, 0x03, 0x00, 0xaa, 0xbb };

static bool is_full_usable(unsigned selector, const uint8_t *octets, size_t len)
{
	/* Exactly as long as it is, so that a sanitizer sees what is read behind it. */
	uint8_t *copy = malloc(len ? len : 1);
	struct tlsa tlsa = { .usage = 3, .selector = (uint8_t)selector, .matching = 0 };
	bool is_usable;

	assert_non_null(copy);
	memcpy(copy, octets, len);
	tlsa.data = bytes_of(copy, len);
	is_usable = tlsa_is_usable(&tlsa);
	free(copy);
	return is_usable;
}

static void a_full_record_is_usable_when_it_decodes(void **state)
{
	(void)state;
	assert_true(is_full_usable(1, spki, sizeof(spki)));
	assert_true(is_full_usable(0, certificate, sizeof(certificate)));
	assert_false(is_full_usable(0, spki, sizeof(spki)));
	assert_false(is_full_usable(1, certificate, sizeof(certificate)));
}

static void a_full_record_cut_or_prolonged_is_unusable(void **state)
{
	uint8_t longer[sizeof(spki) + 1] = { 0 };
	size_t len;

	(void)state;
	for (len = 0; len < sizeof(spki); len++)
		assert_false(is_full_usable(1, spki, len));
	for (len = 0; len < sizeof(certificate); len++)
		assert_false(is_full_usable(0, certificate, len));
	memcpy(longer, spki, sizeof(spki));
	assert_false(is_full_usable(1, longer, sizeof(longer)));
	longer[1]++;
	assert_false(is_full_usable(1, longer, sizeof(longer)));
}

static void lengths_without_end_are_unusable(void **state)
{
	static const uint8_t bad[][6] = {
		{ 0x30, 0x80, 0x00, 0x00, 0x00, 0x00 }, /* indefinite: BER only */
		{ 0x30, 0x84, 0xff, 0xff, 0xff, 0xff },
		{ 0x30, 0x83, 0xff, 0xff, 0xff, 0x00 },
		{ 0x30, 0xff, 0x00, 0x00, 0x00, 0x00 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_false(is_full_usable(1, bad[i], sizeof(bad[i])));
}

static void a_record_shorter_than_its_fixed_fields_is_malformed(void **state)
{
	static const uint8_t octets[] = { 3, 1, 1, 0xab };
	struct tlsa tlsa;
	size_t len;

	(void)state;
	for (len = 0; len < 3; len++)
		assert_int_equal(tlsa_parse(&tlsa, bytes_of(octets, len)), PARSE_MALFORMED);
	assert_int_equal(tlsa_parse(&tlsa, bytes_of(octets, 3)), PARSE_OK);
	assert_int_equal(tlsa.data.len, 0);
	assert_int_equal(tlsa_parse(&tlsa, bytes_of(octets, 4)), PARSE_OK);
	assert_int_equal(tlsa.usage, 3);
	assert_int_equal(tlsa.selector, 1);
	assert_int_equal(tlsa.matching, 1);
	assert_int_equal(tlsa.data.len, 1);
	assert_int_equal(tlsa.data.data[0], 0xab);
}

static void the_text_shows_the_fields_and_the_first_octets(void **state)
{
	static const uint8_t data[] = { 0x60, 0xb8, 0x75, 0x01 };
	struct tlsa tlsa = { .usage = 255, .selector = 255, .matching = 255 };
	char text[TLSA_TEXT_MAX];

	(void)state;
	tlsa.data = bytes_of(data, 4);
	assert_string_equal(tlsa_format(text, &tlsa), "255 255 255 60b875...");
	tlsa.data = bytes_of(data, 3);
	assert_string_equal(tlsa_format(text, &tlsa), "255 255 255 60b875");
	tlsa = (struct tlsa){ .usage = 3, .selector = 1, .matching = 1 };
	assert_string_equal(tlsa_format(text, &tlsa), "3 1 1 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_assigned_combinations_are_usable),
		cmocka_unit_test(a_full_record_is_usable_when_it_decodes),
		cmocka_unit_test(a_full_record_cut_or_prolonged_is_unusable),
		cmocka_unit_test(lengths_without_end_are_unusable),
		cmocka_unit_test(a_record_shorter_than_its_fixed_fields_is_malformed),
		cmocka_unit_test(the_text_shows_the_fields_and_the_first_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
