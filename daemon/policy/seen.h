/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_SEEN_H
#define HOPGUARD_POLICY_SEEN_H

/*
 * The scout's memory of what connections showed: which host at which address offered STARTTLS, with which version and key, since when;
 * which domains had their promise met, on how many days. It is told of hosts only that a validated look-up led to. A host that does not
 * offer STARTTLS changes nothing: else whoever strips it would have it forgotten.
 *
 * Memory only alerts and suggests look-ups; it never binds. A host or domain that was seen on one day only is a newcomer
 * (policy/tenure.h). All times are wall clock, milliseconds since 1970; days are UTC.
 */

#include "base/table.h"
#include "policy/sights.h"
#include "verdict/evidence.h"
#include "verdict/row.h"

enum {
	SEEN_HOSTS_MAX = 131072,
	SEEN_PLACES_MAX = 262144, /* addresses over all hosts */
	SEEN_DOMAINS_MAX = 131072,
	SEEN_ADDRESSES_MAX = SIGHTS_MAX, /* of one host; the one not seen for longest leaves */
	SEEN_NAMES_MAX = 4,              /* hosts that are found by one address */
	SEEN_PLACE_DAYS = SIGHTS_DAYS,
	SEEN_MET_DAYS = 400,
};

/* What a flow showed. */
struct seen_sighting {
	const char *host; /* lower case A-labels, as `domain` */
	struct address address;
	bool offers_starttls;
	uint16_t tls_version; /* as on the wire; 0: no handshake was seen to its end */
	const uint8_t *key;   /* ROW_KEY_LEN octets; NULL: not known */
	const char *domain;   /* NULL: not known */
	bool met;             /* the domain's promise was met */
};

struct seen_figures {
	uint64_t hosts, places, domains, octets;
};

struct seen;

/*
 * capacity: of hosts, and of domains; SEEN_HOSTS_MAX for the scout. on_row is called with each row that is to be kept; it may not
 * call back. NULL: out of memory.
 */
struct seen *seen_new(size_t capacity, const uint8_t secret[TABLE_SECRET_LEN],
                      void (*on_row)(void *owner, const struct row *row), void *owner);
void seen_free(struct seen *seen);

/* A ROW_PLACE or ROW_MET that was kept: it never takes back what is known already. */
void seen_load(struct seen *seen, const struct row *row);
/* A row is given on when something changed, else once a day. */
void seen_sighting(struct seen *seen, const struct seen_sighting *sighting, uint64_t now_ms);

/* "2026-03-01 to 2026-11-20". False: not within SEEN_PLACE_DAYS; text is then empty. */
bool seen_offered_before(char text[OFFERED_BEFORE_MAX], const struct seen *seen, const char *host,
                         uint64_t now_ms);
/* On how many different days its promise was met; 0 where that is longer ago than SEEN_MET_DAYS, too. */
uint32_t seen_days_met(const struct seen *seen, const char *domain, uint64_t now_ms);
/* Hosts that were seen at that address: candidates for a look-up. How many, at most `max`. */
size_t seen_names_at(char names[][DOMAIN_NAME_MAX], size_t max, const struct seen *seen,
                     const struct address *address, uint64_t now_ms);
/* Of that host; false: nothing is remembered. */
bool seen_evidence(struct evidence *evidence, const struct seen *seen, const char *host,
                   uint64_t now_ms);
/* The host and the domain of that name; rows say so. How many were forgotten. */
size_t seen_forget(struct seen *seen, const char *name);

void seen_figures(struct seen_figures *figures, const struct seen *seen);

#endif
