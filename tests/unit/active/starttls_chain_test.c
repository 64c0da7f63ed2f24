/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "active/starttls_chain.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct scene {
	EVP_PKEY *key;
	STACK_OF(X509) * chain;
	struct starttls_result result;
};

static int open_scene(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	scene->key = EVP_EC_gen("P-256");
	scene->chain = sk_X509_new_null();
	*state = scene;
	return scene->key && scene->chain ? 0 : -1;
}

static int close_scene(void **state)
{
	struct scene *scene = *state;

	sk_X509_pop_free(scene->chain, X509_free);
	EVP_PKEY_free(scene->key);
	free(scene);
	return 0;
}

static void set_name(X509_NAME *name, const char *text)
{
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)text, -1, -1,
	                           0);
}

static void push(struct scene *scene, const char *subject, const char *issuer)
{
	X509 *certificate = X509_new();

	set_name(X509_get_subject_name(certificate), subject);
	set_name(X509_get_issuer_name(certificate), issuer);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 60);
	X509_set_pubkey(certificate, scene->key);
	assert_true(X509_sign(certificate, scene->key, EVP_sha256()) > 0);
	sk_X509_push(scene->chain, certificate);
}

/* Pairs of subject and issuer, a letter each: "ab bc" is a, issued by b, then b, issued by c. */
static const struct starttls_result *keep(struct scene *scene, const char *pairs)
{
	for (const char *at = pairs; *at; at += at[2] ? 3 : 2) {
		const char subject[2] = { at[0] }, issuer[2] = { at[1] };

		push(scene, subject, issuer);
	}
	memset(&scene->result, 0, sizeof(scene->result));
	starttls_chain_keep(&scene->result, scene->chain);
	sk_X509_pop_free(scene->chain, X509_free);
	scene->chain = sk_X509_new_null();
	return &scene->result;
}

static void certificates_are_in_order_or_not_whatever_their_number(void **state)
{
	static const struct {
		const char *pairs;
		bool is_disordered;
		bool has_strangers;
		const char *missing;
	} cases[] = {
		{ "ab", false, false, "CN=b" },        { "aa", false, false, "" },
		{ "ab bc", false, false, "CN=c" },     { "ab bc cc", false, false, "" },
		{ "ab cc bc", true, false, "" },       { "ab bc xy", false, true, "CN=c" },
		{ "ab xx", false, true, "CN=b" },      { "ab bc bd", false, false, "CN=c" },
		{ "ab bc cd dd xx", false, true, "" }, { "ab cd bc", true, false, "CN=d" },
		{ "ab ba", false, false, "" },         { "ab bc cb", false, false, "" },
		{ "ab xy yz", false, true, "CN=b" },   { "aa aa", false, false, "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct starttls_result *result = keep(*state, cases[i].pairs);

		assert_int_equal(result->is_disordered, cases[i].is_disordered);
		assert_int_equal(result->has_strangers, cases[i].has_strangers);
		assert_string_equal(result->missing_issuer, cases[i].missing);
		assert_int_equal(result->is_root_missing, cases[i].missing[0] != '\0');
	}
}

static void the_leaf_tells_its_kind_and_whether_it_issued_itself(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(keep(scene, "ab")->leaf_key, STARTTLS_KEY_ECDSA);
	assert_true(scene->result.has_leaf);
	assert_false(scene->result.is_self_issued);
	assert_true(keep(scene, "aa")->is_self_issued);
	EVP_PKEY_free(scene->key);
	scene->key = EVP_RSA_gen(2048);
	assert_int_equal(keep(scene, "ab")->leaf_key, STARTTLS_KEY_RSA);
	assert_string_equal(starttls_key_name(scene->result.leaf_key), "RSA");
}

/* Of a leaf with that key, whoever signed it. */
static enum starttls_key kind_of(struct scene *scene, const char *algorithm)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, algorithm);

	assert_non_null(key);
	push(scene, "a", "b");
	assert_int_equal(X509_set_pubkey(sk_X509_value(scene->chain, 0), key), 1);
	EVP_PKEY_free(key);
	return keep(scene, "")->leaf_key;
}

static void a_key_that_is_neither_rsa_nor_ecdsa_is_told_as_well(void **state)
{
	assert_int_equal(kind_of(*state, "ED25519"), STARTTLS_KEY_EDDSA);
	assert_int_equal(kind_of(*state, "ED448"), STARTTLS_KEY_EDDSA);
	assert_int_equal(kind_of(*state, "X25519"), STARTTLS_KEY_OTHER);
	assert_true(((struct scene *)*state)->result.has_leaf);
}

static void without_certificates_nothing_is_known(void **state)
{
	const struct starttls_result *result = keep(*state, "");

	assert_false(result->has_leaf);
	assert_int_equal(result->certificate_count, 0);
	assert_false(result->is_root_missing);
	memset(&((struct scene *)*state)->result, 0, sizeof(*result));
	starttls_chain_keep(&((struct scene *)*state)->result, NULL);
	assert_false(result->has_leaf);
}

static void what_has_no_room_is_not_kept_and_counts_for_nothing(void **state)
{
	struct scene *scene = *state;
	const struct starttls_result *result;

	push(scene, "a", "b");
	for (size_t i = 0; i < 400; i++)
		push(scene, "x", "y");
	result = keep(scene, "");
	assert_in_range(result->certificate_count, 50, 399);
	assert_in_range(result->chain_len, 60 * 1024, STARTTLS_CHAIN_MAX);
	assert_true(result->has_strangers);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(certificates_are_in_order_or_not_whatever_their_number),
		TEST(the_leaf_tells_its_kind_and_whether_it_issued_itself),
		TEST(a_key_that_is_neither_rsa_nor_ecdsa_is_told_as_well),
		TEST(without_certificates_nothing_is_known),
		TEST(what_has_no_room_is_not_kept_and_counts_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
