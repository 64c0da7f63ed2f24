/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_PROMISE_CACHE_H
#define HOPGUARD_POLICY_PROMISE_CACHE_H

/*
 * What a guard already knows: the scout's answers by name, and by the addresses in them. Address sets of earlier answers
 * count until their own TTL is over (geo-DNS and anycast give each resolver others). Bounded; the oldest leaves.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "policy/mentions.h"
#include "verdict/key_rule.h"
#include "verdict/promise.h"

enum {
	/* Octets of all for each name of the capacity; a typical answer needs 600 to 1,300 with all that finds it, the largest 30,000. */
	PROMISE_CACHE_OCTETS_PER_NAME = 1280,
	/* Names that may share an address and are told apart; the strongest promises stay. */
	PROMISE_CACHE_MENTIONS_MAX = MENTIONS_MAX,
};

struct promise_cache;

/* Memory grows with what is put. NULL: out of memory. */
struct promise_cache *promise_cache_new(size_t capacity, const uint8_t secret[TABLE_SECRET_LEN]);
void promise_cache_free(struct promise_cache *cache);

/*
 * 0 or -ENOMEM. A failed look-up (MX_UNAVAILABLE) does not displace an answer that is still fresh: that is as true as
 * its TTL says.
 */
int promise_cache_put(struct promise_cache *cache, const struct destination *destination,
                      uint64_t now_ms);

/*
 * Before it is put, of what was found past all caches: every answer that knows other TLSA records of one of its hosts is outdated, the one
 * of its own name included: asked for, it is stale, and promises what is not known. False: the answer before knew the same.
 */
bool promise_cache_outdate(struct promise_cache *cache, const struct destination *destination);

enum cache_answer { CACHE_UNKNOWN, CACHE_STALE /* expired: filled, ask again */, CACHE_FRESH };

/*
 * What the mail domain of that name asks at that address; an answer about the host of the same name (MX_HOST) is
 * another entry. `name` in lower case A-labels.
 */
enum cache_answer promise_cache_find(struct hop *hop, struct promise_cache *cache, const char *name,
                                     const struct address *address, uint64_t now_ms);
/* The same for a host (MX_HOST): hop->domain stays empty. */
enum cache_answer promise_cache_find_host(struct hop *hop, struct promise_cache *cache,
                                          const char *name, const struct address *address,
                                          uint64_t now_ms);
/* The latest answer itself, with what is left of its TTL; *age_s since it was put. */
enum cache_answer promise_cache_get(struct destination *destination, uint32_t *age_s,
                                    struct promise_cache *cache, const char *name, bool is_host,
                                    uint64_t now_ms);
/* The strongest promise that any fresh destination makes for that address. False: none names it. */
bool promise_cache_strongest(struct hop *hop, const struct promise_cache *cache,
                             const struct address *address, uint64_t now_ms);
/*
 * The smart host that stands there, as the operator named it, PROMISE_UNKNOWN where that is outdated; an address that is asked about stays
 * known longer. False: none.
 */
bool promise_cache_next_hop(struct hop *hop, struct promise_cache *cache,
                            const struct address *address);
/* All that answers with that address among their fresh ones say of it, in no order; what is outdated promises PROMISE_UNKNOWN. How many. */
size_t promise_cache_at(struct hop hops[PROMISE_CACHE_MENTIONS_MAX],
                        const struct promise_cache *cache, const struct address *address,
                        uint64_t now_ms);
/* What the domain asks at that MX host of its, whatever the address. False: the host is none of its latest answer. */
bool promise_cache_find_mx(struct hop *hop, const struct promise_cache *cache, const char *domain,
                           const char *host);
/*
 * What the key at that address is to meet for that hop, as one of the above gave it. False: its answer is gone, or it has no rules (for
 * PROMISE_KEY: there was no room for them).
 */
bool promise_cache_keys(struct key_rules *rules, const struct promise_cache *cache,
                        const struct hop *hop, const struct address *address, uint64_t now_ms);
/* Whether the mail domain of that name is one that binds (struct destination), by its latest answer, stale or not. */
bool promise_cache_is_established(const struct promise_cache *cache, const char *name);
/* Whether `address` is a validated place of the domain or the host of that name. */
bool promise_cache_includes(const struct promise_cache *cache, const char *name,
                            const struct address *address, uint64_t now_ms);
/* The domain and the host of that name. Entries forgotten. Where an address of theirs is crowded, all names are looked through. */
size_t promise_cache_forget(struct promise_cache *cache, const char *name);
void promise_cache_clear(struct promise_cache *cache);
size_t promise_cache_count(const struct promise_cache *cache);

#endif
