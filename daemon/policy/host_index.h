/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_HOST_INDEX_H
#define HOPGUARD_POLICY_HOST_INDEX_H

/*
 * Which records name a host, so that news of it finds them among a million others. A record is in it from host_index_add until
 * host_index_remove; it is not held by it.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "policy/destination_record.h"

struct host_index;

/* One record that names a host, in the list of all that do. */
struct naming {
	struct naming *next;
	struct naming *previous; /* NULL: the first */
	struct record *record;
	uint64_t
		host; /* hash of its name: a list may have records of another host of the same hash */
};

/* For as many records. NULL: out of memory. */
struct host_index *host_index_new(size_t capacity, const uint8_t secret[TABLE_SECRET_LEN]);
/* All records are out of it. */
void host_index_free(struct host_index *index);

/* A naming for each of its hosts (record_host_count), which belong to the caller until they are removed. NULL: out of memory, or no host. */
struct naming *host_index_add(struct host_index *index, struct record *record);
/* All namings of a record, which are freed; NULL has no effect. */
void host_index_remove(struct host_index *index, struct naming *namings, size_t count);
/* Nobody is found any more. For all records at once: their namings are removed afterwards, and nobody is looked for. */
void host_index_clear(struct host_index *index);
/* Of memory: its hosts and what finds them, without their namings; then those of a record. */
size_t host_index_octets(const struct host_index *index);
size_t host_index_naming_octets(const struct record *record);
/* The first of those that name it, by ->next the others; NULL: nobody. */
struct naming *host_index_find(const struct host_index *index, const char *host);

#endif
