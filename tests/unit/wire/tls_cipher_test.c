/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tls_cipher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LINE_MAX_LEN = 256 };

/* OpenSSL's list of all it knows, each with its number, its authentication and its encryption. */
static void openssl_says_the_same_of_each_suite_that_it_knows(void **state)
{
	FILE *list = popen("openssl ciphers -V 'ALL:COMPLEMENTOFALL:eNULL:@SECLEVEL=0'", "r");
	char line[LINE_MAX_LEN];
	size_t anonymous = 0;
	size_t null = 0;
	size_t count = 0;

	(void)state;
	assert_non_null(list);
	while (fgets(line, sizeof(line), list)) {
		unsigned high;
		unsigned low;
		uint16_t suite;

		assert_int_equal(sscanf(line, " 0x%x,0x%x", &high, &low), 2);
		suite = (uint16_t)(high << 8 | low);
		if (tls_cipher_is_anonymous(suite) != (strstr(line, "Au=None") != NULL) ||
		    tls_cipher_is_null(suite) != (strstr(line, "Enc=None") != NULL))
			fail_msg("%s", line);
		anonymous += tls_cipher_is_anonymous(suite);
		null += tls_cipher_is_null(suite);
		count++;
	}
	pclose(list);
	assert_true(anonymous >= 10 && null >= 10 && count > 100);
}

static void suites_that_are_in_no_library_any_more_are_known_as_well(void **state)
{
	(void)state;
	assert_true(tls_cipher_is_anonymous(0x0000)); /* TLS_NULL_WITH_NULL_NULL */
	assert_true(tls_cipher_is_null(0x0000));
	assert_true(tls_cipher_is_anonymous(0x0017)); /* TLS_DH_anon_EXPORT_WITH_RC4_40_MD5 */
	assert_true(tls_cipher_is_anonymous(0x0019)); /* TLS_DH_anon_EXPORT_WITH_DES40_CBC_SHA */
	assert_true(tls_cipher_is_anonymous(0xc046)); /* TLS_DH_anon_WITH_ARIA_128_CBC_SHA256 */
	assert_true(tls_cipher_is_anonymous(0xc05b)); /* TLS_DH_anon_WITH_ARIA_256_GCM_SHA384 */
	assert_true(tls_cipher_is_anonymous(0xc084)); /* TLS_DH_anon_WITH_CAMELLIA_128_GCM_SHA256 */
	assert_true(tls_cipher_is_null(0xc0b4));      /* TLS_SHA256_SHA256, TLS 1.3 */
	assert_false(tls_cipher_is_anonymous(0x1301));
	assert_false(tls_cipher_is_null(0x1301));
	assert_false(tls_cipher_is_anonymous(0x00ff)); /* signals of a client, no suites */
	assert_false(tls_cipher_is_anonymous(0x5600));
	assert_false(tls_cipher_is_null(0x5600));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openssl_says_the_same_of_each_suite_that_it_knows),
		cmocka_unit_test(suites_that_are_in_no_library_any_more_are_known_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
