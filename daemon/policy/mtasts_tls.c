/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mtasts_tls.h"

#include <openssl/bio.h>
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
	size_t *count = owner;

	(void)version;
	(void)octets;
	(void)len;
	if (is_written || type != SSL3_RT_HANDSHAKE)
		return;
	if (++*count > MTASTS_HANDSHAKE_MESSAGES_MAX)
		BIO_set_callback_ex(SSL_get_rbio(connection), read_nothing);
}

void mtasts_tls_bound(struct ssl_ctx_st *context, size_t *count)
{
	SSL_CTX_set_msg_callback(context, on_message);
	SSL_CTX_set_msg_callback_arg(context, count);
}
