/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_STORE_BOUNDS_H
#define HOPGUARD_REPORT_STORE_BOUNDS_H

/* What the database may hold (store.h), and what leaves beyond: the rows that were written longest ago. */

#include "report/store_db.h"

void store_bounds_count(uint64_t rows[ROW_KIND_COUNT], const struct store_db *db);
/* In a transaction that changes `rows` by `changes`, which follow. A result of SQLite. */
int store_bounds_keep(int64_t changes[ROW_KIND_COUNT], const struct store_db *db,
                      const uint64_t rows[ROW_KIND_COUNT]);
/* After SQLITE_FULL. True: it was the file's own bound, and some of the policies, which alone have texts, made room. */
bool store_bounds_make_room(const struct store_db *db, uint64_t policies);
/* Removes what is too old, and gives room back. A result of SQLite. */
int store_bounds_age(const struct store_db *db, uint64_t lived_s);

#endif
