/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_CHECK_EXCHANGE_H
#define HOPGUARD_CLI_CHECK_EXCHANGE_H

/*
 * One question to one name server, as a resolver would ask it: by UDP, where the answer is cut by TCP; not recursive, with DNSSEC records
 * wanted.
 */

#include <stdbool.h>

#include "base/address.h"
#include "base/bytes.h"
#include "verdict/promise.h"
#include "wire/dns_answer.h"

struct event_base;

enum {
	CHECK_EXCHANGE_TRIES = 3,
	CHECK_EXCHANGE_WAIT_MS = 1500, /* for each; by TCP as long as for all of them */
	CHECK_EXCHANGE_SIZE = 1232,    /* octets that an answer may have unfragmented (RFC 9715) */
	CHECK_EXCHANGE_WHY_MAX = 128,
};

struct check_question {
	enum dns_type type;
	char name[DOMAIN_NAME_MAX];
};

enum check_reply_outcome {
	CHECK_REPLY_NO_ROUTE, /* that address cannot be asked from here */
	CHECK_REPLY_NONE,     /* nothing came */
	CHECK_REPLY_WRONG,    /* an error, or it knows nothing of that zone */
	CHECK_REPLY_GOOD,     /* an answer or a denial, with authority */
};

/* Valid during the callback. */
struct check_reply {
	enum check_reply_outcome outcome;
	bool is_truncated;   /* by TCP, too */
	bool is_empty;       /* of GOOD: a denial */
	struct bytes octets; /* of GOOD: the message */
	char why[CHECK_EXCHANGE_WHY_MAX];
};

struct check_exchange;

const char *check_question_type(enum dns_type type); /* "MX"; A, MX and TLSA are asked for */

/* Called once, never from within check_exchange_start. */
typedef void (*check_exchange_fn)(void *owner, const struct check_reply *reply);

/* NULL: out of memory or descriptors, and nobody is called. */
struct check_exchange *check_exchange_start(struct event_base *base, const struct address *server,
                                            const struct check_question *question,
                                            check_exchange_fn fn, void *owner);

#endif
