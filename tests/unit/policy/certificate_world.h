/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_CERTIFICATE_WORLD_H
#define HOPGUARD_TESTS_CERTIFICATE_WORLD_H

/* Certificates made on the spot, as a moment in WORLD_NOW_S sees them: so none of them runs out. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "base/bytes.h"
#include "policy/certificate.h"
#include "verdict/key_rule.h"

enum { WORLD_NOW_S = 1790000000, WORLD_DAY_S = 86400, WORLD_CHAIN_MAX = 64 * 1024 };

struct identity {
	EVP_PKEY *key;
	X509 *certificate;
};

/* Zero is the default of each. */
struct wanted {
	const char *common_name;       /* default: none */
	const char *names;             /* as OpenSSL writes subjectAltName: "DNS:mx.example.org" */
	const struct identity *issuer; /* default: itself */
	EVP_PKEY *key;                 /* default: a new one on P-256 */
	bool is_authority;
	const char *constraints; /* nameConstraints */
	const char *purpose;     /* extendedKeyUsage */
	const EVP_MD *digest;    /* default: SHA-256 */
	int64_t from_s, until_s; /* default: a year around WORLD_NOW_S */
};

static inline void world_add_extension(X509 *certificate, int kind, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static inline void world_set_time(ASN1_TIME *time, int64_t time_s)
{
	assert_non_null(ASN1_TIME_set(time, (time_t)time_s));
}

/* The identity's key is its own, also where one was given. */
static inline struct identity world_make(const struct wanted *wanted)
{
	static long serial = 1000;
	struct identity made = { .certificate = X509_new() };
	const struct identity *issuer = wanted->issuer ? wanted->issuer : &made;
	X509_NAME *subject = X509_get_subject_name(made.certificate);
	const EVP_MD *digest = wanted->digest ? wanted->digest : EVP_sha256();

	made.key = wanted->key ? wanted->key : EVP_EC_gen("P-256");
	if (wanted->key)
		EVP_PKEY_up_ref(wanted->key);
	if (EVP_PKEY_is_a(issuer->key, "ED25519") || EVP_PKEY_is_a(issuer->key, "ED448"))
		digest = NULL;
	X509_set_version(made.certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), serial++);
	if (wanted->common_name)
		X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
		                           (const unsigned char *)wanted->common_name, -1, -1, 0);
	X509_set_issuer_name(made.certificate, X509_get_subject_name(issuer->certificate));
	world_set_time(X509_getm_notBefore(made.certificate),
	               wanted->from_s ? wanted->from_s : WORLD_NOW_S - 180 * WORLD_DAY_S);
	world_set_time(X509_getm_notAfter(made.certificate),
	               wanted->until_s ? wanted->until_s : WORLD_NOW_S + 180 * WORLD_DAY_S);
	X509_set_pubkey(made.certificate, made.key);
	world_add_extension(made.certificate, NID_basic_constraints,
	                    wanted->is_authority ? "critical,CA:TRUE" : "CA:FALSE");
	if (wanted->names)
		world_add_extension(made.certificate, NID_subject_alt_name, wanted->names);
	if (wanted->constraints)
		world_add_extension(made.certificate, NID_name_constraints, wanted->constraints);
	if (wanted->purpose)
		world_add_extension(made.certificate, NID_ext_key_usage, wanted->purpose);
	assert_true(X509_sign(made.certificate, issuer->key, digest) > 0);
	return made;
}

static inline void world_drop(struct identity *identity)
{
	EVP_PKEY_free(identity->key);
	X509_free(identity->certificate);
	*identity = (struct identity){ 0 };
}

/* A Certificate message's list, as it goes over the wire. */
struct sent {
	size_t len;
	uint8_t octets[WORLD_CHAIN_MAX];
};

static inline void world_send_octets(struct sent *sent, struct bytes der)
{
	assert_true(der.len + 3 <= sizeof(sent->octets) - sent->len);
	sent->octets[sent->len] = (uint8_t)(der.len >> 16);
	put_u16(sent->octets + sent->len + 1, (uint16_t)der.len);
	memcpy(sent->octets + sent->len + 3, der.data, der.len);
	sent->len += 3 + der.len;
}

static inline void world_send(struct sent *sent, const struct identity *identity)
{
	unsigned char *der = NULL;
	int len = i2d_X509(identity->certificate, &der);

	assert_true(len > 0);
	world_send_octets(sent, bytes_of(der, (size_t)len));
	OPENSSL_free(der);
}

static inline struct bytes world_sent(const struct sent *sent)
{
	return bytes_of(sent->octets, sent->len);
}

/* What a record of that selector and matching type holds. */
struct association {
	size_t len;
	uint8_t octets[4096];
};

static inline struct association world_association(const struct identity *identity,
                                                   unsigned selector, unsigned matching)
{
	struct association association = { 0 };
	unsigned char *der = NULL;
	int len = selector == 0 ? i2d_X509(identity->certificate, &der)
	                        : i2d_PUBKEY(identity->key, &der);
	unsigned digest_len = 0;

	assert_in_range(len, 1, sizeof(association.octets));
	if (matching == 0)
		memcpy(association.octets, der, (size_t)len);
	else
		assert_int_equal(EVP_Digest(der, (size_t)len, association.octets, &digest_len,
		                            matching == 1 ? EVP_sha256() : EVP_sha512(), NULL),
		                 1);
	association.len = matching == 0 ? (size_t)len : digest_len;
	OPENSSL_free(der);
	return association;
}

static inline struct certificate_anchors *world_anchors(const struct identity *const *identities,
                                                        size_t count)
{
	char why[CERTIFICATE_WHY_MAX];
	struct certificate_anchors *anchors;
	BIO *pem = BIO_new(BIO_s_mem());
	char *text;
	long len;

	for (size_t i = 0; i < count; i++)
		assert_int_equal(PEM_write_bio_X509(pem, identities[i]->certificate), 1);
	len = BIO_get_mem_data(pem, &text);
	anchors = certificate_anchors_new(bytes_of(text, (size_t)len), why);
	assert_non_null(anchors);
	assert_int_equal(certificate_anchors_count(anchors), count);
	BIO_free(pem);
	return anchors;
}

static inline struct key_rule world_pkix(const char *names)
{
	return (struct key_rule){ .kind = KEY_RULE_PKIX,
		                  .source = SOURCE_MTA_STS,
		                  .names = bytes_of_string(names) };
}

static inline struct bytes world_rules(const struct key_rules *rules)
{
	return bytes_of(rules->octets, rules->len);
}

#endif
