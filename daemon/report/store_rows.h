/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_STORE_ROWS_H
#define HOPGUARD_REPORT_STORE_ROWS_H

/* Rows into the database and out of it. Each returns a result of SQLite. */

#include "report/store_db.h"

/* A sound row takes the place of the one with its key. *change: by how many there are more of its kind now (-1, 0, 1). */
int store_row_write(int *change, const struct store_db *db, const struct row *row,
                    uint64_t written_s);
/* The next of that kind: SQLITE_ROW, SQLITE_DONE. What is no sound row is passed over. */
int store_row_read(struct row *row, const struct store_db *db, enum row_kind kind);

#endif
