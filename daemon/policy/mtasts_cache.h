/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_MTASTS_CACHE_H
#define HOPGUARD_POLICY_MTASTS_CACHE_H

/*
 * The policies that were taken, by domain, and the agenda of when each is to be looked at again. An entry is one allocation with
 * its texts in it: of a policy file only what counts is kept, MTASTS_KEPT_MAX octets at most. All times monotonic milliseconds, but for
 * fetched_ms.
 *
 * Strangers can bring up domains with policies, by a mail or by a DNS answer. So newcomers may have all room that is free, and push out
 * each other only; of the room as a whole a quarter is never anybody else's. Where the other three quarters are full, those that only
 * settled leave before those that are established. Of two with the same standing the one asked for longest ago leaves.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/bytes.h"
#include "base/table.h"
#include "wire/mtasts_text.h"

enum mtasts_standing {
	MTASTS_NEWCOMER,
	MTASTS_SETTLED,     /* there for long */
	MTASTS_ESTABLISHED, /* the operator names it, or mail met its promise from here */
	MTASTS_STANDING_COUNT,
};

enum { MTASTS_NEWCOMER_SHARE = 4 /* of the room this part is theirs alone */ };

struct mtasts_entry {
	LIST_ENTRY(mtasts_entry) in_agenda;
	uint64_t due_ms;     /* its place in the agenda */
	uint64_t fetched_ms; /* wall clock, as a row says it */
	uint64_t expires_ms;
	uint64_t renew_ms;  /* UINT64_MAX: never */
	uint64_t looked_ms; /* when the TXT record was last asked for; 0: not since we started */
	uint64_t forced_ms; /* when it was last fetched for a would-be block; 0: never */
	uint64_t save_ms;   /* when its row is to be sent again */
	uint64_t told_ms;   /* when its trouble was last told; 0: never */
	uint64_t since_ms;  /* since then it is here, and was before for: */
	uint32_t kept_s;
	char *trouble; /* why it cannot be renewed; NULL: it can */
	struct mtasts_policy policy;
	uint32_t text_len;
	uint16_t failures; /* in a row */
	uint8_t domain_len;
	uint8_t id_len;
	uint8_t standing;
	bool is_over; /* its end was told and saved */
	char texts[]; /* domain and id with a NUL each, then what is kept of the file */
};

struct mtasts_taken {
	const char *domain;
	const char *id;
	struct mtasts_policy policy;
	struct bytes text; /* the file that it was read from */
};

struct mtasts_cache;

/* An entry leaves for good: no room, or removed. */
typedef void (*mtasts_leave_fn)(void *owner, const struct mtasts_entry *entry);

/* capacity and octets_max: over all entries, of which none is larger than a quarter of that. NULL: out of memory. */
struct mtasts_cache *mtasts_cache_new(size_t capacity, size_t octets_max,
                                      const uint8_t secret[TABLE_SECRET_LEN],
                                      mtasts_leave_fn on_leave, void *owner);
/* on_leave is not called. */
void mtasts_cache_free(struct mtasts_cache *cache);

/* The entry, which becomes the one last asked for; NULL: none. Valid until it is replaced or leaves. */
struct mtasts_entry *mtasts_cache_find(struct mtasts_cache *cache, const char *domain);
/* The same without touching the order. */
struct mtasts_entry *mtasts_cache_peek(const struct mtasts_cache *cache, const char *domain);
/*
 * In place of an older one of that domain, whose standing, since_ms and kept_s it inherits; else a newcomer. All other times are zero; it
 * is in no agenda yet. NULL: out of memory, and the older one stays.
 */
struct mtasts_entry *mtasts_cache_put(struct mtasts_cache *cache, const struct mtasts_taken *taken);
/* It stays where it is; others may have to leave. No memory: its standing is as before. */
void mtasts_cache_stand(struct mtasts_cache *cache, struct mtasts_entry *entry,
                        enum mtasts_standing standing);
void mtasts_cache_remove(struct mtasts_cache *cache, const char *domain);

/* To be looked at again at that time, at most an hour from now. */
void mtasts_cache_schedule(struct mtasts_cache *cache, struct mtasts_entry *entry, uint64_t at_ms,
                           uint64_t now_ms);
/* One whose time has come, out of the agenda: it is to be scheduled again. NULL: none is left. */
struct mtasts_entry *mtasts_cache_due(struct mtasts_cache *cache, uint64_t now_ms);

size_t mtasts_cache_count(const struct mtasts_cache *cache);
size_t mtasts_cache_count_of(const struct mtasts_cache *cache, enum mtasts_standing standing);
/* Of all entries and their troubles; what the tables need beside them not counted. */
size_t mtasts_cache_octets(const struct mtasts_cache *cache);

const char *mtasts_entry_domain(const struct mtasts_entry *entry);
const char *mtasts_entry_id(const struct mtasts_entry *entry);
/* A policy file that says the same as the one that was put. */
struct bytes mtasts_entry_text(const struct mtasts_entry *entry);
/* False: out of memory, the trouble is as before. NULL: none. */
bool mtasts_cache_set_trouble(struct mtasts_cache *cache, struct mtasts_entry *entry,
                              const char *trouble);
/* For how long the domain has had a policy here. */
uint32_t mtasts_entry_kept_s(const struct mtasts_entry *entry, uint64_t now_ms);
/* Whole seconds of life; 0: it is over. A last part of a second counts as one. */
uint32_t mtasts_entry_left_s(const struct mtasts_entry *entry, uint64_t now_ms);

#endif
