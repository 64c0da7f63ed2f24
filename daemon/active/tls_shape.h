/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ACTIVE_TLS_SHAPE_H
#define HOPGUARD_ACTIVE_TLS_SHAPE_H

/*
 * The shape of a ClientHello by the numbers that stand in it: which certificate a server shows depends on it. Lists are in the order
 * of preference. Numbers that OpenSSL does not know are left out; a list of which it knows none, or an empty one, is OpenSSL's default.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "active/starttls_result.h"

struct ssl_ctx_st;

enum {
	TLS_SHAPE_CIPHERS_MAX = 128, /* OpenSSL's longest list has a hundred and twenty */
	TLS_SHAPE_GROUPS_MAX = 32,
	TLS_SHAPE_SIGNATURES_MAX = 48,
};

/* Zeroed: all that OpenSSL has and that authenticates the server, TLS 1.0 and what is weak today included. */
struct tls_shape {
	bool adds_anonymous; /* behind those defaults what authenticates nobody; not with ciphers of its own */
	uint16_t version_min; /* as on the wire; 0: no bound */
	uint16_t version_max;
	size_t cipher_count;
	uint16_t ciphers[TLS_SHAPE_CIPHERS_MAX];
	size_t group_count;
	uint16_t groups[TLS_SHAPE_GROUPS_MAX]; /* RFC 8446 section 4.2.7 */
	size_t signature_count;
	uint16_t signatures[TLS_SHAPE_SIGNATURES_MAX]; /* section 4.2.3 */
};

/* 0, -ENOMEM, or -EINVAL: OpenSSL refuses even its defaults. */
int tls_shape_apply(struct ssl_ctx_st *context, const struct tls_shape *shape);

#endif
