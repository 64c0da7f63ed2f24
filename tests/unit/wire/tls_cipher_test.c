/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tls_cipher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LINE_MAX_LEN = 256 };

/* Each suite's number and name: IANA's, and those that were in use without it: for exports, of GOST, and ChaCha20 before its RFC. */
static const char list_path[] = "tests/unit/wire/cipher_suites.txt";

/* What a name says before "_WITH_", without "_EXPORT". */
static const struct {
	const char *name;
	enum tls_exchange exchange;
	enum tls_authentication authentication;
	enum tls_presence certificate;
	enum tls_presence key_exchange;
} kinds[] = {
	{ "NULL", TLS_EXCHANGE_NONE, TLS_AUTHENTICATION_NONE, TLS_OPTIONAL, TLS_OPTIONAL },
	{ "RSA", TLS_EXCHANGE_RSA, TLS_AUTHENTICATION_DECRYPTION, TLS_REQUIRED, TLS_ABSENT },
	{ "DH_DSS", TLS_EXCHANGE_DH, TLS_AUTHENTICATION_DECRYPTION, TLS_REQUIRED, TLS_ABSENT },
	{ "DH_RSA", TLS_EXCHANGE_DH, TLS_AUTHENTICATION_DECRYPTION, TLS_REQUIRED, TLS_ABSENT },
	{ "DH_anon", TLS_EXCHANGE_DHE, TLS_AUTHENTICATION_NONE, TLS_ABSENT, TLS_REQUIRED },
	{ "DHE_DSS", TLS_EXCHANGE_DHE, TLS_AUTHENTICATION_DSS, TLS_REQUIRED, TLS_REQUIRED },
	{ "DHE_RSA", TLS_EXCHANGE_DHE, TLS_AUTHENTICATION_RSA, TLS_REQUIRED, TLS_REQUIRED },
	{ "ECDH_ECDSA", TLS_EXCHANGE_ECDH, TLS_AUTHENTICATION_DECRYPTION, TLS_REQUIRED,
	  TLS_ABSENT },
	{ "ECDH_RSA", TLS_EXCHANGE_ECDH, TLS_AUTHENTICATION_DECRYPTION, TLS_REQUIRED, TLS_ABSENT },
	{ "ECDH_anon", TLS_EXCHANGE_ECDHE, TLS_AUTHENTICATION_NONE, TLS_ABSENT, TLS_REQUIRED },
	{ "ECDHE_ECDSA", TLS_EXCHANGE_ECDHE, TLS_AUTHENTICATION_ECDSA, TLS_REQUIRED, TLS_REQUIRED },
	{ "ECDHE_RSA", TLS_EXCHANGE_ECDHE, TLS_AUTHENTICATION_RSA, TLS_REQUIRED, TLS_REQUIRED },
	{ "PSK", TLS_EXCHANGE_PSK, TLS_AUTHENTICATION_SECRET, TLS_ABSENT, TLS_OPTIONAL },
	{ "DHE_PSK", TLS_EXCHANGE_DHE_PSK, TLS_AUTHENTICATION_SECRET, TLS_ABSENT, TLS_REQUIRED },
	{ "PSK_DHE", TLS_EXCHANGE_DHE_PSK, TLS_AUTHENTICATION_SECRET, TLS_ABSENT, TLS_REQUIRED },
	{ "RSA_PSK", TLS_EXCHANGE_RSA_PSK, TLS_AUTHENTICATION_DECRYPTION, TLS_REQUIRED,
	  TLS_OPTIONAL },
	{ "ECDHE_PSK", TLS_EXCHANGE_ECDHE_PSK, TLS_AUTHENTICATION_SECRET, TLS_ABSENT,
	  TLS_REQUIRED },
	{ "SRP_SHA", TLS_EXCHANGE_SRP, TLS_AUTHENTICATION_SECRET, TLS_ABSENT, TLS_REQUIRED },
	{ "SRP_SHA_RSA", TLS_EXCHANGE_SRP, TLS_AUTHENTICATION_RSA, TLS_REQUIRED, TLS_REQUIRED },
	{ "SRP_SHA_DSS", TLS_EXCHANGE_SRP, TLS_AUTHENTICATION_DSS, TLS_REQUIRED, TLS_REQUIRED },
	{ "KRB5", TLS_EXCHANGE_KRB5, TLS_AUTHENTICATION_SECRET, TLS_ABSENT, TLS_ABSENT },
	{ "ECCPWD", TLS_EXCHANGE_ECCPWD, TLS_AUTHENTICATION_SECRET, TLS_ABSENT, TLS_REQUIRED },
	{ "GOSTR341094", TLS_EXCHANGE_GOST, TLS_AUTHENTICATION_DECRYPTION, TLS_REQUIRED,
	  TLS_ABSENT },
	{ "GOSTR341001", TLS_EXCHANGE_GOST, TLS_AUTHENTICATION_DECRYPTION, TLS_REQUIRED,
	  TLS_ABSENT },
	{ "GOSTR341112_256", TLS_EXCHANGE_GOST, TLS_AUTHENTICATION_DECRYPTION, TLS_REQUIRED,
	  TLS_ABSENT },
};

/* Of TLS 1.3, whose names have none of it. */
static bool is_of_1_3(const char *name)
{
	return !strstr(name, "_WITH_") || strstr(name, "_MGM_");
}

static void check_kind(uint16_t suite, const char *name)
{
	char text[LINE_MAX_LEN];
	char *export;
	size_t i = 0;

	snprintf(text, sizeof(text), "%s", name + 4);
	*strstr(text, "_WITH_") = '\0';
	export = strstr(text, "_EXPORT");
	if (export)
		*export = '\0';
	while (i < sizeof(kinds) / sizeof(kinds[0]) && strcmp(kinds[i].name, text) != 0)
		i++;
	if (i == sizeof(kinds) / sizeof(kinds[0]))
		fail_msg("%s", name);
	/* The key that is encrypted to may be another, signed one. */
	if (export && strcmp(text, "RSA") == 0) {
		assert_int_equal(tls_cipher_exchange(suite), TLS_EXCHANGE_RSA_EXPORT);
		assert_int_equal(tls_cipher_authentication(suite), TLS_AUTHENTICATION_RSA);
		assert_int_equal(tls_cipher_certificate(suite), TLS_REQUIRED);
		assert_int_equal(tls_cipher_key_exchange(suite), TLS_OPTIONAL);
		assert_true(tls_cipher_is_signed(suite));
		return;
	}
	if (tls_cipher_exchange(suite) != kinds[i].exchange ||
	    tls_cipher_authentication(suite) != kinds[i].authentication ||
	    tls_cipher_certificate(suite) != kinds[i].certificate ||
	    tls_cipher_key_exchange(suite) != kinds[i].key_exchange ||
	    tls_cipher_is_signed(suite) != (kinds[i].authentication == TLS_AUTHENTICATION_RSA ||
	                                    kinds[i].authentication == TLS_AUTHENTICATION_DSS ||
	                                    kinds[i].authentication == TLS_AUTHENTICATION_ECDSA))
		fail_msg("%s", name);
}

static void check_strength(uint16_t suite, const char *name)
{
	bool is_export = strstr(name, "EXPORT");
	bool is_null = strstr(name, "_NULL") || strncmp(name, "TLS_SHA", 7) == 0;
	bool is_rc4 = strstr(name, "_RC4_") && !is_export;
	bool is_des = strstr(name, "_DES_CBC") && !is_export;

	if (tls_cipher_is_export(suite) != is_export || tls_cipher_is_null(suite) != is_null ||
	    tls_cipher_is_rc4(suite) != is_rc4 || tls_cipher_is_single_des(suite) != is_des ||
	    tls_cipher_is_weak(suite) != (is_export || is_null || is_rc4 || is_des) ||
	    tls_cipher_is_anonymous(suite) !=
	            (strstr(name, "_anon_") || strstr(name, "TLS_NULL_WITH")))
		fail_msg("%s", name);
}

static void a_suites_number_says_what_its_name_says(void **state)
{
	FILE *list = fopen(list_path, "r");
	char line[LINE_MAX_LEN];
	unsigned expected = 0;
	size_t count = 0;

	(void)state;
	assert_non_null(list);
	while (fgets(line, sizeof(line), list)) {
		char name[LINE_MAX_LEN];
		unsigned suite;

		assert_int_equal(sscanf(line, "%4x %255s", &suite, name), 2);
		for (; expected < suite; expected++) {
			assert_int_equal(tls_cipher_exchange((uint16_t)expected),
			                 TLS_EXCHANGE_UNKNOWN);
			check_strength((uint16_t)expected, "unknown");
		}
		expected = suite + 1;
		check_strength((uint16_t)suite, name);
		if (is_of_1_3(name))
			assert_int_equal(tls_cipher_exchange((uint16_t)suite),
			                 TLS_EXCHANGE_BY_EXTENSIONS);
		else
			check_kind((uint16_t)suite, name);
		count++;
	}
	fclose(list);
	assert_true(count > 350);
}

static void of_an_unknown_suite_any_message_may_come(void **state)
{
	static const uint16_t suites[] = { 0x00ff, 0x5600, 0xfafa, 0xffff };

	(void)state;
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		assert_int_equal(tls_cipher_exchange(suites[i]), TLS_EXCHANGE_UNKNOWN);
		assert_int_equal(tls_cipher_authentication(suites[i]), TLS_AUTHENTICATION_UNKNOWN);
		assert_int_equal(tls_cipher_certificate(suites[i]), TLS_OPTIONAL);
		assert_int_equal(tls_cipher_key_exchange(suites[i]), TLS_OPTIONAL);
		assert_false(tls_cipher_is_signed(suites[i]) || tls_cipher_is_weak(suites[i]));
	}
}

/* As its list has it: Kx=DH(512)… */
static const char *exchange_name(uint16_t suite)
{
	switch (tls_cipher_exchange(suite)) {
	case TLS_EXCHANGE_UNKNOWN:
	case TLS_EXCHANGE_NONE:
	case TLS_EXCHANGE_KRB5:
	case TLS_EXCHANGE_ECCPWD:
		break;
	case TLS_EXCHANGE_RSA:
	case TLS_EXCHANGE_RSA_EXPORT:
		return "Kx=RSA ";
	case TLS_EXCHANGE_DH:
	case TLS_EXCHANGE_DHE:
		return "Kx=DH ";
	case TLS_EXCHANGE_ECDH:
	case TLS_EXCHANGE_ECDHE:
		return "Kx=ECDH ";
	case TLS_EXCHANGE_PSK:
		return "Kx=PSK ";
	case TLS_EXCHANGE_DHE_PSK:
		return "Kx=DHEPSK ";
	case TLS_EXCHANGE_RSA_PSK:
		return "Kx=RSAPSK ";
	case TLS_EXCHANGE_ECDHE_PSK:
		return "Kx=ECDHEPSK ";
	case TLS_EXCHANGE_SRP:
		return "Kx=SRP ";
	case TLS_EXCHANGE_GOST:
		return "Kx=GOST";
	case TLS_EXCHANGE_BY_EXTENSIONS:
		return "Kx=any ";
	}
	return "none of OpenSSL's";
}

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
		    tls_cipher_is_null(suite) != (strstr(line, "Enc=None") != NULL) ||
		    !strstr(line, exchange_name(suite)))
			fail_msg("%s", line);
		anonymous += tls_cipher_is_anonymous(suite);
		null += tls_cipher_is_null(suite);
		count++;
	}
	pclose(list);
	assert_true(anonymous >= 10 && null >= 10 && count > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_suites_number_says_what_its_name_says),
		cmocka_unit_test(of_an_unknown_suite_any_message_may_come),
		cmocka_unit_test(openssl_says_the_same_of_each_suite_that_it_knows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
