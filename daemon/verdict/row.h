/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_VERDICT_ROW_H
#define HOPGUARD_VERDICT_ROW_H

/*
 * What survives a restart: the scout sends rows as they change, the ledger keeps them in its database and streams them back
 * when a scout starts. A row replaces the one with the same key. All times are wall clock, milliseconds since 1970.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "verdict/promise.h"

enum {
	ROW_POLICY_ID_MAX = 33,     /* RFC 8461 section 3.1: 1 to 32 letters and digits */
	ROW_POLICY_TEXT_MAX = 4096, /* what is kept of a policy file */
	ROW_PATH_MAX = 256,
	ROW_KEY_LEN = 32,
};

enum row_kind {
	ROW_POLICY, /* an MTA-STS policy in the cache; key: domain */
	ROW_PLACE,  /* what a host showed at an address; key: host and address */
	ROW_MET,    /* a domain whose promise was met; key: domain */
	ROW_LIST,   /* the newest policy list taken from a path; key: path */
	ROW_KIND_COUNT,
};

/*
 * left_s is the life that is left at saved_ms, counted by a clock that cannot be set: a wall clock that steps shall neither revive
 * nor kill a policy. kept_s, counted in the same way, is for how long the domain has had a policy here;
 * standing, how firmly it keeps its room (policy/mtasts_cache.h).
 */
struct row_policy {
	char domain[DOMAIN_NAME_MAX];
	char id[ROW_POLICY_ID_MAX];
	uint64_t fetched_ms;
	uint64_t saved_ms;
	uint32_t left_s;
	uint32_t kept_s;
	uint32_t standing;
	uint32_t text_len;
	char text[ROW_POLICY_TEXT_MAX]; /* a policy file with what counts of it; not terminated */
};

struct row_place {
	char host[DOMAIN_NAME_MAX]; /* by a validated look-up */
	struct address address;
	uint64_t first_ms; /* since when STARTTLS is offered there */
	uint64_t last_ms;
	uint16_t tls_version; /* the highest seen, as on the wire (0x0303); 0: none */
	uint8_t has_key;
	uint8_t key[ROW_KEY_LEN]; /* SHA-256 of the SubjectPublicKeyInfo last seen */
};

struct row_met {
	char domain[DOMAIN_NAME_MAX];
	uint64_t first_ms;
	uint64_t last_ms;
	uint32_t days; /* different days (UTC) */
};

struct row_list {
	char path[ROW_PATH_MAX];
	uint64_t timestamp_ms; /* the list's own */
};

struct row {
	uint32_t kind;
	uint32_t is_removed; /* only the key counts */
	union {
		struct row_policy policy;
		struct row_place place;
		struct row_met met;
		struct row_list list;
	};
};

/* Octets of a row that count: a policy's text is the last of it. */
size_t row_len(const struct row *row);
/* Whether `len` octets that came from elsewhere are a row: kind, strings and lengths. */
bool row_is_sound(const struct row *row, size_t len);

#endif
