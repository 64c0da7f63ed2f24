/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_HEARD_H
#define HOPGUARD_POLICY_HEARD_H

/*
 * What DNS answers to clients and their resolvers said, in whatever order: domain → MX host → address. Where both steps are known
 * the domain is a candidate for the address. Nothing here is validated. An answer to a resolver serves all behind it, so a candidate
 * is one for every client.
 *
 * Entries live as long as their TTL, within bounds, and belong to the client that was answered: where there is no more room, the
 * client that has the most loses its oldest.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/table.h"
#include "wire/dns_message.h"

enum {
	HEARD_CLIENTS_MAX = 64, /* in IPv6, of a /64 each */
	/* And as many again that matter. */
	HEARD_DOMAINS_MAX = 8192,
	HEARD_NAMED_MAX =
		8192, /* hosts that a domain heard of names; as many again of domains that matter */
	HEARD_UNNAMED_MAX =
		8192, /* others that were asked for their addresses: mostly no mail hosts at all */
	/* Of one answer: the most preferred. Of one domain: the latest, so that all that a client was told in one moment has room. */
	HEARD_ANSWER_HOSTS_MAX = 16,
	HEARD_HOSTS_MAX = 64,
	HEARD_PLACES_MAX = 16, /* addresses of one host */
	/* Names that are known to stand for others, and for how many others each. */
	HEARD_CANONICALS_MAX = 2048,
	HEARD_ALIASES_MAX = 4,
	HEARD_CANDIDATES_MAX =
		256, /* told of one answer, of those domains first that matter, then of those that were heard last */
	HEARD_LIFE_MIN_S = 60, /* whoever asked goes there within moments, even if the TTL is 0 */
	HEARD_LIFE_MAX_S = 3600,
};

struct heard;

/* By what was heard, mail for `domain` may go to `host`, which is at `server`, for that long. Valid during the callback. */
struct heard_candidate {
	bool matters;
	const char *domain;
	const char *host;
	struct address server;
	uint32_t life_s;
};

typedef void (*heard_fn)(void *owner, const struct heard_candidate *candidate);

/* NULL: out of memory. */
struct heard *heard_new(const uint8_t secret[TABLE_SECRET_LEN], heard_fn fn, void *owner);
void heard_free(struct heard *heard);

/*
 * An answer to `client`: of MX its hosts, and addresses beside them, of A and AAAA its addresses; anything else is left. A domain
 * without MX is its own host (RFC 5321 section 5.1). matters: of MX, the domain is one whose mail must not be led astray unseen.
 * False: not taken, for it is malformed, or a referral.
 */
bool heard_answer(struct heard *heard, const struct address *client,
                  const struct dns_message *message, bool matters, uint64_t now_ms);
/* Tells all candidates of that domain once more. */
void heard_repeat(struct heard *heard, const char *domain, uint64_t now_ms);
/* Whether a domain heard of names this host. */
bool heard_names_host(const struct heard *heard, const char *name, uint64_t now_ms);
/* Lets go what is over; now and then. */
void heard_sweep(struct heard *heard, uint64_t now_ms);
/* Domains, and hosts of both kinds. */
size_t heard_count(const struct heard *heard);

#endif
