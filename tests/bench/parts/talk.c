/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/parts/talk.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

bool talk_open(struct talk *talk, int descriptor, int epoll, void *owner)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP,
		                     .data.ptr = owner };
	const int on = 1;

	talk->descriptor = descriptor;
	talk->tls = NULL;
	talk->unsent_len = talk->line_len = talk->taken_len = 0;
	(void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0)
		return true;
	talk_close(talk, true);
	return false;
}

void talk_close(struct talk *talk, bool resets)
{
	const struct linger at_once = { .l_onoff = 1 };

	if (talk->descriptor < 0)
		return;
	if (talk->tls) {
		(void)SSL_shutdown(talk->tls);
		SSL_free(talk->tls);
		talk->tls = NULL;
	}
	if (resets)
		(void)setsockopt(talk->descriptor, SOL_SOCKET, SO_LINGER, &at_once,
		                 sizeof(at_once));
	close(talk->descriptor);
	talk->descriptor = -1;
}

static enum talk_result tls_result(struct talk *talk, int status)
{
	int error = SSL_get_error(talk->tls, status);

	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return TALK_WAIT;
	ERR_clear_error();
	return TALK_OVER;
}

enum talk_result talk_read(struct talk *talk, char *buffer, size_t room, size_t *len)
{
	ssize_t got;

	if (talk->tls) {
		int status = SSL_read_ex(talk->tls, buffer, room, len);

		return status == 1 ? TALK_DONE : tls_result(talk, status);
	}
	got = recv(talk->descriptor, buffer, room, 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return TALK_WAIT;
	if (got <= 0)
		return TALK_OVER;
	*len = (size_t)got;
	return TALK_DONE;
}

enum talk_result talk_line(struct talk *talk, char **line)
{
	for (;;) {
		char *start = talk->line + talk->taken_len;
		char *newline = memchr(start, '\n', talk->line_len - talk->taken_len);
		enum talk_result result;
		size_t got = 0;

		if (newline) {
			talk->taken_len = (size_t)(newline - talk->line) + 1;
			if (newline > start && newline[-1] == '\r')
				newline--;
			*newline = '\0';
			*line = start;
			return TALK_DONE;
		}
		memmove(talk->line, start, talk->line_len - talk->taken_len);
		talk->line_len -= talk->taken_len;
		talk->taken_len = 0;
		if (talk->line_len == TALK_LINE_ROOM)
			return TALK_OVER;
		result = talk_read(talk, talk->line + talk->line_len,
		                   TALK_LINE_ROOM - talk->line_len, &got);
		if (result != TALK_DONE)
			return result;
		talk->line_len += got;
	}
}

enum talk_result talk_send_rest(struct talk *talk)
{
	while (talk->unsent_len > 0) {
		size_t gone = 0;

		if (talk->tls) {
			int status = SSL_write_ex(talk->tls, talk->unsent, talk->unsent_len, &gone);

			if (status != 1)
				return tls_result(talk, status);
		} else {
			ssize_t sent = send(talk->descriptor, talk->unsent, talk->unsent_len,
			                    MSG_NOSIGNAL);

			if (sent < 0)
				return errno == EAGAIN || errno == EINTR ? TALK_WAIT : TALK_OVER;
			gone = (size_t)sent;
		}
		talk->unsent += gone;
		talk->unsent_len -= gone;
	}
	return TALK_DONE;
}

enum talk_result talk_send(struct talk *talk, const char *octets, size_t len)
{
	talk->unsent = octets;
	talk->unsent_len = len;
	return talk_send_rest(talk);
}

static SSL_CTX *context_of(const SSL_METHOD *method, int lowest, int highest)
{
	SSL_CTX *context = SSL_CTX_new(method);

	if (!context || !SSL_CTX_set_min_proto_version(context, lowest) ||
	    !SSL_CTX_set_max_proto_version(context, highest) ||
	    !SSL_CTX_set1_groups_list(context, "P-256") ||
	    !SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-GCM-SHA256") ||
	    !SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256")) {
		ERR_print_errors_fp(stderr);
		SSL_CTX_free(context);
		return NULL;
	}
	/* A full handshake each time. */
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_num_tickets(context, 0);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(context,
	                 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(context, 1);
	return context;
}

SSL_CTX *talk_client_context(int version)
{
	return context_of(TLS_client_method(), version ? version : TLS1_2_VERSION,
	                  version ? version : TLS1_3_VERSION);
}

SSL_CTX *talk_server_context(const char *certificate_path, const char *key_path)
{
	SSL_CTX *context = context_of(TLS_server_method(), TLS1_2_VERSION, TLS1_3_VERSION);

	if (!context)
		return NULL;
	if (SSL_CTX_use_certificate_chain_file(context, certificate_path) == 1 &&
	    SSL_CTX_use_PrivateKey_file(context, key_path, SSL_FILETYPE_PEM) == 1)
		return context;
	ERR_print_errors_fp(stderr);
	SSL_CTX_free(context);
	return NULL;
}

bool talk_begin_tls(struct talk *talk, SSL_CTX *context, const char *name, bool is_server)
{
	talk->tls = SSL_new(context);
	if (!talk->tls || !SSL_set_fd(talk->tls, talk->descriptor))
		return false;
	if (is_server) {
		SSL_set_accept_state(talk->tls);
		return true;
	}
	SSL_set_connect_state(talk->tls);
	return SSL_set_tlsext_host_name(talk->tls, name) == 1;
}

enum talk_result talk_handshake(struct talk *talk)
{
	int status = SSL_do_handshake(talk->tls);

	return status == 1 ? TALK_DONE : tls_result(talk, status);
}
