/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_BENCH_CONNECTION_H
#define HOPGUARD_TESTS_BENCH_CONNECTION_H

/* The packets of a whole SMTP connection as they cross a gateway, made before a clock runs. Out of memory or room: abort. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "bench/parts/flights.h"
#include "support/talker.h"

enum { CONNECTION_PACKETS_MAX = 1024 };

struct connection {
	struct talker client, server;
	size_t segment_len; /* octets of data in a packet at most */
	bool acknowledges;  /* each segment by a packet of its own; else data does it */
	const char *domain; /* of the recipient */
	uint8_t *packets[CONNECTION_PACKETS_MAX];
	size_t lens[CONNECTION_PACKETS_MAX];
	size_t count;
	size_t octets;
};

/* What the clients of one address and their server say; number: tells connections apart. */
struct connection_kind {
	size_t body_len; /* of the letter, in clear; 0: changes to TLS */
	size_t segment_len;
	bool acknowledges;
	const struct flights *flights; /* NULL: the smallest handshake there is */
};

/* Up to the reply to EHLO, which is not in it: so far all are alike. */
void connection_begin(struct connection *connection, const struct connection_kind *kind,
                      uint32_t number, const char *domain);
/* The rest, to the end in clear, to the first application data in TLS: then a flow comes no more. */
void connection_write(struct connection *connection, const struct connection_kind *kind);
void connection_free(struct connection *connection);

#endif
