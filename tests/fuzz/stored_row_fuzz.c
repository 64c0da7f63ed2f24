/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A database whose cells hold anything: what is read of it are sound rows, and each comes back as it was when it is written and read again.
 * The first octet chooses the table; then comes a cell after the other: an octet for its type and length, and the octets.
 */

#include "require.h"

#include <unistd.h>

#include "report/store_db.h"
#include "report/store_rows.h"

enum { CELLS_MAX = 9, LEN_MASK = 0x3f, LONG_LEN = 300, WRITTEN_S = 1 };

static int bind_cell(sqlite3_stmt *statement, int at, struct cursor *input)
{
	uint8_t head = cursor_u8(input);
	size_t len = head & LEN_MASK;
	struct bytes octets;

	if (len == LEN_MASK)
		len = LONG_LEN;
	octets = cursor_bytes(input, len < cursor_left(input) ? len : cursor_left(input));
	switch (head >> 6) {
	case 0:
		return sqlite3_bind_text(statement, at,
		                         octets.len > 0 ? (const char *)octets.data : "",
		                         (int)octets.len, SQLITE_TRANSIENT);
	case 1:
		return sqlite3_bind_blob(statement, at,
		                         octets.len > 0 ? (const void *)octets.data : "",
		                         (int)octets.len, SQLITE_TRANSIENT);
	case 2: {
		int64_t number = 0;

		for (size_t i = 0; i < octets.len; i++)
			number = (int64_t)((uint64_t)number << 8 | octets.data[i]);
		return sqlite3_bind_int64(statement, at, number);
	}
	default:
		return len % 2 ? sqlite3_bind_null(statement, at)
		               : sqlite3_bind_double(statement, at, (double)len / 7);
	}
}

static void fill(struct store_db *db, enum row_kind kind, struct cursor *input)
{
	sqlite3_stmt *insert = db->insert[kind];
	int cells = sqlite3_bind_parameter_count(insert);

	while (cursor_left(input) > 0) {
		for (int at = 1; at <= cells; at++)
			(void)bind_cell(insert, at, input);
		/* Constraints refuse some. */
		(void)store_db_run(insert);
		(void)sqlite3_clear_bindings(insert);
	}
}

/* Behind its end a text of the database may go on. */
static void clear_rest(char *text, size_t room)
{
	memset(text + strlen(text), 0, room - strlen(text));
}

static size_t read_all(struct row *last, struct store_db *db, enum row_kind kind)
{
	size_t count = 0;
	struct row row;
	int result;

	while ((result = store_row_read(&row, db, kind)) == SQLITE_ROW) {
		REQUIRE((enum row_kind)row.kind == kind && row_is_sound(&row, row_len(&row)));
		memset(last, 0, sizeof(*last));
		memcpy(last, &row, row_len(&row));
		clear_rest(last->met.domain, sizeof(last->met.domain));
		if (kind == ROW_POLICY)
			clear_rest(last->policy.id, sizeof(last->policy.id));
		count++;
	}
	REQUIRE(result == SQLITE_DONE);
	(void)sqlite3_reset(db->select[kind]);
	return count;
}

static void check_again(struct store_db *db, const struct row *row)
{
	struct row again;
	int change = 99;

	REQUIRE(store_row_write(&change, db, row, WRITTEN_S) == SQLITE_OK);
	REQUIRE(change >= -1 && change <= 1);
	/* It is the newest now. */
	REQUIRE(read_all(&again, db, (enum row_kind)row->kind) > 0);
	REQUIRE(memcmp(&again, row, row_len(row)) == 0);
}

static struct store_db *database(void)
{
	static struct store_db db;
	char why[STORE_WHY_MAX], path[64];

	if (db.handle)
		return &db;
	(void)snprintf(path, sizeof(path), "/dev/shm/hopguard-fuzz-%d.db", (int)getpid());
	REQUIRE(store_db_open(&db, why, path, 1 << 24, false) == STORE_DONE);
	(void)unlink(path);
	return &db;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct store_db *db = database();
	struct cursor input = cursor_over(bytes_of(data, len));
	enum row_kind kind = cursor_u8(&input) % ROW_KIND_COUNT;
	struct row row;

	REQUIRE(store_db_run(db->begin) == SQLITE_OK);
	fill(db, kind, &input);
	if (read_all(&row, db, kind) > 0)
		check_again(db, &row);
	REQUIRE(store_db_run(db->rollback) == SQLITE_OK);
	return 0;
}
