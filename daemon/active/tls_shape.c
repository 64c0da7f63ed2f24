/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "active/tls_shape.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

enum {
	LIST_TEXT_MAX = 8 * 1024,
	CIPHER_NAME_MAX = 64,
	TLS13_FIRST_CIPHER = 0x1301, /* RFC 8446 appendix B.4 */
	TLS13_LAST_CIPHER = 0x1305,
};

struct name {
	uint16_t number;
	const char *name;
};

/* RFC 8446 section 4.2.7, RFC 8422 section 5.1.1. */
static const struct name groups[] = {
	{ 19, "secp192r1" },
	{ 21, "secp224r1" },
	{ 22, "secp256k1" },
	{ 23, "P-256" },
	{ 24, "P-384" },
	{ 25, "P-521" },
	{ 26, "brainpoolP256r1" },
	{ 27, "brainpoolP384r1" },
	{ 28, "brainpoolP512r1" },
	{ 29, "X25519" },
	{ 30, "X448" },
	{ 256, "ffdhe2048" },
	{ 257, "ffdhe3072" },
	{ 258, "ffdhe4096" },
	{ 259, "ffdhe6144" },
	{ 260, "ffdhe8192" },
};

/* RFC 8446 section 4.2.3, and of RFC 5246's pairs of hash and signature those that are in use. */
static const struct name signatures[] = {
	{ 0x0201, "RSA+SHA1" },
	{ 0x0202, "DSA+SHA1" },
	{ 0x0203, "ECDSA+SHA1" },
	{ 0x0301, "RSA+SHA224" },
	{ 0x0303, "ECDSA+SHA224" },
	{ 0x0401, "RSA+SHA256" },
	{ 0x0402, "DSA+SHA256" },
	{ 0x0403, "ECDSA+SHA256" },
	{ 0x0501, "RSA+SHA384" },
	{ 0x0503, "ECDSA+SHA384" },
	{ 0x0601, "RSA+SHA512" },
	{ 0x0603, "ECDSA+SHA512" },
	{ 0x0804, "rsa_pss_rsae_sha256" },
	{ 0x0805, "rsa_pss_rsae_sha384" },
	{ 0x0806, "rsa_pss_rsae_sha512" },
	{ 0x0807, "ed25519" },
	{ 0x0808, "ed448" },
	{ 0x0809, "rsa_pss_pss_sha256" },
	{ 0x080a, "rsa_pss_pss_sha384" },
	{ 0x080b, "rsa_pss_pss_sha512" },
};

static const char *find_name(const struct name *names, size_t count, uint16_t number)
{
	for (size_t i = 0; i < count; i++) {
		if (names[i].number == number)
			return names[i].name;
	}
	return "";
}

/* Names with ':' between them; whatever does not fit is left out. */
static void add(char list[LIST_TEXT_MAX], const char *name)
{
	size_t len = strlen(list);

	if (name[0] && len + strlen(name) + 2 <= LIST_TEXT_MAX)
		snprintf(list + len, LIST_TEXT_MAX - len, "%s%s", len > 0 ? ":" : "", name);
}

/* OpenSSL refuses a list that names something twice. */
static bool is_repeated(const uint16_t *numbers, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (numbers[i] == numbers[index])
			return true;
	}
	return false;
}

/* A list is made only of what this OpenSSL takes: one strange name would spoil all of it. */
static bool takes_group(SSL_CTX *context, const char *name)
{
	return name[0] && SSL_CTX_set1_groups_list(context, name) == 1;
}

static bool takes_signature(SSL_CTX *context, const char *name)
{
	return name[0] && SSL_CTX_set1_sigalgs_list(context, name) == 1;
}

static void apply_groups(SSL_CTX *context, const struct tls_shape *shape)
{
	char list[LIST_TEXT_MAX] = "";

	for (size_t i = 0; i < shape->group_count && i < TLS_SHAPE_GROUPS_MAX; i++) {
		const char *name =
			find_name(groups, sizeof(groups) / sizeof(groups[0]), shape->groups[i]);

		if (!is_repeated(shape->groups, i) && takes_group(context, name))
			add(list, name);
	}
	if (list[0])
		(void)SSL_CTX_set1_groups_list(context, list);
}

static void apply_signatures(SSL_CTX *context, const struct tls_shape *shape)
{
	char list[LIST_TEXT_MAX] = "";

	for (size_t i = 0; i < shape->signature_count && i < TLS_SHAPE_SIGNATURES_MAX; i++) {
		const char *name = find_name(signatures, sizeof(signatures) / sizeof(signatures[0]),
		                             shape->signatures[i]);

		if (!is_repeated(shape->signatures, i) && takes_signature(context, name))
			add(list, name);
	}
	if (list[0])
		(void)SSL_CTX_set1_sigalgs_list(context, list);
}

static const char defaults[] = "DEFAULT:@SECLEVEL=0";
/* Those that authenticate nobody stand last: who follows the client's order takes them where nothing else is left. */
static const char with_anonymous[] = "ALL:-COMPLEMENTOFDEFAULT:!eNULL:aNULL:@SECLEVEL=0";

/* OpenSSL's name of a number; "" for one that it does not know. */
static const char *cipher_name(SSL *connection, uint16_t number)
{
	uint8_t octets[2];
	const SSL_CIPHER *cipher;

	put_u16(octets, number);
	cipher = SSL_CIPHER_find(connection, octets);
	return cipher ? SSL_CIPHER_get_name(cipher) : "";
}

static int apply_ciphers(SSL_CTX *context, const struct tls_shape *shape)
{
	char old[LIST_TEXT_MAX] = "", new[LIST_TEXT_MAX] = "";
	SSL *connection = SSL_new(context);

	if (!connection)
		return -ENOMEM;
	for (size_t i = 0; i < shape->cipher_count && i < TLS_SHAPE_CIPHERS_MAX; i++) {
		uint16_t number = shape->ciphers[i];
		bool is_new = number >= TLS13_FIRST_CIPHER && number <= TLS13_LAST_CIPHER;

		add(is_new ? new : old, cipher_name(connection, number));
	}
	SSL_free(connection);
	/* What a server has is to be seen, weak as it may be: who asks judges it. */
	add(old, "@SECLEVEL=0");
	if (SSL_CTX_set_cipher_list(context, old) != 1 &&
	    SSL_CTX_set_cipher_list(context, shape->adds_anonymous ? with_anonymous : defaults) !=
	            1)
		return -EINVAL;
	if (new[0])
		(void)SSL_CTX_set_ciphersuites(context, new);
	return 0;
}

int tls_shape_apply(struct ssl_ctx_st *context, const struct tls_shape *shape)
{
	int err;

	(void)SSL_CTX_set_min_proto_version(context, shape->version_min);
	(void)SSL_CTX_set_max_proto_version(context, shape->version_max);
	err = apply_ciphers(context, shape);
	apply_groups(context, shape);
	apply_signatures(context, shape);
	ERR_clear_error();
	return err;
}
