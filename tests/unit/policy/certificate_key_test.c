/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/certificate_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "unit/guarded.h"

struct fixture {
	struct guarded guarded;
	EVP_PKEY *key;
	uint8_t der[2048];
	size_t len;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	X509 *certificate = X509_new();
	unsigned char *at = fixture->der;
	int len;

	fixture->guarded = guarded_new();
	fixture->key = EVP_EC_gen("P-256");
	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, fixture->key);
	X509_sign(certificate, fixture->key, EVP_sha256());
	len = i2d_X509(certificate, NULL);
	assert_in_range(len, 1, sizeof(fixture->der) - 1);
	fixture->len = (size_t)i2d_X509(certificate, &at);
	X509_free(certificate);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	EVP_PKEY_free(fixture->key);
	guarded_free(&fixture->guarded);
	free(fixture);
	return 0;
}

static bool digest_of(struct fixture *fixture, uint8_t digest[CERTIFICATE_KEY_LEN], size_t len)
{
	return certificate_key_digest(
		digest, guarded_bytes(&fixture->guarded, bytes_of(fixture->der, len)));
}

static void the_digest_is_that_of_the_public_key_as_tlsa_has_it(void **state)
{
	struct fixture *fixture = *state;
	uint8_t digest[CERTIFICATE_KEY_LEN], want[CERTIFICATE_KEY_LEN];
	unsigned char *spki = NULL;
	int len = i2d_PUBKEY(fixture->key, &spki);

	assert_true(len > 0);
	assert_int_equal(EVP_Digest(spki, (size_t)len, want, NULL, EVP_sha256(), NULL), 1);
	OPENSSL_free(spki);
	assert_true(digest_of(fixture, digest, fixture->len));
	assert_memory_equal(digest, want, sizeof(want));
}

static void what_is_cut_or_has_something_behind_it_is_no_certificate(void **state)
{
	struct fixture *fixture = *state;
	uint8_t digest[CERTIFICATE_KEY_LEN];

	for (size_t len = 0; len < fixture->len; len++)
		assert_false(digest_of(fixture, digest, len));
	assert_false(digest_of(fixture, digest, fixture->len + 1));
}

static void garbage_is_no_certificate(void **state)
{
	struct fixture *fixture = *state;
	uint8_t digest[CERTIFICATE_KEY_LEN];

	memset(fixture->der, 0x30, 100);
	assert_false(digest_of(fixture, digest, 100));
	memset(fixture->der, 0xff, 100);
	assert_false(digest_of(fixture, digest, 100));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_digest_is_that_of_the_public_key_as_tlsa_has_it),
		TEST(what_is_cut_or_has_something_behind_it_is_no_certificate),
		TEST(garbage_is_no_certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
