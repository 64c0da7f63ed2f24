/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_STORE_H
#define HOPGUARD_REPORT_STORE_H

/*
 * The memory that survives a restart: rows (verdict/row.h) in an SQLite database in a folder of its own. Rows wait in a bounded
 * queue and are written together, about once a second, so that a slow disk costs the event loop little. Whatever is wrong with the
 * database, rows go on to be taken, and wait; it is told once, and tried again:
 *
 *     locked by another process      each second; told when it lasts
 *     full disk, read-only, I/O      every STORE_RETRY_MS; what can still be read is
 *     damaged                        moved aside (store_aside.h), and a new one is begun
 *     of a later version, not ours   left alone, looked at again every STORE_RETRY_MS
 *
 * Ages are counted in the time that the ledger has lived, kept in the database: a wall clock that steps deletes nothing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "verdict/row.h"

/* What the database may hold. */
enum {
	STORE_POLICIES_MAX = 163840, /* as many as the scout keeps */
	STORE_PLACES_MAX = 262144,
	STORE_MET_MAX = 131072,
	STORE_LISTS_MAX = 64,
	STORE_PLACE_DAYS = 180, /* since it was written last; those in use are written daily */
	STORE_MET_DAYS = 400,
	STORE_POLICY_DAYS = 30, /* after its end: what it said then can still be looked up */
};

#define STORE_OCTETS_MAX (512ULL * 1024 * 1024) /* the file; beyond, the oldest policies leave */
/* A larger file is not read as a whole when it is opened. */
#define STORE_CHECK_OCTETS_MAX (64ULL * 1024 * 1024)

enum {
	STORE_BATCH_MAX = 512,  /* rows in one transaction: some milliseconds */
	STORE_LOCKED_MS = 5000, /* a lock for so long is told */
	STORE_RETRY_MS = 10 * 1000,
	STORE_AGE_MS = 3600 * 1000, /* how often the old are removed */
	STORE_PROBLEM_MAX = 256,
};

struct store_options {
	const char *directory;     /* borrowed */
	uint64_t octets_max;       /* 0: STORE_OCTETS_MAX */
	uint64_t check_octets_max; /* 0: STORE_CHECK_OCTETS_MAX */
	uint64_t time_ms;          /* wall clock, for the name of a damaged database */
	/* What does not work, in a sentence; empty: it works again. */
	void (*on_problem)(void *owner, const char *problem);
	void *owner;
};

struct store_figures {
	bool is_usable;
	const char *problem; /* empty: none; borrowed until the next call */
	uint64_t rows[ROW_KIND_COUNT];
	uint64_t octets; /* of the files */
	uint64_t waiting, waiting_octets;
	uint64_t lost; /* rows that had no room to wait */
};

struct store;

/* Opens it at once, if that can be. NULL: out of memory. now_ms here and below: monotonic. */
struct store *store_new(const struct store_options *options, const uint8_t secret[TABLE_SECRET_LEN],
                        uint64_t now_ms);
/* Writes what waits, if that can be. */
void store_free(struct store *store, uint64_t now_ms);

/* A sound row. */
void store_put(struct store *store, const struct row *row, uint64_t now_ms);
/* To be called about once a second. */
void store_tick(struct store *store, uint64_t now_ms, uint64_t time_ms);

/*
 * Reading: all rows, then those that wait, whose keys may come a second time: the later counts. Nothing is written meanwhile. False:
 * nothing can be read now.
 */
enum store_read { STORE_READ_ROW, STORE_READ_END, STORE_READ_BROKEN };
bool store_read_start(struct store *store, uint64_t now_ms);
enum store_read store_read_next(struct row *row, struct store *store);
void store_read_stop(struct store *store);
bool store_is_readable(const struct store *store);

void store_figures(struct store_figures *figures, const struct store *store);

#endif
