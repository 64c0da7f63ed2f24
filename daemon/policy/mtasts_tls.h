/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_MTASTS_TLS_H
#define HOPGUARD_POLICY_MTASTS_TLS_H

/*
 * A bound on what a server says in its handshakes. OpenSSL's client reads over messages that mean nothing (HelloRequests, tickets) within
 * one call, for as long as they come: no timer of libcurl's runs until that returns.
 */

#include <stddef.h>

/* A handshake has ten, and some servers send a few tickets behind it. */
enum { MTASTS_HANDSHAKE_MESSAGES_MAX = 100 };

struct ssl_ctx_st;

/* *count, zero at first, outlives the context: of one connection. Beyond the bound nothing more is read from it. */
void mtasts_tls_bound(struct ssl_ctx_st *context, size_t *count);

#endif
