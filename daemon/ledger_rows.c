/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "process.h"
#include "row_batch.h"

/* Messages sent before others get their turn. */
enum { MESSAGES_PER_TURN = 8 };

enum reader {
	READER_NONE,  /* no scout, or it has all */
	READER_WAITS, /* the scout knows that the database cannot be read now */
	READER_READS,
	READER_ENDS, /* all rows are sent, the end is not */
};

struct ledger_rows {
	struct ledger_rows_options options;
	struct store *store;
	enum reader reader;
	bool is_held; /* `row` has no place in a batch yet */
	struct row row;
	struct row_batch batch;
};

struct ledger_rows *ledger_rows_new(const struct ledger_rows_options *options)
{
	struct ledger_rows *rows = calloc(1, sizeof(*rows));
	struct store_options store = {
		.directory = options->directory,
		.time_ms = process_time_ms(),
		.on_problem = options->on_problem,
		.owner = options->owner,
	};
	uint8_t secret[TABLE_SECRET_LEN];

	if (!rows || getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret))
		goto free_rows;
	rows->options = *options;
	rows->store = store_new(&store, secret, process_now_ms());
	if (!rows->store)
		goto free_rows;
	return rows;

free_rows:
	free(rows);
	return NULL;
}

void ledger_rows_free(struct ledger_rows *rows)
{
	if (!rows)
		return;
	store_free(rows->store, process_now_ms());
	free(rows);
}

static void take_row(void *owner, const struct row *row)
{
	struct ledger_rows *rows = owner;

	store_put(rows->store, row, process_now_ms());
}

bool ledger_rows_take(struct ledger_rows *rows, const struct message_rows *message, size_t len)
{
	return row_batch_read(message, len, take_row, rows);
}

static bool send_end(struct ledger_rows *rows, bool is_whole)
{
	const struct message_rows_end end = { .type = MESSAGE_ROWS_END, .is_whole = is_whole };

	return rows->options.send(rows->options.owner, &end, sizeof(end)) != -EAGAIN;
}

/* As many rows as there is room for. What it says of the row that found no room, or of the end. */
static enum store_read fill_batch(struct ledger_rows *rows)
{
	enum store_read read = STORE_READ_ROW;

	while (read == STORE_READ_ROW) {
		if (!rows->is_held)
			read = store_read_next(&rows->row, rows->store);
		rows->is_held = read == STORE_READ_ROW && !row_batch_add(&rows->batch, &rows->row);
		if (rows->is_held)
			break;
	}
	return read;
}

/* False: the scout is slow, or it was enough for this turn. Whatever else fails, it is gone, and a successor begins anew. */
static bool send_rows(struct ledger_rows *rows)
{
	for (int turn = 0; turn < MESSAGES_PER_TURN; turn++) {
		enum store_read read = fill_batch(rows);

		if (rows->batch.len > 0 &&
		    rows->options.send(rows->options.owner, &rows->batch.message,
		                       rows->batch.len) == -EAGAIN)
			return false;
		row_batch_clear(&rows->batch);
		if (read != STORE_READ_ROW) {
			rows->reader = read == STORE_READ_END ? READER_ENDS : READER_WAITS;
			return true;
		}
	}
	return false;
}

void ledger_rows_go_on(struct ledger_rows *rows)
{
	if (rows->reader == READER_READS && !send_rows(rows)) {
		rows->options.await(rows->options.owner);
		return;
	}
	/* It broke off. Without this the scout would wait for its time to be over. */
	if (rows->reader == READER_WAITS)
		(void)send_end(rows, false);
	if (rows->reader != READER_ENDS)
		return;
	if (!send_end(rows, true)) {
		rows->options.await(rows->options.owner);
		return;
	}
	store_read_stop(rows->store);
	rows->reader = READER_NONE;
}

static void start(struct ledger_rows *rows)
{
	rows->is_held = false;
	row_batch_clear(&rows->batch);
	if (store_read_start(rows->store, process_now_ms())) {
		rows->reader = READER_READS;
		ledger_rows_go_on(rows);
	}
}

void ledger_rows_scout(struct ledger_rows *rows)
{
	ledger_rows_scout_lost(rows);
	rows->reader = READER_WAITS;
	start(rows);
	/* Nothing was sent to it yet, so there is room. */
	if (rows->reader == READER_WAITS)
		(void)send_end(rows, false);
}

void ledger_rows_scout_lost(struct ledger_rows *rows)
{
	store_read_stop(rows->store);
	rows->reader = READER_NONE;
}

void ledger_rows_tick(struct ledger_rows *rows)
{
	store_tick(rows->store, process_now_ms(), process_time_ms());
	if (rows->reader == READER_WAITS)
		start(rows);
}

void ledger_rows_figures(struct store_figures *figures, const struct ledger_rows *rows)
{
	store_figures(figures, rows->store);
}
