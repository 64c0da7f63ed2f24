/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tls_certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../guarded.h"

/* Three certificates, of two, four and one octets. */
static const uint8_t three[] = { 0, 0,   16,  0,   0,   2, 'a', 'b', 0,  0,
	                         4, 'c', 'd', 'e', 'f', 0, 0,   1,   'g' };

/* How many are read of what is kept, and what ends it. */
static size_t count_of(enum parse_result *end, struct bytes kept, size_t body_len)
{
	struct tls_certificates list;
	struct bytes certificate = { 0 };

	*end = tls_certificates_begin(&list, kept, body_len);
	if (*end != PARSE_OK)
		return 0;
	while (list.left_len > 0) {
		*end = tls_certificates_next(&certificate, &list);
		if (*end != PARSE_OK)
			break;
	}
	return list.count;
}

static void the_certificates_of_a_list_are_given_one_after_the_other(void **state)
{
	static const char *const wanted[] = { "ab", "cdef", "g" };
	struct tls_certificates list;
	struct bytes certificate;

	(void)state;
	assert_int_equal(
		tls_certificates_begin(&list, bytes_of(three, sizeof(three)), sizeof(three)),
		PARSE_OK);
	for (size_t i = 0; i < 3; i++) {
		assert_true(list.left_len > 0);
		assert_int_equal(tls_certificates_next(&certificate, &list), PARSE_OK);
		assert_true(bytes_equal(certificate, bytes_of_string(wanted[i])));
	}
	assert_int_equal(list.left_len, 0);
	assert_int_equal(tls_certificates_next(&certificate, &list), PARSE_MALFORMED);
}

static void of_a_list_that_was_not_kept_whole_the_first_ones_are_given(void **state)
{
	struct guarded page = guarded_new();

	(void)state;
	for (size_t cut = 0; cut <= sizeof(three); cut++) {
		enum parse_result end;
		size_t count =
			count_of(&end, guarded_bytes(&page, bytes_of(three, cut)), sizeof(three));

		assert_int_equal(count, cut < 8 ? 0 : cut < 15 ? 1 : cut < 19 ? 2 : 3);
		assert_int_equal(end, cut < sizeof(three) ? PARSE_MORE : PARSE_OK);
	}
	guarded_free(&page);
}

static void a_list_that_is_not_as_long_as_its_message_is_malformed(void **state)
{
	enum parse_result end;

	(void)state;
	for (size_t body_len = 0; body_len < 2 * sizeof(three); body_len++) {
		(void)count_of(&end, bytes_of(three, sizeof(three)), body_len);
		assert_int_equal(end, body_len == sizeof(three) ? PARSE_OK : PARSE_MALFORMED);
	}
}

static void each_length_that_contradicts_another_is_malformed(void **state)
{
	static const size_t lengths[] = { 0, 3, 8, 15 };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		for (size_t change = 0; change < 3 * 3; change++) {
			static const int changes[] = { 1, -1, 0x80 };
			size_t at = lengths[i] + change / 3;
			uint8_t octets[sizeof(three)];
			enum parse_result end;

			memcpy(octets, three, sizeof(octets));
			octets[at] = (uint8_t)(octets[at] + changes[change % 3]);
			(void)count_of(&end, bytes_of(octets, sizeof(octets)), sizeof(octets));
			if (end != PARSE_MALFORMED)
				fail_msg("octet %zu as %u", at, octets[at]);
		}
	}
}

static void an_empty_list_is_one_and_an_empty_certificate_is_none(void **state)
{
	enum parse_result end;

	(void)state;
	assert_int_equal(count_of(&end, bytes_of("\0\0\0", 3), 3), 0);
	assert_int_equal(end, PARSE_OK);
	assert_int_equal(count_of(&end, bytes_of("\0\0\3\0\0\0", 6), 6), 0);
	assert_int_equal(end, PARSE_MALFORMED);
}

static void a_list_has_so_many_certificates_and_no_more(void **state)
{
	uint8_t octets[3 + (TLS_CERTIFICATES_MAX + 1) * 4] = { 0 };
	size_t len = 3;
	enum parse_result end;

	(void)state;
	for (size_t i = 0; i <= TLS_CERTIFICATES_MAX; i++, len += 4)
		octets[len + 2] = 1;
	put_u16(octets + 1, (uint16_t)(len - 4 - 3));
	assert_int_equal(count_of(&end, bytes_of(octets, len - 4), len - 4), TLS_CERTIFICATES_MAX);
	assert_int_equal(end, PARSE_OK);
	put_u16(octets + 1, (uint16_t)(len - 3));
	assert_int_equal(count_of(&end, bytes_of(octets, len), len), TLS_CERTIFICATES_MAX);
	assert_int_equal(end, PARSE_MALFORMED);
}

static void a_status_is_as_long_as_its_message(void **state)
{
	static const uint8_t status[] = { 1, 0, 0, 3, 'd', 'e', 'r' };
	struct guarded page = guarded_new();

	(void)state;
	for (size_t cut = 0; cut <= sizeof(status); cut++) {
		struct bytes kept = guarded_bytes(&page, bytes_of(status, cut));

		assert_int_equal(tls_certificate_status_check(kept, sizeof(status)),
		                 cut < TLS_CERTIFICATE_STATUS_HEAD_LEN ? PARSE_MORE : PARSE_OK);
	}
	for (size_t len = 0; len < 2 * sizeof(status); len++)
		assert_int_equal(
			tls_certificate_status_check(bytes_of(status, len < 4 ? len : 4), len),
			len == sizeof(status) ? PARSE_OK : PARSE_MALFORMED);
	assert_int_equal(tls_certificate_status_check(bytes_of("\1\0\0\0", 4), 4), PARSE_MALFORMED);
	assert_int_equal(tls_certificate_status_check(bytes_of("\2xx", 3), 3), PARSE_OK);
	guarded_free(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_certificates_of_a_list_are_given_one_after_the_other),
		cmocka_unit_test(of_a_list_that_was_not_kept_whole_the_first_ones_are_given),
		cmocka_unit_test(a_list_that_is_not_as_long_as_its_message_is_malformed),
		cmocka_unit_test(each_length_that_contradicts_another_is_malformed),
		cmocka_unit_test(an_empty_list_is_one_and_an_empty_certificate_is_none),
		cmocka_unit_test(a_list_has_so_many_certificates_and_no_more),
		cmocka_unit_test(a_status_is_as_long_as_its_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
