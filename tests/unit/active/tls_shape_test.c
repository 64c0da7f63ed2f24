/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "active/tls_shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <openssl/ssl.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "wire/tls_hello.h"

enum { HELLO_MAX = 2048, RECORD_HEAD_LEN = 5, MESSAGE_HEAD_LEN = 4, GROUPS = 10, SIGNATURES = 13 };

struct hello {
	uint8_t octets[HELLO_MAX];
	struct tls_client_hello parsed;
};

/* The ClientHello that OpenSSL makes of a shape. */
static void say_hello(struct hello *hello, const struct tls_shape *shape)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	BIO *out = BIO_new(BIO_s_mem());
	SSL *connection;
	int len;

	assert_int_equal(tls_shape_apply(context, shape), 0);
	connection = SSL_new(context);
	SSL_set_bio(connection, BIO_new(BIO_s_mem()), out);
	assert_int_equal(SSL_connect(connection), -1);
	len = BIO_read(out, hello->octets, sizeof(hello->octets));
	assert_true(len > RECORD_HEAD_LEN + MESSAGE_HEAD_LEN);
	assert_int_equal(
		tls_client_hello_parse(&hello->parsed,
	                               bytes_of(hello->octets + RECORD_HEAD_LEN + MESSAGE_HEAD_LEN,
	                                        (size_t)len - RECORD_HEAD_LEN - MESSAGE_HEAD_LEN)),
		PARSE_OK);
	SSL_free(connection);
	SSL_CTX_free(context);
}

/* The body of an extension; empty when there is none. */
static struct bytes find_extension(const struct hello *hello, uint16_t wanted)
{
	struct bytes suites = hello->parsed.cipher_suites;
	struct cursor cursor = cursor_over(
		bytes_of(suites.data + suites.len,
	                 HELLO_MAX - (size_t)(suites.data - hello->octets) - suites.len));
	struct cursor list;

	(void)cursor_vector8(&cursor);
	list = cursor_over(cursor_vector16(&cursor));
	while (cursor_left(&list) > 0) {
		uint16_t type = cursor_u16(&list);
		struct bytes body = cursor_vector16(&list);

		if (type == wanted)
			return body;
	}
	return (struct bytes){ 0 };
}

/* Of two octets each. */
static void assert_numbers(struct bytes list, const uint16_t *numbers, size_t count)
{
	struct cursor cursor = cursor_over(list);

	for (size_t i = 0; i < count; i++)
		assert_int_equal(cursor_u16(&cursor), numbers[i]);
	assert_true(cursor_finished(&cursor));
}

static void a_hello_has_the_ciphers_groups_and_signatures_of_its_shape_in_their_order(void **state)
{
	static const struct tls_shape shape = {
		.version_min = 0x0301,
		.version_max = 0x0304,
		.cipher_count = 6,
		.ciphers = { 0xc02f, 0x0a0a, 0x1303, 0x1301, 0x002f, 0x0034 },
		.group_count = 5,
		.groups = { 0x6399, 24, 29, 24, 23 },
		.signature_count = 6,
		.signatures = { 0x0503, 0x0fff, 0x0804, 0x0401, 0x0201, 0x0804 },
	};
	static const uint16_t ciphers[] = { 0x1303, 0x1301, 0xc02f, 0x002f, 0x0034, 0x00ff };
	static const uint16_t groups[] = { 24, 29, 23 };
	static const uint16_t signatures[] = { 0x0503, 0x0804, 0x0401, 0x0201 };
	struct hello hello;

	(void)state;
	say_hello(&hello, &shape);
	assert_numbers(hello.parsed.cipher_suites, ciphers, 6);
	assert_numbers(bytes_after(find_extension(&hello, GROUPS), 2), groups, 3);
	assert_numbers(bytes_after(find_extension(&hello, SIGNATURES), 2), signatures, 4);
	assert_int_equal(hello.parsed.version_max, 0x0304);
}

static void a_bound_of_versions_holds(void **state)
{
	static const struct tls_shape shape = { .version_min = 0x0301, .version_max = 0x0302 };
	struct hello hello;

	(void)state;
	say_hello(&hello, &shape);
	assert_int_equal(hello.parsed.version_max, 0x0302);
}

static void without_a_shape_all_is_offered_but_anonymous_ciphers(void **state)
{
	static const struct tls_shape shape = { .cipher_count = 0 };
	struct hello hello;
	uint16_t version;
	struct cursor versions;
	bool has_oldest = false;

	(void)state;
	say_hello(&hello, &shape);
	assert_int_equal(hello.parsed.version_max, 0x0304);
	assert_false(hello.parsed.offers_anonymous);
	assert_false(hello.parsed.offers_null);
	versions = cursor_over(bytes_after(find_extension(&hello, 43), 1));
	while (cursor_left(&versions) > 0) {
		version = cursor_u16(&versions);
		has_oldest |= version == 0x0301;
	}
	assert_true(has_oldest);
}

static void ciphers_that_are_added_stand_behind_all_others(void **state)
{
	static const struct tls_shape shape = { .version_max = 0x0303, .adds_anonymous = true };
	static const struct tls_shape none = { .version_max = 0x0303 };
	struct hello with, without;
	struct bytes all, front;

	(void)state;
	say_hello(&with, &shape);
	say_hello(&without, &none);
	assert_true(with.parsed.offers_anonymous);
	assert_false(with.parsed.offers_null);
	/* Less the last, which is no cipher (RFC 5746 section 3.3). */
	all = without.parsed.cipher_suites;
	front = bytes_slice(with.parsed.cipher_suites, 0, all.len - 2);
	assert_true(with.parsed.cipher_suites.len > all.len);
	assert_true(bytes_equal(front, bytes_slice(all, 0, all.len - 2)));
}

static void a_shape_of_which_nothing_is_known_is_as_none(void **state)
{
	static const struct tls_shape strange = {
		.cipher_count = 1,
		.ciphers = { 0xfafa },
		.group_count = 1,
		.groups = { 0xfafa },
		.signature_count = 1,
		.signatures = { 0xfafa },
	};
	static const struct tls_shape none = { .cipher_count = 0 };
	struct hello with, without;

	(void)state;
	say_hello(&with, &strange);
	say_hello(&without, &none);
	assert_true(with.parsed.cipher_suites.len > 20);
	assert_true(bytes_equal(with.parsed.cipher_suites, without.parsed.cipher_suites));
	assert_true(bytes_equal(find_extension(&with, GROUPS), find_extension(&without, GROUPS)));
	assert_true(bytes_equal(find_extension(&with, SIGNATURES),
	                        find_extension(&without, SIGNATURES)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_hello_has_the_ciphers_groups_and_signatures_of_its_shape_in_their_order),
		cmocka_unit_test(a_bound_of_versions_holds),
		cmocka_unit_test(without_a_shape_all_is_offered_but_anonymous_ciphers),
		cmocka_unit_test(ciphers_that_are_added_stand_behind_all_others),
		cmocka_unit_test(a_shape_of_which_nothing_is_known_is_as_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
