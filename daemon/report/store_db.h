/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_STORE_DB_H
#define HOPGUARD_REPORT_STORE_DB_H

/*
 * The store's database: opened, checked and brought to our schema, with its statements. Rows are numbered in the order in which they
 * were written last: a row that is written again gets a new number. So the first are the oldest, and no index of times is needed.
 */

#include <sqlite3.h>
#include <stdbool.h>

#include "verdict/row.h"

enum {
	STORE_PATH_MAX = 4096,
	STORE_WHY_MAX = 128,
	STORE_SCHEMA = 2,   /* user_version of what we write */
	STORE_BUSY_MS = 25, /* how long the event loop may wait for another process's lock */
};

enum store_outcome {
	STORE_DONE,
	STORE_BUSY,    /* another process has it locked */
	STORE_CORRUPT, /* no database, or a damaged one */
	STORE_FOREIGN, /* of a later version, or not ours: to be left alone */
	STORE_FAILED,  /* full, read-only, I/O error */
};

struct store_db {
	sqlite3 *handle; /* NULL: not open */
	bool is_read_only;
	sqlite3_stmt *begin, *commit, *rollback;
	sqlite3_stmt *insert[ROW_KIND_COUNT];
	sqlite3_stmt *remove[ROW_KIND_COUNT];
	sqlite3_stmt *select[ROW_KIND_COUNT]; /* the oldest first */
	sqlite3_stmt *save_life;
};

/* The file is made when there is none, mode 0600. checks: the whole file is read. Otherwise than DONE, why says it and db is closed. */
enum store_outcome store_db_open(struct store_db *db, char why[STORE_WHY_MAX], const char *path,
                                 uint64_t octets_max, bool checks);
/* What can be read where nothing can be written: without locks, and without what is in the log only. */
enum store_outcome store_db_open_read_only(struct store_db *db, char why[STORE_WHY_MAX],
                                           const char *path);
void store_db_close(struct store_db *db);

/* Of the last call on this connection. */
enum store_outcome store_db_outcome(char why[STORE_WHY_MAX], const struct store_db *db, int result);
/* Runs a statement to its end and resets it; a result of SQLite. */
int store_db_run(sqlite3_stmt *statement);
/* The first number of an answer; `fallback` when there is none. */
int64_t store_db_number(const struct store_db *db, const char *sql, int64_t fallback);

#endif
