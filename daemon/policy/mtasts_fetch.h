/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_MTASTS_FETCH_H
#define HOPGUARD_POLICY_MTASTS_FETCH_H

/*
 * The policy file of a domain, over HTTPS (RFC 8461 section 3.3), by libcurl on the caller's event loop. libcurl looks up no
 * name: it gets the addresses that our own resolver found. The far side may be anybody: what it sends is bounded in
 * octets and time, and how many of its kind are heard at one time is bounded, too.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/bytes.h"

struct event_base;

enum {
	FETCHES_MAX = 64,            /* at one time; others wait */
	FETCHES_PER_ADDRESS_MAX = 8, /* so that one slow host does not take all */
	FETCHES_WAITING_MAX = 512,   /* beyond, none is begun */
	FETCHES_OTHERS_PART =
		4, /* a quarter of both is for other clients than any one, so that slow hosts keep no other's policy away */
	FETCH_ADDRESSES_MAX = 8,  /* of one host, that are tried */
	FETCH_CONNECT_MS = 15000, /* until TLS stands */
	FETCH_TOTAL_MS = 60000,   /* RFC 8461 section 3.3: a minute */
	FETCH_HEADERS_MAX = 32 * 1024,
	FETCH_WHY_MAX = 256,
	FETCH_PATH_MAX = 256,
};

struct mtasts_fetch_options {
	uint16_t port;
	char ca_file[FETCH_PATH_MAX]; /* empty: the system's */
};

/* Valid during the callback. */
struct mtasts_fetched {
	bool is_good;
	struct bytes text; /* of the file, when it is good: at most 64 KiB, not yet parsed */
	const char *why;   /* when it is not: URL, what came, what is allowed; one printable line */
};

struct mtasts_fetcher;
struct mtasts_fetch;

/* Never called from within mtasts_fetch_start; the fetch is gone after it. May start and cancel others. */
typedef void (*mtasts_fetch_fn)(void *owner, const struct mtasts_fetched *fetched);

/* 0 or -errno; -ENOTSUP: libcurl was built with another TLS library than OpenSSL. SIGPIPE must be ignored. */
int mtasts_fetcher_new(struct mtasts_fetcher **made, struct event_base *base,
                       const struct mtasts_fetch_options *options);
/* Open fetches end without a callback. */
void mtasts_fetcher_free(struct mtasts_fetcher *fetcher);
/* Counts for those that begin from now on. */
void mtasts_fetcher_configure(struct mtasts_fetcher *fetcher,
                              const struct mtasts_fetch_options *options);

/* For whom fetches are started from now on: a secret hash of a client, 0 for nobody's mail. */
void mtasts_fetcher_ask_for(struct mtasts_fetcher *fetcher, uint64_t client);
/*
 * `domain` in lower case A-labels; at least one address of its host mta-sts.DOMAIN. Those that are urgent begin before those that
 * are not. NULL: too many wait, in all or of that client's, or out of memory.
 */
struct mtasts_fetch *mtasts_fetch_start(struct mtasts_fetcher *fetcher, const char *domain,
                                        const struct address *addresses, size_t count,
                                        bool is_urgent, mtasts_fetch_fn fn, void *owner);
/* No callback comes. Only before it came. */
void mtasts_fetch_cancel(struct mtasts_fetch *fetch);
/* Begun, and waiting. */
size_t mtasts_fetcher_running(const struct mtasts_fetcher *fetcher);
size_t mtasts_fetcher_waiting(const struct mtasts_fetcher *fetcher);

#endif
