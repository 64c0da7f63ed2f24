/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_DANE_H
#define HOPGUARD_POLICY_DANE_H

/* What a mail domain promises by DANE (RFC 7672): its MX hosts, their addresses, their TLSA records. */

#include "policy/dane_host.h"
#include "verdict/promise.h"

struct dane_result {
	struct destination destination;
	/* The end of the domain's CNAME chain, its own name without one; empty: the MX look-up failed, or a host was asked for. */
	char canonical[DOMAIN_NAME_MAX];
	/* By host; NULL where there are no secure TLSA records. */
	struct dane_keys *keys[MX_HOSTS_MAX];
};

struct dane;

/* `result` is valid during the callback, after which the ask is gone; who sets keys to NULL owns them. */
typedef void (*dane_fn)(void *owner, struct dane_result *result);

/* `name` in lower case A-labels. NULL: out of memory. Never calls back from within. */
struct dane *dane_ask_domain(struct resolver *resolver, const char *name, dane_fn fn, void *owner);
/* The same for one host: MX_HOST. */
struct dane *dane_ask_host(struct resolver *resolver, const char *name, dane_fn fn, void *owner);
/* No callback comes. Only before it came. */
void dane_cancel(struct dane *dane);

#endif
