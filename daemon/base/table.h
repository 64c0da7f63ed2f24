/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_TABLE_H
#define HOPGUARD_BASE_TABLE_H

/*
 * A hash table of fixed capacity with keys and values of fixed size. Keys are hashed with a secret
 * (SipHash-2-4), so that a peer who chooses keys cannot choose collisions. Entries stand in the order
 * of their last use: what a full table gives up is the one unused for longest.
 */

#include <stddef.h>
#include <stdint.h>

enum { TABLE_SECRET_LEN = 16 };

struct table;

/* Called with an entry that leaves (evicted, removed or freed with the table). */
typedef void (*table_leave_fn)(void *owner, const void *key, void *value);

/* on_leave may be NULL. Memory grows with the entries, up to capacity. NULL when out of memory. */
struct table *table_new(size_t capacity, size_t key_len, size_t value_len,
                        const uint8_t secret[TABLE_SECRET_LEN], table_leave_fn on_leave,
                        void *owner);
void table_free(struct table *table);

/* The value, and the entry becomes the youngest; NULL when absent. Valid until it leaves. */
void *table_find(struct table *table, const void *key);
/* The same without touching the order of age. */
void *table_peek(const struct table *table, const void *key);
/* The value for a key not yet there, zeroed; the oldest leaves if full. NULL: out of memory. */
void *table_insert(struct table *table, const void *key);
void table_remove(struct table *table, const void *key);
/* All of them: while one leaves none of the others is found any more. */
void table_clear(struct table *table);
/* The oldest entry's value and key; NULL when empty. */
void *table_oldest(const struct table *table, const void **key);
/* Next younger than `value` (one of this table's); NULL at the end. */
void *table_younger(const struct table *table, const void *value, const void **key);
size_t table_count(const struct table *table);
/* What all entries have of memory, and what finds them: that does not shrink with them. */
size_t table_octets(const struct table *table);
uint64_t table_evictions(const struct table *table);

#endif
