/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/key_exchange_signature.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>

#include "policy/certificate_private.h"

enum {
	TLS_1_2 = 0x0303,
	HASH_SHA1 = 2,
	HASH_SHA224 = 3,
	HASH_SHA256 = 4,
	HASH_SHA384 = 5,
	HASH_SHA512 = 6,
	SIGNED_BY_RSA = 1,
	SIGNED_BY_DSA = 2,
	SIGNED_BY_ECDSA = 3,
};

struct scheme {
	uint16_t number;
	int key; /* EVP_PKEY_… */
	const char *digest;
	bool is_pss;
};

/* RFC 8446 section 4.2.3; what a pair of hash and signature algorithm says is computed. */
static const struct scheme schemes[] = {
	{ 0x0804, EVP_PKEY_RSA, "SHA256", true },     { 0x0805, EVP_PKEY_RSA, "SHA384", true },
	{ 0x0806, EVP_PKEY_RSA, "SHA512", true },     { 0x0807, EVP_PKEY_ED25519, NULL, false },
	{ 0x0808, EVP_PKEY_ED448, NULL, false },      { 0x0809, EVP_PKEY_RSA_PSS, "SHA256", true },
	{ 0x080a, EVP_PKEY_RSA_PSS, "SHA384", true }, { 0x080b, EVP_PKEY_RSA_PSS, "SHA512", true },
};

static const char *digest_of(unsigned hash)
{
	switch (hash) {
	case HASH_SHA1:
		return "SHA1";
	case HASH_SHA224:
		return "SHA224";
	case HASH_SHA256:
		return "SHA256";
	case HASH_SHA384:
		return "SHA384";
	case HASH_SHA512:
		return "SHA512";
	default:
		return NULL;
	}
}

static int key_of(unsigned algorithm)
{
	return algorithm == SIGNED_BY_RSA     ? EVP_PKEY_RSA
	       : algorithm == SIGNED_BY_DSA   ? EVP_PKEY_DSA
	       : algorithm == SIGNED_BY_ECDSA ? EVP_PKEY_EC
	                                      : EVP_PKEY_NONE;
}

static bool find_scheme(struct scheme *scheme, uint16_t number)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (schemes[i].number == number) {
			*scheme = schemes[i];
			return true;
		}
	}
	*scheme = (struct scheme){
		.number = number,
		.key = key_of(number & 0xff),
		.digest = digest_of((unsigned)number >> 8),
	};
	return scheme->key != EVP_PKEY_NONE && scheme->digest;
}

/* Before TLS 1.2 the key says it all (RFC 4346 section 7.4.3). */
static bool find_scheme_by_key(struct scheme *scheme, const EVP_PKEY *key)
{
	int kind = EVP_PKEY_get_base_id(key);

	*scheme = (struct scheme){
		.key = kind,
		.digest = kind == EVP_PKEY_RSA ? "MD5-SHA1" : "SHA1",
	};
	return kind == EVP_PKEY_RSA || kind == EVP_PKEY_DSA || kind == EVP_PKEY_EC;
}

static bool set_padding(EVP_PKEY_CTX *parameters, const struct scheme *scheme)
{
	if (scheme->is_pss)
		return EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) > 0 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) > 0;
	return scheme->key != EVP_PKEY_RSA ||
	       EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PADDING) > 0;
}

/* EdDSA takes all at once, so all are put together for everybody. NULL: out of memory. */
static uint8_t *join(size_t *len, const struct key_exchange_signed *exchange)
{
	uint8_t *joined = OPENSSL_malloc(2 * KEY_EXCHANGE_RANDOM_LEN + exchange->params.len);

	if (!joined)
		return NULL;
	memcpy(joined, exchange->client_random, KEY_EXCHANGE_RANDOM_LEN);
	memcpy(joined + KEY_EXCHANGE_RANDOM_LEN, exchange->server_random, KEY_EXCHANGE_RANDOM_LEN);
	*len = 2 * (size_t)KEY_EXCHANGE_RANDOM_LEN;
	if (exchange->params.len > 0)
		memcpy(joined + *len, exchange->params.data, exchange->params.len);
	*len += exchange->params.len;
	return joined;
}

static bool verifies(const struct key_exchange_signed *exchange, const struct scheme *scheme,
                     EVP_PKEY *key)
{
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	EVP_PKEY_CTX *parameters;
	size_t len = 0;
	uint8_t *joined = join(&len, exchange);
	bool is_verified = hash && joined &&
	                   EVP_DigestVerifyInit_ex(hash, &parameters, scheme->digest, NULL, NULL,
	                                           key, NULL) == 1 &&
	                   set_padding(parameters, scheme) &&
	                   EVP_DigestVerify(hash, exchange->signature.data, exchange->signature.len,
	                                    joined, len) == 1;

	OPENSSL_free(joined);
	EVP_MD_CTX_free(hash);
	return is_verified;
}

static enum key_outcome check_by(const struct key_exchange_signed *exchange, X509 *leaf,
                                 char why[KEY_TEXT_MAX])
{
	EVP_PKEY *key = X509_get0_pubkey(leaf);
	struct scheme scheme;
	bool is_known;

	if (certificate_key_fault(leaf, why) == CERTIFICATE_KEY_BEYOND)
		return KEY_UNREADABLE;
	is_known = exchange->tls_version >= TLS_1_2
	                   ? find_scheme(&scheme, exchange->signature_scheme)
	                   : find_scheme_by_key(&scheme, key);
	why[0] = '\0';
	if (!is_known)
		(void)snprintf(why, KEY_TEXT_MAX,
		               "the key exchange is signed in a way that proves nothing (%#06x)",
		               exchange->signature_scheme);
	else if (EVP_PKEY_get_base_id(key) != scheme.key)
		(void)snprintf(why, KEY_TEXT_MAX,
		               "the key exchange is signed by another kind of key (%#06x)",
		               exchange->signature_scheme);
	else if (exchange->signature.len == 0)
		(void)snprintf(why, KEY_TEXT_MAX, "the key exchange is not signed");
	else if (!verifies(exchange, &scheme, key))
		(void)snprintf(why, KEY_TEXT_MAX,
		               "the key exchange is not signed by the certificate's key");
	else
		return KEY_MET;
	return KEY_UNPROVEN;
}

enum key_outcome key_exchange_signature_check(const struct key_exchange_signed *exchange,
                                              struct bytes chain, char why[KEY_TEXT_MAX])
{
	struct cursor rest = cursor_over(chain);
	struct bytes first = cursor_vector24(&rest);
	const unsigned char *at = first.data;
	X509 *leaf = first.len > 0 ? d2i_X509(NULL, &at, (long)first.len) : NULL;
	X509 *raw = leaf ? NULL : certificate_of_raw_key(chain);
	enum key_outcome outcome = KEY_UNREADABLE;

	if (raw)
		outcome = check_by(exchange, raw, why);
	else if (leaf && at == first.data + first.len)
		outcome = check_by(exchange, leaf, why);
	else
		(void)snprintf(why, KEY_TEXT_MAX, "the certificate is malformed");
	X509_free(leaf);
	X509_free(raw);
	ERR_clear_error();
	return outcome;
}
