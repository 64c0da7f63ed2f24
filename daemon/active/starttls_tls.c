/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "active/starttls_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "active/starttls_chain.h"
#include "wire/tls_record.h"

enum {
	NO_ALERT = -1,
	SWALLOW_MAX = 1024,
	FIRST_MAX = 128, /* of what is shown where it is no TLS */
	/*
	 * Of a whole connection: a chain at its bound, in records as small as servers make them, with all around it. OpenSSL reads on in one
	 * call for as long as octets are there that mean nothing (HelloRequests, tickets), and nobody else has a turn then.
	 */
	HEARD_MAX = 4 * STARTTLS_CHAIN_MAX,
	/* A key in a field of one's own making takes 40 ms at 4096 bits, and more than a second at the 10,000 that OpenSSL takes. */
	FIELD_BITS_MAX = 4096,
};

struct starttls_tls {
	SSL_CTX *context;
	SSL *connection;
	int alert; /* that was read */
	size_t heard_len;
	size_t first_len;
	uint8_t first[FIRST_MAX]; /* that came */
	bool is_field_large;
	/* OpenSSL's own. */
	int (*is_secure)(const SSL *connection, const SSL_CTX *context, int operation, int bits,
	                 int number, void *other, void *owner);
};

/* Nothing is verified here; building chains of whatever comes would be work for nothing. */
static int accept_any(X509_STORE_CTX *store, void *unused)
{
	(void)store;
	(void)unused;
	return 1;
}

static void on_info(const SSL *connection, int where, int value)
{
	struct starttls_tls *tls = SSL_get_app_data(connection);

	if (where == SSL_CB_READ_ALERT && tls->alert == NO_ALERT)
		tls->alert = value & 0xff;
}

static bool has_said_too_much(const struct starttls_tls *tls)
{
	return tls->heard_len > HEARD_MAX;
}

static void keep_first(struct starttls_tls *tls, struct bytes octets)
{
	size_t room = sizeof(tls->first) - tls->first_len;
	size_t len = octets.len < room ? octets.len : room;

	if (len > 0)
		memcpy(tls->first + tls->first_len, octets.data, len);
	tls->first_len += len;
}

/* Before and behind each read of the socket; what it returns is the read's result. */
static long on_read(BIO *socket, int operation, const char *octets, size_t len, int argument,
                    long number, int result, size_t *done)
{
	struct starttls_tls *tls = (struct starttls_tls *)BIO_get_callback_arg(socket);

	(void)len;
	(void)argument;
	(void)number;
	if (operation == (BIO_CB_READ | BIO_CB_RETURN) && result > 0) {
		tls->heard_len += *done;
		keep_first(tls, bytes_of(octets, *done));
	}
	if (operation != BIO_CB_READ || !has_said_too_much(tls))
		return result;
	BIO_clear_retry_flags(socket);
	return -1;
}

/* Asked of all that is about to be used. */
static int on_use(const SSL *connection, const SSL_CTX *context, int operation, int bits,
                  int number, void *other, void *owner)
{
	struct starttls_tls *tls = owner;

	if (operation == SSL_SECOP_TMP_DH && other && EVP_PKEY_get_bits(other) > FIELD_BITS_MAX) {
		tls->is_field_large = true;
		return 0;
	}
	return tls->is_secure(connection, context, operation, bits, number, other, owner);
}

static int set_up(struct starttls_tls *tls, int descriptor, const struct tls_shape *shape,
                  const char *server_name)
{
	int err;

	tls->context = SSL_CTX_new(TLS_client_method());
	if (!tls->context)
		return -ENOMEM;
	SSL_CTX_set_cert_verify_callback(tls->context, accept_any, NULL);
	SSL_CTX_set_info_callback(tls->context, on_info);
	SSL_CTX_set_max_cert_list(tls->context, STARTTLS_CHAIN_MAX);
	tls->is_secure = SSL_CTX_get_security_callback(tls->context);
	SSL_CTX_set0_security_ex_data(tls->context, tls);
	SSL_CTX_set_security_callback(tls->context, on_use);
	SSL_CTX_set_session_cache_mode(tls->context, SSL_SESS_CACHE_OFF);
	/* Old servers do not know RFC 5746; nothing is renegotiated. */
	SSL_CTX_set_options(tls->context, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_NO_RENEGOTIATION);
	err = tls_shape_apply(tls->context, shape);
	if (err)
		return err;
	tls->connection = SSL_new(tls->context);
	if (!tls->connection)
		return -ENOMEM;
	SSL_set_app_data(tls->connection, tls);
	if (SSL_set_fd(tls->connection, descriptor) != 1)
		return -ENOMEM;
	BIO_set_callback_ex(SSL_get_rbio(tls->connection), on_read);
	BIO_set_callback_arg(SSL_get_rbio(tls->connection), (char *)tls);
	if (server_name[0] && SSL_set_tlsext_host_name(tls->connection, server_name) != 1)
		return -EINVAL;
	SSL_set_connect_state(tls->connection);
	return 0;
}

int starttls_tls_new(struct starttls_tls **made, int descriptor, const struct tls_shape *shape,
                     const char *server_name)
{
	struct starttls_tls *tls = calloc(1, sizeof(*tls));
	int err;

	if (!tls)
		return -ENOMEM;
	tls->alert = NO_ALERT;
	err = set_up(tls, descriptor, shape, server_name);
	ERR_clear_error();
	if (err) {
		starttls_tls_free(tls);
		return err;
	}
	*made = tls;
	return 0;
}

void starttls_tls_free(struct starttls_tls *tls)
{
	if (!tls)
		return;
	SSL_free(tls->connection);
	SSL_CTX_free(tls->context);
	free(tls);
}

static void keep_string(char *text, size_t room, const char *from)
{
	starttls_keep_text(text, room, bytes_of_string(from ? from : ""));
}

static void keep_session(struct starttls_result *result, const struct starttls_tls *tls)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(tls->connection);

	result->tls_version = (uint16_t)SSL_version(tls->connection);
	result->cipher_suite = cipher ? SSL_CIPHER_get_protocol_id(cipher) : 0;
	keep_string(result->cipher, sizeof(result->cipher), SSL_CIPHER_get_name(cipher));
	keep_string(
		result->group, sizeof(result->group),
		SSL_group_to_name(tls->connection, (int)SSL_get_negotiated_group(tls->connection)));
	starttls_chain_keep(result, SSL_get_peer_cert_chain(tls->connection));
}

/* What OpenSSL says of it is a constant text; the number of an alert is the server's. */
static void explain_break(struct starttls_result *result, const struct starttls_tls *tls)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	result->outcome = VISIT_TLS_FAILED;
	result->alert = tls->alert;
	if (tls->alert != NO_ALERT)
		snprintf(result->tls_why, sizeof(result->tls_why), "the server's alert %d: %s",
		         tls->alert, SSL_alert_desc_string_long(tls->alert));
	else
		keep_string(result->tls_why, sizeof(result->tls_why),
		            reason ? reason : "the handshake failed");
}

/* Where the server's first record should begin stands something else: no library of TLS says that. */
static bool is_foreign(const struct starttls_tls *tls)
{
	struct tls_record_header header;

	return tls->first_len > 0 &&
	       tls_record_header_parse(&header, bytes_of(tls->first, tls->first_len)) ==
	               PARSE_MALFORMED;
}

/* With what came behind it, to the end of its line. */
static void tell_foreign(struct starttls_result *result, struct starttls_tls *tls)
{
	uint8_t more[FIRST_MAX];
	ssize_t more_len = recv(SSL_get_fd(tls->connection), more, sizeof(more), MSG_DONTWAIT);
	size_t len = 0;

	keep_first(tls, bytes_of(more, more_len > 0 ? (size_t)more_len : 0));
	while (len < tls->first_len && !ascii_is_line_end(tls->first[len]))
		len++;
	result->outcome = VISIT_INJECTED;
	starttls_keep_text(result->reply, sizeof(result->reply), bytes_of(tls->first, len));
}

/* OpenSSL goes by the length that its head claims. */
static bool is_chain_long(const struct starttls_tls *tls)
{
	return SSL_get_state(tls->connection) == TLS_ST_CR_CERT &&
	       ERR_GET_REASON(ERR_peek_error()) == SSL_R_EXCESSIVE_MESSAGE_SIZE;
}

static enum shake_progress tell_break(struct starttls_result *result, struct starttls_tls *tls,
                                      int error, int number)
{
	bool is_end = error == SSL_ERROR_SYSCALL ||
	              ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;

	result->is_chain_long = is_chain_long(tls);
	if (is_foreign(tls)) {
		tell_foreign(result, tls);
	} else if (has_said_too_much(tls) || tls->is_field_large) {
		result->outcome = VISIT_TLS_FAILED;
		result->alert = tls->alert;
		keep_string(result->tls_why, sizeof(result->tls_why),
		            tls->is_field_large ? "a finite field of more than 4096 bits"
		                                : "the server says more than a handshake has");
	} else if (!is_end || tls->alert != NO_ALERT) {
		explain_break(result, tls);
	} else if (error == SSL_ERROR_SYSCALL && (number == ECONNRESET || number == EPIPE)) {
		result->outcome = VISIT_RESET;
		result->system_error = number;
	} else {
		result->outcome = VISIT_CLOSED;
	}
	return SHAKE_BROKE;
}

enum shake_progress starttls_tls_shake(struct starttls_tls *tls, struct starttls_result *result)
{
	enum shake_progress progress;
	int done, error, number;

	ERR_clear_error();
	errno = 0;
	done = SSL_do_handshake(tls->connection);
	number = errno;
	error = SSL_get_error(tls->connection, done);
	if (done == 1) {
		keep_session(result, tls);
		progress = SHAKE_STANDS;
	} else if (error == SSL_ERROR_WANT_READ) {
		progress = SHAKE_WANTS_READ;
	} else if (error == SSL_ERROR_WANT_WRITE) {
		progress = SHAKE_WANTS_WRITE;
	} else {
		progress = tell_break(result, tls, error, number);
	}
	ERR_clear_error();
	return progress;
}

void starttls_tls_quit(struct starttls_tls *tls)
{
	static const char quit[] = "QUIT\r\n";

	(void)SSL_write(tls->connection, quit, sizeof(quit) - 1);
	ERR_clear_error();
}

bool starttls_tls_awaits(struct starttls_tls *tls)
{
	uint8_t swallowed[SWALLOW_MAX];
	int len = SSL_read(tls->connection, swallowed, sizeof(swallowed));
	int error = SSL_get_error(tls->connection, len);

	/* Session tickets come first, and are no answer. */
	ERR_clear_error();
	if (error == SSL_ERROR_WANT_READ)
		return true;
	(void)SSL_shutdown(tls->connection);
	ERR_clear_error();
	return false;
}
