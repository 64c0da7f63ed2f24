/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "report/row_queue.h"
#include "report/store_aside.h"
#include "report/store_bounds.h"
#include "report/store_rows.h"

static const char file_name[] = "hopguard.db";

struct store {
	struct store_options options;
	char path[STORE_PATH_MAX];
	struct store_db db;
	struct row_queue *queue;
	uint64_t rows[ROW_KIND_COUNT];
	uint64_t life_s; /* at opened_ms */
	uint64_t opened_ms;
	uint64_t retry_ms;  /* not before that */
	uint64_t locked_ms; /* since when; 0: it is not */
	uint64_t aged_ms;
	bool must_open;
	bool is_checked; /* once read as a whole */
	char problem[STORE_PROBLEM_MAX];
	bool is_reading;
	bool is_reading_queue;
	enum row_kind reading;
};

static void tell(struct store *store, const char *problem)
{
	if (strcmp(problem, store->problem) == 0)
		return;
	text_copy(store->problem, sizeof(store->problem), problem);
	store->options.on_problem(store->options.owner, problem);
}

/* What one should know at three in the morning: what, why, what it means, what happens next. */
static void tell_why(struct store *store, const char *why, const char *consequence)
{
	char problem[STORE_PROBLEM_MAX];

	snprintf(problem, sizeof(problem), "database %.80s: %.80s; %s", store->path, why,
	         consequence);
	tell(store, problem);
}

static uint64_t lived_s(const struct store *store, uint64_t now_ms)
{
	return store->life_s + (now_ms - store->opened_ms) / 1000;
}

static bool can_write(const struct store *store)
{
	return store->db.handle && !store->db.is_read_only;
}

/* A new one is begun at the next try. */
static void put_aside(struct store *store, const char *why, uint64_t now_ms)
{
	char aside[STORE_ASIDE_NAME_MAX], what[STORE_WHY_MAX + STORE_ASIDE_NAME_MAX];
	int err;

	store_db_close(&store->db);
	memset(store->rows, 0, sizeof(store->rows));
	store->must_open = true;
	err = store_put_aside(aside, store->options.directory, file_name, store->options.time_ms);
	if (err) {
		snprintf(what, sizeof(what), "it is damaged, and cannot be moved aside (%s)",
		         strerror(-err));
		tell_why(store, what, "memory is lost at a restart; it is tried again");
		store->retry_ms = now_ms + STORE_RETRY_MS;
		return;
	}
	snprintf(what, sizeof(what), "it is damaged (%.24s): now %s", why, aside);
	tell_why(store, what, "a new one is begun");
	store->retry_ms = 0;
}

static void tell_foreign(struct store *store, const char *why)
{
	tell_why(store, why, "it is left alone, memory is lost at a restart");
}

/* Whatever hinders writing: rows wait. */
static void tell_failed(struct store *store, const char *why)
{
	tell_why(store, why, "memory goes on, and is lost at a restart; it is tried again");
}

static void note_locked(struct store *store, const char *why, uint64_t now_ms)
{
	if (store->locked_ms == 0)
		store->locked_ms = now_ms;
	if (now_ms - store->locked_ms >= STORE_LOCKED_MS)
		tell_failed(store, why);
	store->retry_ms = now_ms + 1000;
}

static void note_failed(struct store *store, const char *why, uint64_t now_ms)
{
	tell_failed(store, why);
	store->must_open = true;
	store->retry_ms = now_ms + STORE_RETRY_MS;
}

static void note_good(struct store *store)
{
	store->locked_ms = store->retry_ms = 0;
	tell(store, "");
}

static void note(struct store *store, enum store_outcome outcome, const char *why, uint64_t now_ms)
{
	switch (outcome) {
	case STORE_DONE:
		note_good(store);
		break;
	case STORE_BUSY:
		note_locked(store, why, now_ms);
		break;
	case STORE_CORRUPT:
		put_aside(store, why, now_ms);
		break;
	case STORE_FOREIGN:
		tell_foreign(store, why);
		store->retry_ms = now_ms + STORE_RETRY_MS;
		break;
	case STORE_FAILED:
		note_failed(store, why, now_ms);
		break;
	}
}

static uint64_t file_octets(const char *path, const char *suffix)
{
	char name[STORE_PATH_MAX + 8];
	struct stat status;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return stat(name, &status) == 0 ? (uint64_t)status.st_size : 0;
}

/* Once, and not where it would take so long that we were taken for dead; damage shows in any case when it is read or written. */
static bool must_check(const struct store *store)
{
	uint64_t octets_max = store->options.check_octets_max ? store->options.check_octets_max
	                                                      : STORE_CHECK_OCTETS_MAX;

	return !store->is_checked && file_octets(store->path, "") <= octets_max;
}

/* That it can be opened does not say yet that it can be written: the next transaction does. */
static void open_database(struct store *store, uint64_t now_ms)
{
	uint64_t octets_max =
		store->options.octets_max ? store->options.octets_max : STORE_OCTETS_MAX;
	char why[STORE_WHY_MAX], ignored[STORE_WHY_MAX];
	uint64_t life_s = lived_s(store, now_ms);
	enum store_outcome outcome;

	store_db_close(&store->db);
	store->must_open = true;
	outcome = store_db_open(&store->db, why, store->path, octets_max, must_check(store));
	if (outcome != STORE_DONE)
		note(store, outcome, why, now_ms);
	if (outcome == STORE_FAILED)
		(void)store_db_open_read_only(&store->db, ignored, store->path);
	if (outcome == STORE_DONE) {
		store->must_open = false;
		store->is_checked = true;
	}
	if (!store->db.handle)
		return;
	store->opened_ms = now_ms;
	store->life_s = (uint64_t)store_db_number(&store->db, "SELECT lived_s FROM life", 0);
	if (store->life_s < life_s)
		store->life_s = life_s;
	store_bounds_count(store->rows, &store->db);
}

/* Of a transaction: what it did to the counts holds only when it is committed. */
struct batch {
	struct store *store;
	int64_t changes[ROW_KIND_COUNT];
	uint64_t written_s;
	int result;
};

static bool write_one(void *owner, const struct row *row)
{
	struct batch *batch = owner;
	int change = 0;

	batch->result = store_row_write(&change, &batch->store->db, row, batch->written_s);
	if (batch->result != SQLITE_OK)
		return false;
	batch->changes[row->kind] += change;
	return true;
}

static int end_batch(struct batch *batch)
{
	const struct store_db *db = &batch->store->db;

	if (batch->result == SQLITE_OK)
		batch->result = store_bounds_keep(batch->changes, db, batch->store->rows);
	if (batch->result == SQLITE_OK) {
		(void)sqlite3_bind_int64(db->save_life, 1, (int64_t)batch->written_s);
		batch->result = store_db_run(db->save_life);
	}
	if (batch->result == SQLITE_OK)
		batch->result = store_db_run(db->commit);
	return batch->result;
}

/* False: it did not go, and why is noted. */
static bool write_batch(struct store *store, uint64_t now_ms)
{
	struct batch batch = { .store = store, .written_s = lived_s(store, now_ms) };
	char why[STORE_WHY_MAX];
	enum store_outcome outcome;
	size_t count = 0;

	batch.result = store_db_run(store->db.begin);
	if (batch.result == SQLITE_OK)
		count = row_queue_visit(store->queue, STORE_BATCH_MAX, write_one, &batch);
	if (batch.result == SQLITE_OK)
		(void)end_batch(&batch);
	if (batch.result == SQLITE_OK) {
		for (unsigned kind = 0; kind < ROW_KIND_COUNT; kind++)
			store->rows[kind] =
				(uint64_t)((int64_t)store->rows[kind] + batch.changes[kind]);
		row_queue_drop(store->queue, count);
		note_good(store);
		return true;
	}
	outcome = store_db_outcome(why, &store->db, batch.result);
	(void)store_db_run(store->db.rollback);
	if ((batch.result & 0xff) == SQLITE_FULL &&
	    store_bounds_make_room(&store->db, store->rows[ROW_POLICY])) {
		store_bounds_count(store->rows, &store->db);
		return true;
	}
	note(store, outcome, why, now_ms);
	return false;
}

static void write_waiting(struct store *store, uint64_t now_ms, size_t until)
{
	while (can_write(store) && !store->is_reading && now_ms >= store->retry_ms &&
	       row_queue_count(store->queue) > until) {
		if (!write_batch(store, now_ms))
			return;
	}
}

struct store *store_new(const struct store_options *options, const uint8_t secret[TABLE_SECRET_LEN],
                        uint64_t now_ms)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	store->options = *options;
	store->opened_ms = store->aged_ms = now_ms;
	snprintf(store->path, sizeof(store->path), "%s/%s", options->directory, file_name);
	store->queue = row_queue_new(secret);
	if (!store->queue) {
		free(store);
		return NULL;
	}
	open_database(store, now_ms);
	/* A damaged one was moved aside: so there is room for a new one. */
	if (!store->db.handle && store->retry_ms == 0)
		open_database(store, now_ms);
	if (can_write(store))
		(void)write_batch(store, now_ms);
	return store;
}

void store_free(struct store *store, uint64_t now_ms)
{
	if (!store)
		return;
	store_read_stop(store);
	store->retry_ms = 0;
	write_waiting(store, now_ms, 0);
	store_db_close(&store->db);
	row_queue_free(store->queue);
	free(store);
}

void store_put(struct store *store, const struct row *row, uint64_t now_ms)
{
	row_queue_put(store->queue, row);
	write_waiting(store, now_ms, STORE_BATCH_MAX - 1);
}

/* Somebody removed or replaced the file under us: what we write would be gone. */
static bool is_moved(const struct store *store)
{
	int moved = 0;

	return can_write(store) &&
	       sqlite3_file_control(store->db.handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) ==
	               SQLITE_OK &&
	       moved;
}

void store_tick(struct store *store, uint64_t now_ms, uint64_t time_ms)
{
	store->options.time_ms = time_ms;
	if (store->is_reading || now_ms < store->retry_ms)
		return;
	if (is_moved(store)) {
		tell_why(store, "the file was removed or replaced", "it is opened anew");
		store->must_open = true;
	}
	if (store->must_open) {
		open_database(store, now_ms);
		/* To see whether it can be written at last. */
		if (can_write(store) && !store->must_open)
			(void)write_batch(store, now_ms);
	}
	/* While it is locked even nothing is written: to see whether it still is. */
	if (store->locked_ms != 0 && can_write(store))
		(void)write_batch(store, now_ms);
	write_waiting(store, now_ms, 0);
	if (can_write(store) && store->problem[0] == '\0' &&
	    now_ms - store->aged_ms >= STORE_AGE_MS) {
		store->aged_ms = now_ms;
		/* A failure shows again at the next batch, where it is dealt with. */
		(void)store_bounds_age(&store->db, lived_s(store, now_ms));
		store_bounds_count(store->rows, &store->db);
	}
}

bool store_is_readable(const struct store *store)
{
	return store->db.handle != NULL;
}

bool store_read_start(struct store *store, uint64_t now_ms)
{
	store_read_stop(store);
	write_waiting(store, now_ms, 0);
	if (!store_is_readable(store))
		return false;
	store->is_reading = true;
	store->is_reading_queue = false;
	store->reading = ROW_POLICY;
	return true;
}

static enum store_read read_waiting(struct row *row, struct store *store)
{
	const struct row *waiting = row_queue_next(store->queue);

	if (!waiting)
		return STORE_READ_END;
	memcpy(row, waiting, row_len(waiting));
	return STORE_READ_ROW;
}

enum store_read store_read_next(struct row *row, struct store *store)
{
	int result = SQLITE_DONE;

	assert(store->is_reading);
	if (store->is_reading_queue)
		return read_waiting(row, store);
	while (store->reading < ROW_KIND_COUNT) {
		result = store_row_read(row, &store->db, store->reading);
		if (result == SQLITE_ROW)
			return STORE_READ_ROW;
		if (result != SQLITE_DONE)
			break;
		(void)sqlite3_reset(store->db.select[store->reading]);
		store->reading++;
	}
	if (result != SQLITE_DONE) {
		char why[STORE_WHY_MAX];
		enum store_outcome outcome = store_db_outcome(why, &store->db, result);

		store_read_stop(store);
		/* What else is wrong shows when it is written. */
		if (outcome == STORE_CORRUPT)
			put_aside(store, why, store->retry_ms);
		return STORE_READ_BROKEN;
	}
	store->is_reading_queue = true;
	row_queue_rewind(store->queue);
	return read_waiting(row, store);
}

void store_read_stop(struct store *store)
{
	if (store->db.handle) {
		for (unsigned kind = 0; kind < ROW_KIND_COUNT; kind++)
			(void)sqlite3_reset(store->db.select[kind]);
	}
	store->is_reading = false;
}

void store_figures(struct store_figures *figures, const struct store *store)
{
	figures->is_usable = can_write(store) && store->problem[0] == '\0';
	figures->problem = store->problem;
	memcpy(figures->rows, store->rows, sizeof(figures->rows));
	figures->octets = file_octets(store->path, "") + file_octets(store->path, "-wal");
	figures->waiting = row_queue_count(store->queue);
	figures->waiting_octets = row_queue_octets(store->queue);
	figures->lost = row_queue_lost(store->queue);
}
