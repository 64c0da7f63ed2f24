/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_LOCAL_H
#define HOPGUARD_POLICY_LOCAL_H

/*
 * All that the operator says of destinations: entries of the configuration, and of the site's tables of Postfix. One entry counts for a
 * destination, the first that is found: of the configuration before the tables, and in each the domain itself before ".parent"s, the
 * longest first. An entry whose end has passed is skipped, as if it were not there; of a smart host in the configuration it stays, without
 * its settings: mail still goes there.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/siphash.h"
#include "policy/local_entry.h"

enum {
	LOCAL_ENTRIES_MAX =
		256 * 1024, /* of all tables; as many sites have a line for each customer */
};

enum local_rank { LOCAL_FROM_CONFIG, LOCAL_FROM_POSTFIX, LOCAL_RANK_COUNT };

struct local;

/* The secret keys the hash of names. NULL: out of memory. */
struct local *local_new(const uint8_t secret[SIPHASH_KEY_LEN]);
void local_free(struct local *local);

/*
 * Copies the entry. 0; -EEXIST: that rank has one for the name, which stays (as with postmap); -ENOSPC: LOCAL_ENTRIES_MAX; -ENOMEM.
 */
int local_add(struct local *local, enum local_rank rank, const struct local_entry *entry);

/* For mail to `domain` (lower case A-labels). False: nothing is said of it. now_ms: wall clock. */
bool local_find(const struct local *local, struct local_entry *found, const char *domain,
                uint64_t now_ms);
/* For a host or address that is a next hop (LOCAL_HOST): itself only. An address as address_format writes it. */
bool local_find_host(const struct local *local, struct local_entry *found, const char *host,
                     uint64_t now_ms);

/*
 * The entry of the configuration that stood before all that count now, and has ended; is_host: as local_find_host finds it. False: there
 * is none.
 */
bool local_find_ended(const struct local *local, struct local_entry *ended, const char *name,
                      bool is_host, uint64_t now_ms);

size_t local_count(const struct local *local);
/* All entries one by one, in the order they were added. False behind the last. */
bool local_at(const struct local *local, struct local_entry *entry, size_t index);

enum local_end { LOCAL_ENDS_SOON, LOCAL_ENDED };

typedef void (*local_end_fn)(void *owner, const struct local_entry *entry, enum local_end end);

/* Calls fn for each entry that ends within soon_ms, and again when it has ended; each once in the life of the set, and of those it took over. */
void local_tell_ends(struct local *local, uint64_t now_ms, uint64_t soon_ms, local_end_fn fn,
                     void *owner);
/* Takes the place of `before`: what that told of the ends of entries that are here, too, is not told again. */
void local_take_over(struct local *local, const struct local *before);

#endif
