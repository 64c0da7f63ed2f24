/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_MTASTS_TLS_H
#define HOPGUARD_POLICY_MTASTS_TLS_H

/*
 * Bounds on what a handshake of libcurl's may take, since no timer of its runs within one call. OpenSSL's client reads over messages that
 * mean nothing (HelloRequests, tickets) for as long as they come, and reckons in whatever finite field a server chooses.
 */

#include <stddef.h>

enum {
	/* A handshake has ten, and some servers send a few tickets behind it. */
	MTASTS_HANDSHAKE_MESSAGES_MAX = 100,
	/* 40 ms; the 10,000 that OpenSSL takes are more than a second. */
	MTASTS_FIELD_BITS_MAX = 4096,
};

struct ssl_st;
struct ssl_ctx_st;

/* Of one connection. */
struct mtasts_tls {
	size_t message_count;
	/* OpenSSL's own. */
	int (*is_secure)(const struct ssl_st *connection, const struct ssl_ctx_st *context,
	                 int operation, int bits, int number, void *other, void *owner);
};

/* *tls, zero at first, outlives the context. Beyond a bound nothing more is read. */
void mtasts_tls_bound(struct mtasts_tls *tls, struct ssl_ctx_st *context);

#endif
