/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ACTIVE_STARTTLS_CLIENT_H
#define HOPGUARD_ACTIVE_STARTTLS_CLIENT_H

/*
 * A client that goes to a mail server to see how it starts TLS (RFC 3207), on the caller's event loop: banner, EHLO, STARTTLS,
 * handshake, QUIT. It names no sender and no recipient, verifies nothing, and takes what comes within bounds of octets and time.
 * SIGPIPE must be ignored.
 */

#include <stdbool.h>
#include <stdint.h>

#include "active/starttls_result.h"
#include "active/tls_shape.h"
#include "base/address.h"

struct event_base;

/* How long it waits for the answer to QUIT, when all has been told. */
enum { STARTTLS_FAREWELL_MS = 2000 };

/* Copied. */
struct starttls_options {
	struct endpoint server;
	struct address source; /* family 0: whichever the kernel takes */
	/*
	 * A TCP socket that is to be connected, with whatever its maker set on it, closed by the client in any case; -1: one of its own.
	 */
	int descriptor;
	bool asks_hidden; /* STARTTLS is sent though EHLO does not offer it, and HELO where EHLO is refused */
	char ehlo_name[STARTTLS_NAME_MAX];
	char server_name[STARTTLS_NAME_MAX]; /* for SNI; empty: none */
	struct tls_shape shape;
	uint32_t connect_ms;      /* to connect; 0: as for any other step */
	uint32_t step_ms;         /* for each of the steps, to its end */
	uint32_t total_ms;        /* for all of them */
	uint64_t (*now_ms)(void); /* monotonic */
};

struct starttls_client;

/* Called once, never from within starttls_client_start. The result is valid during the callback; the client is gone after it. */
typedef void (*starttls_fn)(void *owner, const struct starttls_result *result);

/* NULL: out of memory (and the descriptor is closed). */
struct starttls_client *starttls_client_start(struct event_base *base,
                                              const struct starttls_options *options,
                                              starttls_fn fn, void *owner);
/* No callback comes. Only before it came. */
void starttls_client_cancel(struct starttls_client *client);

#endif
