/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_DESTINATION_RECORD_H
#define HOPGUARD_POLICY_DESTINATION_RECORD_H

/*
 * A struct destination in the few hundred octets that it usually needs, for keeping many. Once it is made, all that changes is that it
 * may be outdated; it is freed with its last holder.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verdict/key_rule.h"
#include "verdict/promise.h"

enum {
	RECORD_TTL_MAX_S =
		24 * 60 * 60,    /* what changes is seen within a day, whatever its TTL says */
	RECORD_PLACES_MAX = 192, /* MX_PLACES_MAX, and the latest of earlier answers */
	RECORD_HOSTS_MAX = 64,
};

struct record;

/*
 * `earlier` (or NULL) is the answer before: its places that the new one lacks count until their own TTL is over.
 * The caller holds the result. NULL: out of memory.
 */
struct record *record_new(const struct destination *destination, const struct record *earlier,
                          uint64_t now_ms);
struct record *record_hold(struct record *record);
/* Octets given back, malloc's share included: 0 while somebody else holds it. */
size_t record_release(struct record *record);
size_t record_octets(const struct record *record);

/* What another answer says of TLSA records of that host of its. What was not looked up, or could not be, is the same. */
enum record_accord { RECORD_LACKS /* it does not name the host */, RECORD_SAME, RECORD_DIFFERENT };

enum record_accord record_compare(const struct record *record,
                                  const struct destination *destination, size_t host);
/* It is not fresh any more, and what it promises not known (PROMISE_UNKNOWN); its places count as long as they would have. */
void record_outdate(struct record *record);

const char *record_name(const struct record *record);
bool record_is_host(const struct record *record); /* of MX_HOST */
bool record_is_next_hop(const struct record *record);
bool record_is_established(const struct record *record);
bool record_is_unavailable(const struct record *record);
bool record_is_fresh(const struct record *record, uint64_t now_ms);
uint32_t record_age_s(const struct record *record, uint64_t now_ms);
/* The latest answer as it was given, with what is left of its TTL; without places of earlier answers. */
void record_unpack(struct destination *destination, const struct record *record, uint64_t now_ms);

/* The hosts of the latest answer, and those of places of earlier ones. */
size_t record_host_count(const struct record *record);
const char *record_host(const struct record *record, size_t host);
size_t record_place_count(const struct record *record);
const struct address *record_address(const struct record *record, size_t place);
const char *record_host_at(const struct record *record, size_t place);
enum promise_source record_source_at(const struct record *record, size_t place);
enum promise_state record_state_at(const struct record *record, size_t place);
bool record_place_is_fresh(const struct record *record, size_t place, uint64_t now_ms);
bool record_place_outlives(const struct record *record, size_t place, const struct record *other,
                           size_t other_place);
bool record_includes(const struct record *record, const struct address *address, uint64_t now_ms);

/* What it asks at that address, or at that place of its own. */
void record_hop(struct hop *hop, const struct record *record, const struct address *address,
                uint64_t now_ms);
void record_hop_at(struct hop *hop, const struct record *record, size_t place);
/* At that host, whatever its address. False: it is none of the latest answer. */
bool record_hop_of_host(struct hop *hop, const struct record *record, const char *host);

/*
 * What it asks of the key at that address: of each host there, and of `mx` whatever its address; where it has none there, of each host
 * that its mail may go to. A host's rules are a group. False: no rules, or more than there is room for.
 */
bool record_keys(struct key_rules *rules, const struct record *record,
                 const struct address *address, const char *mx, uint64_t now_ms);

#endif
