/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/certificate_private.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "wire/tls_certificate.h"

enum {
	SECURITY_BITS_MIN = 80,
	SIGNATURE_BITS_MIN = 60, /* SHA-1 has 63 by OpenSSL's measure, MD5 39 */
	NAME_OCTETS_MAX = 255,
};

static X509 *read_certificate(struct bytes der)
{
	const unsigned char *at = der.data;
	X509 *certificate = d2i_X509(NULL, &at, (long)der.len);

	/* What stands behind the certificate would be nobody's. */
	if (certificate && at != der.data + der.len) {
		X509_free(certificate);
		certificate = NULL;
	}
	return certificate;
}

/* Takes the certificate over. False: out of memory. */
static bool keep(struct certificate_chain *chain, X509 *certificate)
{
	char what[KEY_TEXT_MAX];

	if (!chain->leaf) {
		chain->leaf = certificate;
		return true;
	}
	if (certificate_key_fault(certificate, what) != CERTIFICATE_KEY_BEYOND &&
	    sk_X509_push(chain->others, certificate) > 0)
		return true;
	X509_free(certificate);
	return true;
}

static bool has_few_names(X509 *leaf)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	int count = sk_GENERAL_NAME_num(names);

	GENERAL_NAMES_free(names);
	return count <= CERTIFICATE_NAMES_MAX &&
	       X509_NAME_entry_count(X509_get_subject_name(leaf)) <= CERTIFICATE_NAMES_MAX;
}

bool certificate_chain_read(struct certificate_chain *chain, struct bytes octets,
                            char why[KEY_TEXT_MAX])
{
	struct cursor rest = cursor_over(octets);
	size_t count = 0;
	bool is_read = false;

	*chain = (struct certificate_chain){ .others = sk_X509_new_null() };
	chain->leaf = chain->others ? certificate_of_raw_key(octets) : NULL;
	chain->is_raw = chain->leaf != NULL;
	if (chain->is_raw)
		return true;
	while (chain->others && !is_read && cursor_left(&rest) > 0) {
		X509 *certificate = read_certificate(cursor_vector24(&rest));

		count++;
		if (!certificate || !keep(chain, certificate))
			break;
		is_read = cursor_finished(&rest) || count == TLS_CERTIFICATES_MAX;
	}
	if (is_read) {
		chain->has_many_names = !has_few_names(chain->leaf);
		return true;
	}
	if (count == 0)
		(void)snprintf(why, KEY_TEXT_MAX, "no certificate was sent");
	else
		(void)snprintf(why, KEY_TEXT_MAX, "certificate %zu of the chain is malformed",
		               count);
	certificate_chain_free(chain);
	return false;
}

void certificate_chain_free(struct certificate_chain *chain)
{
	X509_free(chain->leaf);
	sk_X509_pop_free(chain->others, X509_free);
	*chain = (struct certificate_chain){ 0 };
}

static int bits_max(int kind)
{
	switch (kind) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
		return CERTIFICATE_RSA_BITS_MAX;
	case EVP_PKEY_DSA:
		return CERTIFICATE_DSA_BITS_MAX;
	case EVP_PKEY_EC:
	case EVP_PKEY_ED25519:
	case EVP_PKEY_ED448:
		return OPENSSL_ECC_MAX_FIELD_BITS;
	default:
		return 0;
	}
}

static bool has_explicit_parameters(const EVP_PKEY *key)
{
	int is_explicit = 0;

	return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
	       (!EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
	                                &is_explicit) ||
	        is_explicit);
}

enum certificate_key_fault certificate_key_fault(const X509 *certificate, char what[KEY_TEXT_MAX])
{
	const EVP_PKEY *key = X509_get0_pubkey(certificate);
	int kind = key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
	int bits = key ? EVP_PKEY_get_bits(key) : 0;

	if (bits_max(kind) == 0) {
		(void)snprintf(what, KEY_TEXT_MAX, "a public key that signs no handshake");
		return CERTIFICATE_KEY_BEYOND;
	}
	if (bits > bits_max(kind)) {
		(void)snprintf(what, KEY_TEXT_MAX, "a public key of %d bits, more than %d", bits,
		               bits_max(kind));
		return CERTIFICATE_KEY_BEYOND;
	}
	if (has_explicit_parameters(key)) {
		(void)snprintf(what, KEY_TEXT_MAX, "a public key on a curve of its own making");
		return CERTIFICATE_KEY_BEYOND;
	}
	if (EVP_PKEY_get_security_bits(key) >= SECURITY_BITS_MIN)
		return CERTIFICATE_KEY_FIT;
	(void)snprintf(what, KEY_TEXT_MAX, "a public key of %d bits is too weak", bits);
	return CERTIFICATE_KEY_WEAK;
}

bool certificate_signature_is_weak(X509 *certificate)
{
	int digest, key, bits;
	uint32_t flags;

	return !X509_get_signature_info(certificate, &digest, &key, &bits, &flags) ||
	       bits < SIGNATURE_BITS_MIN;
}

bool certificate_spki_digest(uint8_t digest[KEY_DIGEST_LEN], const X509_PUBKEY *key)
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(key, &der);
	bool is_digested =
		len > 0 && EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	return is_digested;
}

int64_t certificate_time_s(const ASN1_TIME *time)
{
	struct tm tm;

	/* UTCTime reaches back to 1950, GeneralizedTime to the years 0 and 9999. */
	return time && ASN1_TIME_to_tm(time, &tm) ? (int64_t)timegm(&tm) : 0;
}

static char shown(uint8_t octet)
{
	bool is_host = (octet >= '0' && octet <= '9') || (octet >= 'A' && octet <= 'Z') ||
	               (octet >= 'a' && octet <= 'z') || octet == '-' || octet == '.' ||
	               octet == '*' || octet == '_';

	return is_host ? (char)octet : '?';
}

void certificate_add_text(char *text, size_t room, struct bytes octets)
{
	size_t len = strnlen(text, room - 1);

	for (size_t i = 0; i < octets.len && i < NAME_OCTETS_MAX && len < room - 1; i++)
		text[len++] = shown(octets.data[i]);
	text[len] = '\0';
}

static void add_name(char text[KEY_TEXT_MAX], size_t *left_out, struct bytes name)
{
	enum { ROOM_FOR_COUNT = 8 };
	size_t len = strlen(text);
	size_t name_len = name.len < NAME_OCTETS_MAX ? name.len : NAME_OCTETS_MAX;

	if (*left_out > 0 || (len > 0 && len + 1 + name_len + ROOM_FOR_COUNT > KEY_TEXT_MAX)) {
		(*left_out)++;
		return;
	}
	if (len > 0) {
		text[len] = ' ';
		text[len + 1] = '\0';
	}
	certificate_add_text(text, KEY_TEXT_MAX, name);
}

static struct bytes octets_of(const ASN1_STRING *string)
{
	return bytes_of(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
}

static void add_common_name(char text[KEY_TEXT_MAX], size_t *left_out, const X509_NAME *subject)
{
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	for (; at >= 0; at = X509_NAME_get_index_by_NID(subject, NID_commonName, at))
		add_name(text, left_out,
		         octets_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
}

static void tell_names(char text[KEY_TEXT_MAX], X509 *leaf)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	bool has_name = false;
	size_t left_out = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_DNS)
			continue;
		has_name = true;
		add_name(text, &left_out, octets_of(name->d.dNSName));
	}
	GENERAL_NAMES_free(names);
	if (!has_name)
		add_common_name(text, &left_out, X509_get_subject_name(leaf));
	if (left_out > 0)
		(void)snprintf(text + strlen(text), KEY_TEXT_MAX - strlen(text), " +%zu", left_out);
}

static void tell_issuer(char text[KEY_TEXT_MAX], X509 *leaf)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *octets;
	long len;

	/* RFC 2253 in OpenSSL's form: control characters and all beyond ASCII escaped. */
	if (out && X509_NAME_print_ex(out, X509_get_issuer_name(leaf), 0, XN_FLAG_RFC2253) >= 0) {
		len = BIO_get_mem_data(out, &octets);
		if (len >= KEY_TEXT_MAX)
			len = KEY_TEXT_MAX - 1;
		for (long i = 0; i < len; i++)
			text[i] = octets[i] >= ' ' && octets[i] <= '~' ? octets[i] : '?';
	}
	BIO_free(out);
}

void certificate_tell_seen(struct key_seen *seen, X509 *leaf)
{
	seen->has_leaf = certificate_spki_digest(seen->leaf_digest, X509_get_X509_PUBKEY(leaf));
	seen->not_before_s = certificate_time_s(X509_get0_notBefore(leaf));
	seen->not_after_s = certificate_time_s(X509_get0_notAfter(leaf));
	tell_names(seen->names, leaf);
	tell_issuer(seen->issuer, leaf);
}
