/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_BENCH_TALK_H
#define HOPGUARD_TESTS_BENCH_TALK_H

/*
 * One connection of the load client or its sink: lines in, octets out, in clear and then inside TLS, on a
 * descriptor that does not block. Made to cost little: one epoll registration (edge-triggered, both ways)
 * for its life, no allocation but OpenSSL's.
 */

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TALK_LINE_ROOM = 1024 };

enum talk_result {
	TALK_DONE,
	TALK_WAIT, /* for the next event of the descriptor */
	TALK_OVER, /* the other side is gone, or nonsense came */
};

struct talk {
	int descriptor; /* -1: closed */
	SSL *tls;       /* NULL: in clear */
	const char *unsent;
	size_t unsent_len;
	char line[TALK_LINE_ROOM];
	size_t line_len, taken_len; /* read so far, and given out of that */
};

/* Registers it with epoll; `owner` comes with each event. False: closed again. */
bool talk_open(struct talk *talk, int descriptor, int epoll, void *owner);
/* At once; `resets`: by RST, so that no port waits. */
void talk_close(struct talk *talk, bool resets);

/* *line: without its end, NUL behind it, until the next call. */
enum talk_result talk_line(struct talk *talk, char **line);
/* Octets of a body. *len: how many came, up to room. */
enum talk_result talk_read(struct talk *talk, char *buffer, size_t room, size_t *len);
/* Borrowed until TALK_DONE, by this call or by talk_send_rest. */
enum talk_result talk_send(struct talk *talk, const char *octets, size_t len);
enum talk_result talk_send_rest(struct talk *talk);

/* version: TLS1_2_VERSION or TLS1_3_VERSION; 0: both. P-256 and AES-128-GCM, no resumption. NULL: said why. */
SSL_CTX *talk_client_context(int version);
SSL_CTX *talk_server_context(const char *certificate_path, const char *key_path);
/* Then talk_handshake until it is done. name: for SNI, by the client. */
bool talk_begin_tls(struct talk *talk, SSL_CTX *context, const char *name, bool is_server);
enum talk_result talk_handshake(struct talk *talk);

#endif
