/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_HANDSHAKE_WORLD_H
#define HOPGUARD_TESTS_HANDSHAKE_WORLD_H

/* Handshakes between OpenSSL's own two ends, up to TLS 1.2, and what a watcher sees of them. Needs certificate_world.h first. */

#include <openssl/ssl.h>

struct handshake_wanted {
	const struct identity *identity; /* the server's */
	int version;
	const char *ciphers;
	const char *schemes; /* that the client takes; NULL: OpenSSL's */
};

struct handshake {
	uint16_t version;
	uint16_t cipher_suite;
	uint8_t client_random[32];
	uint8_t server_random[32];
	size_t exchange_len;
	uint8_t exchange[2048]; /* the body of the ServerKeyExchange */
};

/* Called with each message, that is sent or received, of either end. */
static inline void handshake_see(int is_sent, int version, int kind, const void *octets, size_t len,
                                 SSL *connection, void *argument)
{
	struct handshake *shaken = argument;
	const uint8_t *message = octets;

	(void)is_sent;
	(void)version;
	(void)connection;
	if (kind != SSL3_RT_HANDSHAKE || len < 4 || message[0] != SSL3_MT_SERVER_KEY_EXCHANGE)
		return;
	assert_true(len - 4 <= sizeof(shaken->exchange));
	shaken->exchange_len = len - 4;
	memcpy(shaken->exchange, message + 4, len - 4);
}

static inline SSL_CTX *handshake_end(const SSL_METHOD *method,
                                     const struct handshake_wanted *wanted)
{
	SSL_CTX *end = SSL_CTX_new(method);

	SSL_CTX_set_security_level(end, 0);
	assert_int_equal(SSL_CTX_set_min_proto_version(end, wanted->version), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(end, wanted->version), 1);
	assert_int_equal(SSL_CTX_set_cipher_list(end, wanted->ciphers), 1);
	return end;
}

static inline void handshake_run(SSL *client, SSL *server)
{
	BIO *at_client, *at_server;

	assert_int_equal(BIO_new_bio_pair(&at_client, 64 * 1024, &at_server, 64 * 1024), 1);
	SSL_set_bio(client, at_client, at_client);
	SSL_set_bio(server, at_server, at_server);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	for (int turn = 0;
	     turn < 10 && !(SSL_is_init_finished(client) && SSL_is_init_finished(server)); turn++) {
		(void)SSL_do_handshake(client);
		(void)SSL_do_handshake(server);
	}
	assert_true(SSL_is_init_finished(client) && SSL_is_init_finished(server));
}

static inline void handshake_make(struct handshake *shaken, const struct handshake_wanted *wanted)
{
	SSL_CTX *server_end = handshake_end(TLS_server_method(), wanted);
	SSL_CTX *client_end = handshake_end(TLS_client_method(), wanted);
	SSL *client, *server;

	*shaken = (struct handshake){ .version = (uint16_t)wanted->version };
	assert_int_equal(SSL_CTX_use_certificate(server_end, wanted->identity->certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(server_end, wanted->identity->key), 1);
	SSL_CTX_set_dh_auto(server_end, 1);
	if (wanted->schemes)
		assert_int_equal(SSL_CTX_set1_sigalgs_list(client_end, wanted->schemes), 1);
	client = SSL_new(client_end);
	server = SSL_new(server_end);
	SSL_set_msg_callback(client, handshake_see);
	SSL_set_msg_callback_arg(client, shaken);
	handshake_run(client, server);
	shaken->cipher_suite = SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(client));
	assert_int_equal(SSL_get_client_random(client, shaken->client_random, 32), 32);
	assert_int_equal(SSL_get_server_random(client, shaken->server_random, 32), 32);
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(client_end);
	SSL_CTX_free(server_end);
}

#endif
