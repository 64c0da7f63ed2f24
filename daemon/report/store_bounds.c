/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/store_bounds.h"

#include <stdio.h>

#include "report/store.h"

enum {
	DAY_S = 24 * 3600,
	FREED_PAGES_MAX = 4096, /* given back to the file system at once */
	LARGEST_ROW_PAGES = 4,
	SPARE_SHARE = 16, /* of a kind that is full, this part leaves */
};

static const struct {
	const char *table;
	uint64_t rows_max;
	uint64_t days;
} kinds[ROW_KIND_COUNT] = {
	[ROW_POLICY] = { "policy", STORE_POLICIES_MAX, STORE_POLICY_DAYS },
	[ROW_PLACE] = { "place", STORE_PLACES_MAX, STORE_PLACE_DAYS },
	[ROW_MET] = { "met", STORE_MET_MAX, STORE_MET_DAYS },
	[ROW_LIST] = { "list", STORE_LISTS_MAX, STORE_MET_DAYS },
};

void store_bounds_count(uint64_t rows[ROW_KIND_COUNT], const struct store_db *db)
{
	char sql[64];

	for (unsigned kind = 0; kind < ROW_KIND_COUNT; kind++) {
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", kinds[kind].table);
		rows[kind] = (uint64_t)store_db_number(db, sql, 0);
	}
}

static int execute(const struct store_db *db, const char *sql)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
}

/* The first rows are the oldest. */
static int remove_oldest(const struct store_db *db, unsigned kind, uint64_t count)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
	         "DELETE FROM %s WHERE id IN (SELECT id FROM %s ORDER BY id LIMIT %llu)",
	         kinds[kind].table, kinds[kind].table, (unsigned long long)count);
	return execute(db, sql);
}

int store_bounds_keep(int64_t changes[ROW_KIND_COUNT], const struct store_db *db,
                      const uint64_t rows[ROW_KIND_COUNT])
{
	for (unsigned kind = 0; kind < ROW_KIND_COUNT; kind++) {
		uint64_t rows_max = kinds[kind].rows_max;
		uint64_t now = (uint64_t)((int64_t)rows[kind] + changes[kind]);
		int result;

		if (now <= rows_max)
			continue;
		result = remove_oldest(db, kind, now - rows_max + rows_max / SPARE_SHARE);
		if (result != SQLITE_OK)
			return result;
		changes[kind] -= sqlite3_changes(db->handle);
	}
	return SQLITE_OK;
}

bool store_bounds_make_room(const struct store_db *db, uint64_t policies)
{
	int64_t used = store_db_number(db, "PRAGMA page_count", 0) -
	               store_db_number(db, "PRAGMA freelist_count", 0);
	int64_t most = store_db_number(db, "PRAGMA max_page_count", 0);

	return used + LARGEST_ROW_PAGES >= most && policies > 0 &&
	       remove_oldest(db, ROW_POLICY, policies / SPARE_SHARE + 1) == SQLITE_OK;
}

/* A policy has an end of its own. Of the others the old ones stand in front: none of those behind is looked at. */
static int remove_aged(const struct store_db *db, unsigned kind, uint64_t lived_s)
{
	uint64_t age_s = kinds[kind].days * DAY_S;
	const char *table = kinds[kind].table;
	char sql[256];

	if (lived_s <= age_s)
		return SQLITE_OK;
	if (kind == ROW_POLICY)
		snprintf(sql, sizeof(sql), "DELETE FROM policy WHERE written_s + left_s < %llu",
		         (unsigned long long)(lived_s - age_s));
	else
		snprintf(sql, sizeof(sql),
		         "DELETE FROM %s WHERE id < coalesce((SELECT id FROM %s WHERE written_s >= "
		         "%llu ORDER BY id LIMIT 1), 9223372036854775807)",
		         table, table, (unsigned long long)(lived_s - age_s));
	return execute(db, sql);
}

int store_bounds_age(const struct store_db *db, uint64_t lived_s)
{
	char sql[64];

	for (unsigned kind = 0; kind < ROW_KIND_COUNT; kind++) {
		int result = remove_aged(db, kind, lived_s);

		if (result != SQLITE_OK)
			return result;
	}
	snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", FREED_PAGES_MAX);
	return execute(db, sql);
}
