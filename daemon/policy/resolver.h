/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_RESOLVER_H
#define HOPGUARD_POLICY_RESOLVER_H

/*
 * DNS questions with DNSSEC validation, asked by libunbound on the caller's event loop. An answer is secure, insecure,
 * bogus or failed, and only the first two are answers: whoever cannot tell them apart lets SERVFAIL pass for "no promise".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/table.h"
#include "policy/turns.h"
#include "verdict/promise.h"
#include "wire/dns_answer.h"

struct event_base;

enum {
	RESOLVER_PATH_MAX = 256,
	RESOLVER_FORWARDERS_MAX = 8,
	RESOLVER_IN_FLIGHT_MAX = 256, /* questions that libunbound has at one time; others wait */
	RESOLVER_WAITING_MAX =
		8192, /* beyond, a question fails at once; half of them for one client */
	RESOLVER_WHY_MAX = 200,
};

/* Empty strings and zero counts: not given. */
struct resolver_options {
	/* File of DS or DNSKEY records; else the built-in root anchors. */
	char trust_anchor[RESOLVER_PATH_MAX];
	char root_hints[RESOLVER_PATH_MAX];
	/* Here the built-in anchors are tracked by RFC 5011, in root.key; else they stay what they were at build time. */
	char state_directory[RESOLVER_PATH_MAX];
	struct endpoint forwarders[RESOLVER_FORWARDERS_MAX];
	size_t forwarder_count;
	uint32_t timeout_ms;
};

enum lookup_outcome {
	LOOKUP_UNKNOWN,  /* security is BOGUS or FAILED: nothing below means anything but `why` */
	LOOKUP_FOUND,    /* answer.record_count > 0 */
	LOOKUP_NODATA,   /* the name exists without that type */
	LOOKUP_NXDOMAIN, /* the name, or the end of its CNAME chain, does not exist */
};

/* Valid during the callback. */
struct lookup {
	enum dns_security security; /* of the whole answer, CNAME chain included */
	enum lookup_outcome outcome;
	struct dns_answer answer;
	const char *why; /* why bogus or failed; else empty */
};

bool resolver_options_equal(const struct resolver_options *a, const struct resolver_options *b);

struct resolver_counts {
	uint64_t lookups;
	uint64_t bogus;
	uint64_t failed;
	uint64_t in_flight; /* now, with those that wait */
};

struct resolver;
struct query;

/* Called once for each question, never from within resolver_ask; may ask, cancel others and configure. */
typedef void (*lookup_fn)(void *owner, const struct lookup *lookup);

/* 0 or -errno. */
int resolver_new(struct resolver **made, struct event_base *base,
                 const struct resolver_options *options);
/* Open questions end without a callback. */
void resolver_free(struct resolver *resolver);
/*
 * A fresh libunbound context, with an empty cache; open questions are asked again there. 0 or -errno: then the old one
 * goes on. Not to be called from other libunbound callbacks.
 */
int resolver_configure(struct resolver *resolver, const struct resolver_options *options);
/*
 * Two caches may differ. Whatever `newer` answers is asked of it from then on, also by those who ask `resolver`, until that gets a fresh
 * context, too, or either is freed. 0 or -ENOMEM: then each answers for itself.
 */
int resolver_prefer(struct resolver *resolver, struct resolver *newer,
                    const uint8_t secret[TABLE_SECRET_LEN]);
/* One line when trust anchors are not tracked though they should be, or a file cannot be read; else empty. */
const char *resolver_trouble(const struct resolver *resolver);

/* Who asks from now on; what is asked in a callback is asked for whom it answers. */
void resolver_ask_for(struct resolver *resolver, const struct party *party);
/* In a callback: for whom it was asked. */
const struct party *resolver_asks_for(const struct resolver *resolver);
/* `name` in lower case without final dot, "" for the root. NULL: out of memory. Ends within timeout_ms. */
struct query *resolver_ask(struct resolver *resolver, const char *name, enum dns_type type,
                           lookup_fn fn, void *owner);
/* No callback comes. Only before it came. */
void resolver_cancel(struct query *query);
struct resolver_counts resolver_counts(const struct resolver *resolver);

#endif
