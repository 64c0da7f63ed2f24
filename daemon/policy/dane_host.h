/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_DANE_HOST_H
#define HOPGUARD_POLICY_DANE_HOST_H

/* One mail host: its addresses, and what its TLSA records promise (RFC 7672 sections 2.1, 2.2.3 and 3.1). */

#include <stdbool.h>
#include <stdint.h>

#include "policy/resolver.h"
#include "policy/tlsa.h"
#include "verdict/promise.h"

enum {
	DANE_ADDRESSES_MAX = 32, /* of one host, both families */
	DANE_KEYS_MAX = 32,      /* usable TLSA records of one host */
	DANE_KEY_OCTETS_MAX =
		16384, /* of their data: full keys and certificates have a few thousand */
	DANE_RETRY_S =
		5, /* what failed is asked again after this, and nothing is asked more often */
	DANE_TTL_MAX_S = 24 * 60 * 60,
};

/* What a certificate must match, for PROMISE_KEY; count 0 for PROMISE_TLS. */
struct dane_keys {
	char base[DOMAIN_NAME_MAX]; /* TLSA base domain: the name for SNI and for usage 2 */
	uint8_t count;
	struct tlsa records[DANE_KEYS_MAX]; /* their data lies in `octets` */
	uint8_t octets[DANE_KEY_OCTETS_MAX];
	uint16_t octets_len;
};

struct dane_host_result {
	enum dns_security address_security;
	struct promise promise;
	uint32_t ttl_s; /* DANE_RETRY_S to DANE_TTL_MAX_S */
	bool is_truncated;
	uint8_t address_count;
	struct address addresses[DANE_ADDRESSES_MAX];
	struct dane_keys *keys; /* NULL unless there are secure TLSA records */
};

struct dane_host;

/* `result` is valid during the callback, after which the ask is gone; who sets keys to NULL owns them. */
typedef void (*dane_host_fn)(void *owner, struct dane_host_result *result);

/* NULL: out of memory. Never calls back from within. */
struct dane_host *dane_host_ask(struct resolver *resolver, const char *name, dane_host_fn fn,
                                void *owner);
/* No callback comes. Only before it came. */
void dane_host_cancel(struct dane_host *host);

#endif
