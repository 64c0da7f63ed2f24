/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "active/starttls_chain.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <string.h>

enum { LENGTH_LEN = 3 };

static enum starttls_key key_of(const X509 *leaf)
{
	const EVP_PKEY *key = X509_get0_pubkey(leaf);

	switch (key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
		return STARTTLS_KEY_RSA;
	case EVP_PKEY_EC:
		return STARTTLS_KEY_ECDSA;
	case EVP_PKEY_ED25519:
	case EVP_PKEY_ED448:
		return STARTTLS_KEY_EDDSA;
	default:
		return STARTTLS_KEY_OTHER;
	}
}

static bool has_issued(const X509 *issuer, const X509 *certificate)
{
	return X509_NAME_cmp(X509_get_subject_name(issuer), X509_get_issuer_name(certificate)) == 0;
}

static void keep_leaf(struct starttls_result *result, const X509 *leaf)
{
	unsigned char *key = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &key);

	if (len > 0)
		result->has_leaf = EVP_Digest(key, (size_t)len, result->leaf_digest, NULL,
		                              EVP_sha256(), NULL) == 1;
	OPENSSL_free(key);
	result->leaf_key = key_of(leaf);
	result->is_self_issued = has_issued(leaf, leaf);
}

/* False: no room for it. */
static bool keep_certificate(struct starttls_result *result, const X509 *certificate)
{
	unsigned char *der = NULL;
	int len = i2d_X509(certificate, &der);
	size_t room = sizeof(result->chain) - result->chain_len;
	uint8_t *at = result->chain + result->chain_len;
	bool fits = len > 0 && (size_t)len + LENGTH_LEN <= room;

	if (fits) {
		at[0] = (uint8_t)((unsigned)len >> 16);
		put_u16(at + 1, (uint16_t)len);
		memcpy(at + LENGTH_LEN, der, (size_t)len);
		result->chain_len += (size_t)len + LENGTH_LEN;
		result->certificate_count++;
	}
	OPENSSL_free(der);
	return fits;
}

/* Whether it issued one of those in [from, to) other than itself. */
static bool has_issued_among(STACK_OF(X509) * chain, int issuer, int from, int to)
{
	for (int i = from; i < to; i++) {
		if (i != issuer &&
		    has_issued(sk_X509_value(chain, issuer), sk_X509_value(chain, i)))
			return true;
	}
	return false;
}

/* Several that issued the same one (cross-signing) stand side by side, and are in order. */
static void keep_order(struct starttls_result *result, STACK_OF(X509) * chain, int count)
{
	for (int i = 1; i < count; i++) {
		if (has_issued_among(chain, i, 0, i))
			continue;
		if (has_issued_among(chain, i, i + 1, count))
			result->is_disordered = true;
		else
			result->has_strangers = true;
	}
}

static int find_issuer(STACK_OF(X509) * chain, int of, int count)
{
	for (int i = 0; i < count; i++) {
		if (has_issued(sk_X509_value(chain, i), sk_X509_value(chain, of)))
			return i;
	}
	return -1;
}

static void keep_name(char text[STARTTLS_TEXT_MAX], const X509_NAME *name)
{
	BIO *memory = BIO_new(BIO_s_mem());
	char *written = NULL;
	long len;

	if (!memory)
		return;
	X509_NAME_print_ex(memory, name, 0, XN_FLAG_RFC2253);
	len = BIO_get_mem_data(memory, &written);
	starttls_keep_text(text, STARTTLS_TEXT_MAX, bytes_of(written, len > 0 ? (size_t)len : 0));
	BIO_free(memory);
}

/* Up from the leaf, as long as somebody is there; `count` bounds what leads round in a circle. */
static void keep_end(struct starttls_result *result, STACK_OF(X509) * chain, int count)
{
	int at = 0;

	for (int i = 0; i < count; i++) {
		const X509 *certificate = sk_X509_value(chain, at);
		int issuer;

		if (has_issued(certificate, certificate))
			return;
		issuer = find_issuer(chain, at, count);
		if (issuer < 0) {
			keep_name(result->missing_issuer, X509_get_issuer_name(certificate));
			result->is_root_missing = true;
			return;
		}
		at = issuer;
	}
}

void starttls_chain_keep(struct starttls_result *result, STACK_OF(X509) * chain)
{
	int count = sk_X509_num(chain);

	for (int i = 0; i < count; i++) {
		if (!keep_certificate(result, sk_X509_value(chain, i)))
			break;
	}
	if (count <= 0)
		return;
	count = (int)result->certificate_count;
	keep_leaf(result, sk_X509_value(chain, 0));
	keep_order(result, chain, count);
	keep_end(result, chain, count);
}
