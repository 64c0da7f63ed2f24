/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_FLOW_LIVE_HANDSHAKE_H
#define HOPGUARD_TESTS_UNIT_FLOW_LIVE_HANDSHAKE_H

/* Handshakes between two ends that OpenSSL plays, in memory, written down as recordings. */

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "../../handshakes/recording.h"
#include "wire/tls_key_exchange.h"

enum { LIVE_CHAIN_LEN = 3, LIVE_DER_MAX = 4096, LIVE_RANDOM_LEN = 32 };

enum live_key { LIVE_RSA, LIVE_ECDSA, LIVE_ED25519, LIVE_KEY_COUNT };

/* A server's key, and its certificate with two above it. */
struct live_identity {
	EVP_PKEY *key;
	X509 *certificates[LIVE_CHAIN_LEN];
	uint8_t chain[LIVE_CHAIN_LEN * (3 + LIVE_DER_MAX)]; /* as a Certificate message has it */
	size_t chain_len;
};

/* Two ends, the one that listens and the one that calls. */
struct live_pair {
	SSL_CTX *server_context;
	SSL_CTX *client_context;
	SSL *server;
	SSL *client;
	bool is_nameless; /* the client sends no SNI */
};

static inline void live_require(bool is_so)
{
	if (!is_so)
		abort();
}

static inline EVP_PKEY *live_key_new(enum live_key kind)
{
	EVP_PKEY *key = NULL;

	switch (kind) {
	case LIVE_RSA:
		key = EVP_RSA_gen(2048);
		break;
	case LIVE_ECDSA:
		key = EVP_EC_gen("P-256");
		break;
	case LIVE_ED25519:
	case LIVE_KEY_COUNT:
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		break;
	}
	live_require(key);
	return key;
}

static inline X509 *live_certificate_new(const char *name, const char *issuer, EVP_PKEY *key,
                                         EVP_PKEY *signer)
{
	X509 *certificate = X509_new();
	const EVP_MD *digest = EVP_PKEY_get_id(signer) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();

	live_require(certificate && X509_set_version(certificate, 2) == 1);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
	                           (const uint8_t *)name, -1, -1, 0);
	X509_NAME_add_entry_by_txt(X509_get_issuer_name(certificate), "CN", MBSTRING_ASC,
	                           (const uint8_t *)issuer, -1, -1, 0);
	live_require(X509_set_pubkey(certificate, key) == 1 &&
	             X509_sign(certificate, signer, digest) > 0);
	return certificate;
}

static inline void live_identity_init(struct live_identity *identity, enum live_key kind)
{
	static const char *const names[] = { "mx.example.org", "issuer", "root" };
	EVP_PKEY *keys[LIVE_CHAIN_LEN];

	*identity = (struct live_identity){ .key = live_key_new(kind) };
	keys[0] = identity->key;
	keys[1] = live_key_new(LIVE_ECDSA);
	keys[2] = live_key_new(LIVE_ECDSA);
	for (size_t i = 0; i < LIVE_CHAIN_LEN; i++) {
		size_t above = i + 1 < LIVE_CHAIN_LEN ? i + 1 : i;
		uint8_t *at = identity->chain + identity->chain_len;
		uint8_t *der = at + 3;
		int len;

		identity->certificates[i] =
			live_certificate_new(names[i], names[above], keys[i], keys[above]);
		len = i2d_X509(identity->certificates[i], NULL);
		live_require(len > 0 && len <= LIVE_DER_MAX);
		i2d_X509(identity->certificates[i], &der);
		at[0] = 0;
		put_u16(at + 1, (uint16_t)len);
		identity->chain_len += 3 + (size_t)len;
	}
	EVP_PKEY_free(keys[1]);
	EVP_PKEY_free(keys[2]);
}

static inline void live_identity_end(struct live_identity *identity)
{
	for (size_t i = 0; i < LIVE_CHAIN_LEN; i++)
		X509_free(identity->certificates[i]);
	EVP_PKEY_free(identity->key);
}

static inline SSL_CTX *live_context(const SSL_METHOD *method, int version, const char *ciphers)
{
	SSL_CTX *context = SSL_CTX_new(method);

	live_require(context);
	SSL_CTX_set_security_level(context, 0);
	live_require(SSL_CTX_set_min_proto_version(context, version) == 1 &&
	             SSL_CTX_set_max_proto_version(context, version) == 1 &&
	             SSL_CTX_set_cipher_list(context, ciphers) == 1);
	return context;
}

/* `identity` NULL: the server has none. `options` are SSL_OP_… of both. */
static inline struct live_pair live_pair_new(const struct live_identity *identity, int version,
                                             const char *ciphers, uint64_t options)
{
	struct live_pair pair = {
		.server_context = live_context(TLS_server_method(), version, ciphers),
		.client_context = live_context(TLS_client_method(), version, ciphers),
	};

	SSL_CTX_set_options(pair.server_context, options);
	SSL_CTX_set_options(pair.client_context, options);
	SSL_CTX_set_dh_auto(pair.server_context, 1);
	SSL_CTX_set_session_id_context(pair.server_context, (const uint8_t *)"test", 4);
	if (identity)
		live_require(SSL_CTX_use_certificate(pair.server_context,
		                                     identity->certificates[0]) == 1 &&
		             SSL_CTX_use_PrivateKey(pair.server_context, identity->key) == 1 &&
		             SSL_CTX_add1_chain_cert(pair.server_context,
		                                     identity->certificates[1]) == 1 &&
		             SSL_CTX_add1_chain_cert(pair.server_context,
		                                     identity->certificates[2]) == 1);
	return pair;
}

static inline void live_pair_hang_up(struct live_pair *pair)
{
	/* A session that ends in any other way can not be gone on with. */
	if (pair->server)
		SSL_set_shutdown(pair->server, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	if (pair->client)
		SSL_set_shutdown(pair->client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(pair->server);
	SSL_free(pair->client);
	pair->server = pair->client = NULL;
}

static inline void live_pair_free(struct live_pair *pair)
{
	live_pair_hang_up(pair);
	SSL_CTX_free(pair->server_context);
	SSL_CTX_free(pair->client_context);
}

static inline void recording_append(struct recording *recording, bool is_client,
                                    struct bytes octets)
{
	size_t start = recording->len;

	live_require(octets.len <= RECORDING_ROOM - start &&
	             recording->count < RECORDING_CHUNKS_MAX);
	memcpy(recording->octets + start, octets.data, octets.len);
	recording->len += octets.len;
	recording->chunks[recording->count].is_client = is_client;
	recording->chunks[recording->count].octets =
		bytes_of(recording->octets + start, octets.len);
	recording->count++;
}

/* What one end has written goes to the other, and is written down. */
static inline void live_carry(struct recording *recording, const struct live_pair *pair,
                              bool is_client)
{
	BIO *from = SSL_get_wbio(is_client ? pair->client : pair->server);
	BIO *to = SSL_get_rbio(is_client ? pair->server : pair->client);
	uint8_t octets[16384];
	int len;

	while ((len = BIO_read(from, octets, sizeof(octets))) > 0) {
		live_require(BIO_write(to, octets, len) == len);
		recording_append(recording, is_client, bytes_of(octets, (size_t)len));
	}
}

/*
 * A handshake, and a first line of the client's behind it. `session`: one that the client would like to go on with, or NULL. The caller
 * frees the recording.
 */
static inline struct recording *live_talk(struct live_pair *pair, SSL_SESSION *session)
{
	static const char hello[] = "EHLO client.example.net\r\n";
	struct recording *recording = calloc(1, sizeof(*recording));

	live_require(recording);
	live_pair_hang_up(pair);
	pair->server = SSL_new(pair->server_context);
	pair->client = SSL_new(pair->client_context);
	live_require(pair->server && pair->client);
	SSL_set_bio(pair->server, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_bio(pair->client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_accept_state(pair->server);
	SSL_set_connect_state(pair->client);
	live_require(pair->is_nameless ||
	             SSL_set_tlsext_host_name(pair->client, "mx.example.org") == 1);
	if (session)
		live_require(SSL_set_session(pair->client, session) == 1);
	for (int round = 0; round < 8; round++) {
		SSL_do_handshake(pair->client);
		live_carry(recording, pair, true);
		SSL_do_handshake(pair->server);
		live_carry(recording, pair, false);
	}
	live_require(SSL_is_init_finished(pair->client) && SSL_is_init_finished(pair->server));
	live_require(SSL_write(pair->client, hello, sizeof(hello) - 1) > 0);
	live_carry(recording, pair, true);
	return recording;
}

static inline const EVP_MD *live_digest_of(const struct tls_key_exchange *exchange,
                                           const EVP_PKEY *key)
{
	switch (exchange->signature_algorithm) {
	case TLS_SIGNATURE_IMPLICIT:
		return EVP_PKEY_get_id(key) == EVP_PKEY_RSA ? EVP_md5_sha1() : EVP_sha1();
	case 0x0807: /* ed25519 */
		return NULL;
	case 0x0805:
	case 0x0501:
	case 0x0503:
		return EVP_sha384();
	case 0x0806:
	case 0x0601:
	case 0x0603:
		return EVP_sha512();
	default:
		return EVP_sha256();
	}
}

/* The exchange that was kept is signed by this key. */
static inline bool live_is_signed(const struct session_keys *keys, EVP_PKEY *key)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	EVP_PKEY_CTX *context = NULL;
	struct tls_key_exchange exchange;
	uint8_t octets[2 * LIVE_RANDOM_LEN + SESSION_EXCHANGE_MAX];
	int result;

	live_require(tls_key_exchange_parse(&exchange, keys->key_exchange, keys->version,
	                                    keys->cipher_suite) == PARSE_OK);
	memcpy(octets, keys->client_random, LIVE_RANDOM_LEN);
	memcpy(octets + LIVE_RANDOM_LEN, keys->server_random, LIVE_RANDOM_LEN);
	memcpy(octets + (size_t)2 * LIVE_RANDOM_LEN, exchange.params.data, exchange.params.len);
	live_require(EVP_DigestVerifyInit(digest, &context, live_digest_of(&exchange, key), NULL,
	                                  key) == 1);
	if (exchange.signature_algorithm >> 8 == 8 && EVP_PKEY_get_id(key) == EVP_PKEY_RSA)
		live_require(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1);
	result = EVP_DigestVerify(digest, exchange.signature.data, exchange.signature.len, octets,
	                          (size_t)2 * LIVE_RANDOM_LEN + exchange.params.len);
	EVP_MD_CTX_free(digest);
	return result == 1;
}

/* A record; in front of it an alert that only warns, if one shall be. */
static inline void recording_put(struct recording *recording, bool has_alert, struct bytes head,
                                 struct bytes content)
{
	static const uint8_t alert[] = { 21, 3, 3, 0, 2, 1, 100 };
	uint8_t *out = recording->octets + recording->len;

	live_require(RECORDING_ROOM - recording->len > content.len + 5 + sizeof(alert));
	if (has_alert) {
		memcpy(out, alert, sizeof(alert));
		out += sizeof(alert);
	}
	memcpy(out, head.data, 3);
	put_u16(out + 3, (uint16_t)content.len);
	memcpy(out + 5, content.data, content.len);
	recording->len = (size_t)(out - recording->octets) + 5 + content.len;
}

/*
 * The same in other records: each handshake record in clear as many of `step` octets, and an alert before each but the first of a
 * flight. From a side's first ChangeCipherSpec on, its records stay as they are.
 */
static inline struct recording *recording_in_pieces(const struct recording *recording, size_t step,
                                                    bool has_alerts)
{
	struct recording *pieces = calloc(1, sizeof(*pieces));
	bool is_clear[2] = { true, true };

	live_require(pieces);
	for (size_t i = 0; i < recording->count; i++) {
		bool is_client = recording->chunks[i].is_client;
		struct cursor rest = cursor_over(recording->chunks[i].octets);
		size_t start = pieces->len;

		while (cursor_left(&rest) > 0) {
			struct bytes head = cursor_bytes(&rest, 3);
			struct bytes content = cursor_vector16(&rest);
			size_t piece = content.len;

			live_require(head.len == 3 && content.len > 0);
			is_clear[is_client] = is_clear[is_client] && head.data[0] != 20;
			if (head.data[0] == 22 && is_clear[is_client])
				piece = step;
			for (size_t at = 0; at < content.len; at += piece)
				recording_put(pieces,
				              has_alerts && is_clear[is_client] &&
				                      pieces->len > start,
				              head, bytes_slice(content, at, piece));
		}
		pieces->chunks[pieces->count].is_client = is_client;
		pieces->chunks[pieces->count].octets =
			bytes_of(pieces->octets + start, pieces->len - start);
		pieces->count++;
	}
	return pieces;
}

#endif
