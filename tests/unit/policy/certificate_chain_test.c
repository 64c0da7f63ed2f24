/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/policy/certificate_fixture.h"
#include "wire/tls_certificate.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>

/* What is read of certificates, what is shown of them, and what no certificate should be. */

static void what_the_certificate_says_is_told(void **state)
{
	struct world *world = *state;
	struct association leaf = world_association(&world->leaf, 1, 1);
	struct association root = world_association(&world->root, 1, 1);
	const struct key_seen *seen = &world->finding.seen;

	send_chain(world, &world->leaf, &world->issuer);
	ask_pkix(world, "mx.example.org");
	assert_int_equal(check(world), KEY_MET);
	assert_true(seen->has_leaf);
	assert_memory_equal(seen->leaf_digest, leaf.octets, KEY_DIGEST_LEN);
	assert_true(seen->has_anchor);
	assert_memory_equal(seen->anchor_digest, root.octets, KEY_DIGEST_LEN);
	assert_string_equal(seen->names, "mx.example.org *.mail.example.org");
	assert_string_equal(seen->issuer, "CN=issuer");
	assert_int_equal(seen->not_before_s, WORLD_NOW_S - 180 * WORLD_DAY_S);
	assert_int_equal(seen->not_after_s, WORLD_NOW_S + 180 * WORLD_DAY_S);
}

/* A leaf whose only alternative name is these octets, or whose common name they are. */
static struct identity leaf_named(struct world *world, struct bytes name, bool is_common)
{
	struct identity made = world_make(&(struct wanted){ .issuer = &world->issuer });
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	GENERAL_NAME *general = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();

	ASN1_STRING_set(text, name.data, (int)name.len);
	GENERAL_NAME_set0_value(general, GEN_DNS, text);
	sk_GENERAL_NAME_push(names, general);
	if (is_common)
		X509_NAME_add_entry_by_NID(X509_get_subject_name(made.certificate), NID_commonName,
		                           MBSTRING_ASC, name.data, (int)name.len, -1, 0);
	else
		X509_add1_ext_i2d(made.certificate, NID_subject_alt_name, names, 0, 0);
	GENERAL_NAMES_free(names);
	assert_true(X509_sign(made.certificate, world->issuer.key, EVP_sha256()) > 0);
	return made;
}

static void a_nul_does_not_end_a_name_and_nothing_unprintable_is_told(void **state)
{
	static const char nul[] = "mx.example.org\0.evil.example";
	static const char ugly[] = "mx.example.org\r\n\x1b[31m \xff\"";
	struct world *world = *state;
	struct identity leaf;

	for (int is_common = 0; is_common < 2; is_common++) {
		leaf = leaf_named(world, bytes_of(nul, sizeof(nul) - 1), is_common);
		send_chain(world, &leaf, &world->issuer);
		ask_pkix(world, "mx.example.org");
		assert_int_equal(check(world), KEY_NAME_MISMATCH);
		assert_string_equal(world->finding.seen.names, "mx.example.org?.evil.example");
		world_drop(&leaf);
	}
	leaf = leaf_named(world, bytes_of(ugly, sizeof(ugly) - 1), false);
	send_chain(world, &leaf, &world->issuer);
	assert_int_equal(check(world), KEY_NAME_MISMATCH);
	assert_string_equal(world->finding.seen.names, "mx.example.org????31m???");
	world_drop(&leaf);
}

static void a_thousand_names_are_looked_at_and_a_few_are_told(void **state)
{
	enum { NAME_ROOM = 24 };
	struct world *world = *state;
	char *names = calloc(CERTIFICATE_NAMES_MAX + 2, NAME_ROOM);
	size_t len = 0;

	for (int i = 0; i < CERTIFICATE_NAMES_MAX + 1; i++) {
		len += (size_t)sprintf(names + len, "%sDNS:h%d.example.org", i > 0 ? "," : "", i);
		if (i + 1 == 1000) {
			assert_int_equal(check_leaf(world, &(struct wanted){ .names = names },
			                            "h999.example.org"),
			                 KEY_MET);
			assert_string_equal(world->finding.matched, "h999.example.org");
			assert_non_null(strstr(world->finding.seen.names, "h0.example.org h1."));
			assert_non_null(strstr(world->finding.seen.names, " +98"));
		}
	}
	assert_int_equal(check_leaf(world, &(struct wanted){ .names = names }, "h0.example.org"),
	                 KEY_NAME_MISMATCH);
	assert_string_equal(world->finding.why,
	                    "it has more than 2000 names, which are not looked at");
	free(names);
}

static void order_and_number_of_what_else_was_sent_do_not_matter(void **state)
{
	struct world *world = *state;

	ask_pkix(world, "mx.example.org");
	send_chain(world, &world->leaf, &world->root);
	for (int i = 0; i < 60; i++)
		world_send(&world->sent, i % 2 ? &world->root : &world->leaf);
	world_send(&world->sent, &world->issuer);
	assert_int_equal(check(world), KEY_MET);
	for (int i = 0; i < 60; i++)
		world_send(&world->sent, &world->root);
	assert_int_equal(check(world), KEY_MET);
}

static void what_stands_behind_the_hundredth_is_not_looked_at(void **state)
{
	struct world *world = *state;

	ask_pkix(world, "mx.example.org");
	send_chain(world, &world->leaf, &world->root);
	for (int i = 0; i < TLS_CERTIFICATES_MAX; i++)
		world_send(&world->sent, &world->root);
	world_send(&world->sent, &world->issuer);
	assert_int_equal(check(world), KEY_UNTRUSTED);
}

/* Not of a size that is worth generating: any odd number is a modulus. */
static EVP_PKEY *huge_key(void)
{
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *modulus = BN_new();
	OSSL_PARAM *parts;
	EVP_PKEY *made = NULL;

	BN_set_bit(modulus, CERTIFICATE_RSA_BITS_MAX);
	BN_set_bit(modulus, 0);
	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus);
	OSSL_PARAM_BLD_push_ulong(builder, OSSL_PKEY_PARAM_RSA_E, RSA_F4);
	parts = OSSL_PARAM_BLD_to_param(builder);
	assert_int_equal(EVP_PKEY_fromdata_init(maker), 1);
	assert_int_equal(EVP_PKEY_fromdata(maker, &made, EVP_PKEY_PUBLIC_KEY, parts), 1);
	OSSL_PARAM_free(parts);
	OSSL_PARAM_BLD_free(builder);
	EVP_PKEY_CTX_free(maker);
	BN_free(modulus);
	return made;
}

static void keys_that_cost_too_much_are_not_verified(void **state)
{
	struct world *world = *state;
	EVP_PKEY *explicit_key = EVP_EC_gen("P-256"), *huge = huge_key();
	EVP_PKEY *const keys[] = { huge, explicit_key };

	EVP_PKEY_set_utf8_string_param(explicit_key, "encoding", "explicit");
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(check_leaf(world,
		                            &(struct wanted){ .names = "DNS:mx.example.org",
		                                              .key = keys[i] },
		                            "mx.example.org"),
		                 KEY_UNREADABLE);
		assert_true(world->finding.seen.has_leaf);
		EVP_PKEY_free(keys[i]);
	}
}

static void what_is_cut_or_malformed_is_unreadable(void **state)
{
	struct world *world = *state;
	struct bytes chain;
	size_t len;

	send_chain(world, &world->leaf, &world->issuer);
	ask_pkix(world, "mx.example.org");
	len = world->sent.len;
	chain = guarded_bytes(&world->guarded, world_sent(&world->sent));
	assert_int_equal(check_octets(world, chain), KEY_MET);
	for (size_t cut = 0; cut < len; cut++) {
		enum key_outcome outcome = check_octets(
			world, guarded_bytes(&world->guarded, bytes_of(world->sent.octets, cut)));
		bool is_whole =
			cut == 3 + (size_t)(world->sent.octets[1] << 8 | world->sent.octets[2]);

		assert_int_equal(outcome, is_whole ? KEY_UNTRUSTED : KEY_UNREADABLE);
		assert_true(world->finding.why[0] != '\0');
		assert_int_equal(world->finding.source, SOURCE_MTA_STS);
	}
	/* Something behind the certificate within its own length. */
	world->sent.len = 0;
	world_send(&world->sent, &world->leaf);
	world->sent.octets[world->sent.len++] = 0;
	put_u16(world->sent.octets + 1, (uint16_t)(world->sent.len - 3));
	assert_int_equal(check(world), KEY_UNREADABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_certificate_says_is_told),
		cmocka_unit_test(a_nul_does_not_end_a_name_and_nothing_unprintable_is_told),
		cmocka_unit_test(a_thousand_names_are_looked_at_and_a_few_are_told),
		cmocka_unit_test(order_and_number_of_what_else_was_sent_do_not_matter),
		cmocka_unit_test(what_stands_behind_the_hundredth_is_not_looked_at),
		cmocka_unit_test(keys_that_cost_too_much_are_not_verified),
		cmocka_unit_test(what_is_cut_or_malformed_is_unreadable),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
