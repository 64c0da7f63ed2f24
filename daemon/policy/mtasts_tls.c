/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mtasts_tls.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

/* Before and behind each call; what it returns before a read is that read's result. */
static long read_nothing(BIO *connection, int operation, const char *octets, size_t len,
                         int argument, long number, int result, size_t *done)
{
	(void)octets;
	(void)len;
	(void)argument;
	(void)number;
	(void)done;
	if (operation != BIO_CB_READ)
		return result;
	BIO_clear_retry_flags(connection);
	return -1;
}

static void on_message(int is_written, int version, int type, const void *octets, size_t len,
                       SSL *connection, void *owner)
{
	struct mtasts_tls *tls = owner;

	(void)version;
	(void)octets;
	(void)len;
	if (is_written || type != SSL3_RT_HANDSHAKE)
		return;
	if (++tls->message_count > MTASTS_HANDSHAKE_MESSAGES_MAX)
		BIO_set_callback_ex(SSL_get_rbio(connection), read_nothing);
}

/* Asked of all that is about to be used. */
static int on_use(const SSL *connection, const SSL_CTX *context, int operation, int bits,
                  int number, void *other, void *owner)
{
	const struct mtasts_tls *tls = owner;

	if (operation == SSL_SECOP_TMP_DH && other &&
	    EVP_PKEY_get_bits(other) > MTASTS_FIELD_BITS_MAX)
		return 0;
	return tls->is_secure(connection, context, operation, bits, number, other, owner);
}

void mtasts_tls_bound(struct mtasts_tls *tls, struct ssl_ctx_st *context)
{
	SSL_CTX_set_msg_callback(context, on_message);
	SSL_CTX_set_msg_callback_arg(context, tls);
	tls->is_secure = SSL_CTX_get_security_callback(context);
	SSL_CTX_set0_security_ex_data(context, tls);
	SSL_CTX_set_security_callback(context, on_use);
}
