/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/store_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "hopg": tells our files from others. */
enum { APPLICATION_ID = 0x686f7067, PAGE_LEN = 4096 };

/*
 * Each brings the schema from its index to the next version. Never changed once released, only added to. In policy the text
 * comes last, so that what stands before it is read without its pages. written_s counts the seconds that the ledger
 * has lived: a clock that nobody can set.
 */
static const char *const migrations[STORE_SCHEMA] = {
	"CREATE TABLE life (lived_s INTEGER NOT NULL);"
	"INSERT INTO life VALUES (0);"
	"CREATE TABLE policy (id INTEGER PRIMARY KEY, domain TEXT NOT NULL UNIQUE,"
	" policy_id TEXT NOT NULL, fetched_ms INTEGER NOT NULL, saved_ms INTEGER NOT NULL,"
	" left_s INTEGER NOT NULL, written_s INTEGER NOT NULL, text BLOB NOT NULL);"
	"CREATE TABLE place (id INTEGER PRIMARY KEY, host TEXT NOT NULL, address BLOB NOT NULL,"
	" first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, tls_version INTEGER NOT NULL,"
	" key BLOB, written_s INTEGER NOT NULL, UNIQUE (host, address));"
	"CREATE TABLE met (id INTEGER PRIMARY KEY, domain TEXT NOT NULL UNIQUE,"
	" first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, days INTEGER NOT NULL,"
	" written_s INTEGER NOT NULL);"
	"CREATE TABLE list (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE,"
	" timestamp_ms INTEGER NOT NULL, written_s INTEGER NOT NULL);",
	"ALTER TABLE policy ADD COLUMN kept_s INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE policy ADD COLUMN standing INTEGER NOT NULL DEFAULT 0;",
};

static const char *const inserts[ROW_KIND_COUNT] = {
	[ROW_POLICY] = "INSERT INTO policy (domain, policy_id, fetched_ms, saved_ms, left_s, text,"
		       " written_s, kept_s, standing) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[ROW_PLACE] = "INSERT INTO place (host, address, first_ms, last_ms, tls_version, key,"
		      " written_s) VALUES (?, ?, ?, ?, ?, ?, ?)",
	[ROW_MET] = "INSERT INTO met (domain, first_ms, last_ms, days, written_s)"
		    " VALUES (?, ?, ?, ?, ?)",
	[ROW_LIST] = "INSERT INTO list (path, timestamp_ms, written_s) VALUES (?, ?, ?)",
};

static const char *const removes[ROW_KIND_COUNT] = {
	[ROW_POLICY] = "DELETE FROM policy WHERE domain = ?",
	[ROW_PLACE] = "DELETE FROM place WHERE host = ? AND address = ?",
	[ROW_MET] = "DELETE FROM met WHERE domain = ?",
	[ROW_LIST] = "DELETE FROM list WHERE path = ?",
};

static const char *const selects[ROW_KIND_COUNT] = {
	[ROW_POLICY] = "SELECT domain, policy_id, fetched_ms, saved_ms, left_s, text, kept_s,"
		       " standing FROM policy ORDER BY id",
	[ROW_PLACE] = "SELECT host, address, first_ms, last_ms, tls_version, key FROM place"
		      " ORDER BY id",
	[ROW_MET] = "SELECT domain, first_ms, last_ms, days FROM met ORDER BY id",
	[ROW_LIST] = "SELECT path, timestamp_ms FROM list ORDER BY id",
};

static void say(char why[STORE_WHY_MAX], const char *text)
{
	snprintf(why, STORE_WHY_MAX, "%s", text);
}

/* A full disk shows as an error of the system where SQLite makes room for its own files. */
static void say_failure(char why[STORE_WHY_MAX], const struct store_db *db, int result)
{
	int error = db->handle ? sqlite3_system_errno(db->handle) : 0;

	if (result == SQLITE_FULL || ((result == SQLITE_IOERR || result == SQLITE_CANTOPEN) &&
	                              (error == ENOSPC || error == EDQUOT || error == EFBIG)))
		say(why, "the disk is full");
	else if (result == SQLITE_READONLY)
		say(why, "it cannot be written");
	else if ((result == SQLITE_IOERR || result == SQLITE_CANTOPEN) && error != 0)
		snprintf(why, STORE_WHY_MAX, "%s: %s", sqlite3_errstr(result), strerror(error));
	else
		say(why, sqlite3_errstr(result));
}

/* The schema is of our number, and yet not ours. */
static bool lacks_tables(const struct store_db *db)
{
	const char *message = sqlite3_errmsg(db->handle);

	return strstr(message, "no such ") || strstr(message, "has no column");
}

enum store_outcome store_db_outcome(char why[STORE_WHY_MAX], const struct store_db *db, int result)
{
	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return STORE_DONE;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		say(why, "another process has it locked");
		return STORE_BUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		say(why, sqlite3_errmsg(db->handle));
		return STORE_CORRUPT;
	case SQLITE_ERROR:
		if (lacks_tables(db)) {
			say(why, sqlite3_errmsg(db->handle));
			return STORE_CORRUPT;
		}
		say_failure(why, db, result);
		return STORE_FAILED;
	default:
		say_failure(why, db, result & 0xff);
		return STORE_FAILED;
	}
}

int store_db_run(sqlite3_stmt *statement)
{
	int result = sqlite3_step(statement);

	(void)sqlite3_reset(statement);
	return result == SQLITE_DONE || result == SQLITE_ROW ? SQLITE_OK : result;
}

int64_t store_db_number(const struct store_db *db, const char *sql, int64_t fallback)
{
	sqlite3_stmt *statement = NULL;
	int64_t number = fallback;

	if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	(void)sqlite3_finalize(statement);
	return number;
}

static int execute(const struct store_db *db, const char *sql)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
}

/* Its mode is the one that SQLite gives to its log, too. */
static int make_file(const char *path)
{
	int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err;

	if (file < 0)
		return -errno;
	err = fchmod(file, 0600) ? -errno : 0;
	close(file);
	return err;
}

/* Nothing of what others may have put into the file is run; nothing is written elsewhere. */
static int set_up(const struct store_db *db, uint64_t octets_max)
{
	char sql[160];
	int result = sqlite3_busy_timeout(db->handle, STORE_BUSY_MS);

	(void)sqlite3_extended_result_codes(db->handle, 1);
	(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_limit(db->handle, SQLITE_LIMIT_LENGTH, 1024 * 1024);
	(void)sqlite3_limit(db->handle, SQLITE_LIMIT_ATTACHED, 0);
	if (result == SQLITE_OK)
		result = execute(db, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
		                     "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -2048;"
		                     "PRAGMA secure_delete = FAST");
	if (result != SQLITE_OK || octets_max == 0)
		return result;
	snprintf(sql, sizeof(sql), "PRAGMA page_size = %d; PRAGMA max_page_count = %llu", PAGE_LEN,
	         (unsigned long long)(octets_max / PAGE_LEN));
	return execute(db, sql);
}

/* quick_check gives "ok", or a line for each damage; its own failure is one. */
static int check(const struct store_db *db, bool *is_damaged, char why[STORE_WHY_MAX])
{
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(db->handle, "PRAGMA quick_check(1)", -1, &statement, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	if (result == SQLITE_ROW) {
		const char *line = (const char *)sqlite3_column_text(statement, 0);

		*is_damaged = !line || strcmp(line, "ok") != 0;
		if (*is_damaged)
			say(why, line ? line : "damaged");
		result = SQLITE_OK;
	}
	(void)sqlite3_finalize(statement);
	return result;
}

/* STORE_DONE with *version 0: an empty file. */
static enum store_outcome identify(const struct store_db *db, int64_t *version,
                                   char why[STORE_WHY_MAX])
{
	int64_t application, tables;

	/* The first to read the file: whatever is wrong with it shows here. */
	int result = execute(db, "SELECT count(*) FROM sqlite_schema");

	if (result != SQLITE_OK)
		return store_db_outcome(why, db, result);
	*version = store_db_number(db, "PRAGMA user_version", -1);
	application = store_db_number(db, "PRAGMA application_id", -1);
	tables = store_db_number(db, "SELECT count(*) FROM sqlite_schema", -1);
	if (*version == 0 && tables == 0)
		return STORE_DONE;
	if (application != APPLICATION_ID || *version <= 0) {
		say(why, "it is somebody else's database");
		return STORE_FOREIGN;
	}
	if (*version > STORE_SCHEMA) {
		snprintf(why, STORE_WHY_MAX,
		         "a later version of hopguard made it (schema %lld, this one knows %d)",
		         (long long)*version, STORE_SCHEMA);
		return STORE_FOREIGN;
	}
	return STORE_DONE;
}

/* One transaction: a schema is there as a whole or not at all. One that is there is not written to: that may not be possible now. */
static int migrate(const struct store_db *db, int64_t version)
{
	char sql[96];
	int result = SQLITE_OK;

	if (version == 0)
		result = execute(db, "PRAGMA auto_vacuum = INCREMENTAL");
	if (result == SQLITE_OK)
		result = execute(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
		                     "PRAGMA journal_size_limit = 8388608");
	if (result == SQLITE_OK && version < STORE_SCHEMA)
		result = execute(db, "BEGIN IMMEDIATE");
	if (result != SQLITE_OK || version == STORE_SCHEMA)
		return result;
	for (int64_t next = version; next < STORE_SCHEMA && result == SQLITE_OK; next++)
		result = execute(db, migrations[next]);
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
	         APPLICATION_ID, STORE_SCHEMA);
	if (result == SQLITE_OK)
		result = execute(db, sql);
	if (result != SQLITE_OK && !sqlite3_get_autocommit(db->handle))
		(void)execute(db, "ROLLBACK");
	return result;
}

static int prepare(const struct store_db *db, sqlite3_stmt **statement, const char *sql)
{
	return sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
}

static int prepare_all(struct store_db *db)
{
	int result = prepare(db, &db->begin, "BEGIN IMMEDIATE");

	if (result == SQLITE_OK)
		result = prepare(db, &db->commit, "COMMIT");
	if (result == SQLITE_OK)
		result = prepare(db, &db->rollback, "ROLLBACK");
	if (result == SQLITE_OK)
		result = prepare(db, &db->save_life, "UPDATE life SET lived_s = ?");
	for (unsigned kind = 0; kind < ROW_KIND_COUNT && result == SQLITE_OK; kind++) {
		result = prepare(db, &db->insert[kind], inserts[kind]);
		if (result == SQLITE_OK)
			result = prepare(db, &db->remove[kind], removes[kind]);
		if (result == SQLITE_OK)
			result = prepare(db, &db->select[kind], selects[kind]);
	}
	return result;
}

static enum store_outcome bring_up(struct store_db *db, char why[STORE_WHY_MAX],
                                   uint64_t octets_max, bool checks)
{
	bool is_damaged = false;
	int64_t version = 0;
	int result = set_up(db, octets_max);
	enum store_outcome outcome = store_db_outcome(why, db, result);

	if (outcome == STORE_DONE)
		outcome = identify(db, &version, why);
	if (outcome == STORE_DONE && checks && version > 0) {
		outcome = store_db_outcome(why, db, check(db, &is_damaged, why));
		if (is_damaged)
			return STORE_CORRUPT;
	}
	if (outcome == STORE_DONE && !db->is_read_only)
		outcome = store_db_outcome(why, db, migrate(db, version));
	if (outcome == STORE_DONE)
		outcome = store_db_outcome(why, db, prepare_all(db));
	return outcome;
}

enum store_outcome store_db_open(struct store_db *db, char why[STORE_WHY_MAX], const char *path,
                                 uint64_t octets_max, bool checks)
{
	enum store_outcome outcome;
	int err = make_file(path);
	int result;

	memset(db, 0, sizeof(*db));
	if (err) {
		say(why, err == -ENOSPC || err == -EDQUOT ? "the disk is full" : strerror(-err));
		return STORE_FAILED;
	}
	result = sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
	                         NULL);
	outcome = result == SQLITE_OK ? bring_up(db, why, octets_max, checks)
	                              : store_db_outcome(why, db, result);
	if (outcome != STORE_DONE)
		store_db_close(db);
	return outcome;
}

enum store_outcome store_db_open_read_only(struct store_db *db, char why[STORE_WHY_MAX],
                                           const char *path)
{
	char uri[3 * STORE_PATH_MAX + 32] = "file:";
	size_t at = strlen(uri);
	enum store_outcome outcome;
	int result;

	/* In a URI some characters of a path would mean something else. */
	for (; *path && at < sizeof(uri) - 20; path++) {
		if (*path == '%' || *path == '?' || *path == '#')
			at += (size_t)snprintf(uri + at, 4, "%%%02X", (unsigned char)*path);
		else
			uri[at++] = *path;
	}
	snprintf(uri + at, sizeof(uri) - at, "?immutable=1");
	memset(db, 0, sizeof(*db));
	db->is_read_only = true;
	result =
		sqlite3_open_v2(uri, &db->handle,
	                        SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	/* Without the log a file may be a half of itself. */
	outcome = result == SQLITE_OK ? bring_up(db, why, 0, true)
	                              : store_db_outcome(why, db, result);
	if (outcome == STORE_DONE && store_db_number(db, "PRAGMA user_version", 0) == 0)
		outcome = STORE_FAILED;
	if (outcome != STORE_DONE)
		store_db_close(db);
	return outcome;
}

void store_db_close(struct store_db *db)
{
	(void)sqlite3_finalize(db->begin);
	(void)sqlite3_finalize(db->commit);
	(void)sqlite3_finalize(db->rollback);
	(void)sqlite3_finalize(db->save_life);
	for (unsigned kind = 0; kind < ROW_KIND_COUNT; kind++) {
		(void)sqlite3_finalize(db->insert[kind]);
		(void)sqlite3_finalize(db->remove[kind]);
		(void)sqlite3_finalize(db->select[kind]);
	}
	(void)sqlite3_close(db->handle);
	memset(db, 0, sizeof(*db));
}
