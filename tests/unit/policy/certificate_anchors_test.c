/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/policy/certificate_world.h"

/* The file of authorities. */

static void a_file_of_authorities_is_whole_or_refused(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} wrong[] = {
		{ "nothing\n", "no certificate is in it (PEM is asked for)" },
		{ "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
		  "certificate 1 in it is malformed (PEM is asked for)" },
		{ "-----BEGIN CERTIFICATE-----\nMAA=\n",
		  "certificate 1 in it is malformed (PEM is asked for)" },
	};
	char why[CERTIFICATE_WHY_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_null(certificate_anchors_new(bytes_of_string(wrong[i].text), why));
		assert_string_equal(why, wrong[i].why);
	}
}

static void an_authority_is_found_by_its_key_where_there_is_room_for_it(void **state)
{
	struct identity one = world_make(&(struct wanted){ .common_name = "a", .is_authority = 1 });
	struct identity two = world_make(&(struct wanted){ .common_name = "b", .is_authority = 1 });
	struct certificate_anchors *anchors =
		world_anchors((const struct identity *[]){ &one, &two }, 2);
	unsigned char *key = NULL;
	uint8_t digest[KEY_DIGEST_LEN], der[2048], expected[2048];
	uint8_t *at = expected;
	size_t len = (size_t)i2d_X509(two.certificate, &at);
	size_t key_len = (size_t)i2d_PUBKEY(two.key, &key);

	(void)state;
	EVP_Digest(key, key_len, digest, NULL, EVP_sha256(), NULL);
	assert_int_equal(certificate_anchors_find(der, sizeof(der), anchors, digest), len);
	assert_memory_equal(der, expected, len);
	assert_int_equal(certificate_anchors_find(der, len, anchors, digest), len);
	assert_int_equal(certificate_anchors_find(der, len - 1, anchors, digest), 0);
	digest[0] ^= 1;
	assert_int_equal(certificate_anchors_find(der, sizeof(der), anchors, digest), 0);
	OPENSSL_free(key);
	certificate_anchors_free(anchors);
	world_drop(&one);
	world_drop(&two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_of_authorities_is_whole_or_refused),
		cmocka_unit_test(an_authority_is_found_by_its_key_where_there_is_room_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
