/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_LEDGER_ROWS_H
#define HOPGUARD_LEDGER_ROWS_H

/*
 * The rows' way through the ledger: from the scout into the database, and back to each scout that starts. A slow scout is waited for; no
 * row is lost on the way.
 */

#include <stdbool.h>
#include <stddef.h>

#include "messages.h"
#include "report/store.h"

struct ledger_rows;

struct ledger_rows_options {
	const char *directory; /* of the database; borrowed */
	/* To the scout. 0, -EAGAIN: not now; or another -errno: it is gone. */
	int (*send)(void *owner, const void *message, size_t len);
	/* That ledger_rows_go_on be called when the scout takes messages again. */
	void (*await)(void *owner);
	void (*on_problem)(void *owner, const char *problem); /* as in report/store.h */
	void *owner;
};

/* Opens the database as the user that the process is now. NULL: out of memory. */
struct ledger_rows *ledger_rows_new(const struct ledger_rows_options *options);
/* Writes what waits. */
void ledger_rows_free(struct ledger_rows *rows);

/* From the scout. False: not sound. */
bool ledger_rows_take(struct ledger_rows *rows, const struct message_rows *message, size_t len);
/* A scout is there: all rows go to it. */
void ledger_rows_scout(struct ledger_rows *rows);
void ledger_rows_scout_lost(struct ledger_rows *rows);
void ledger_rows_go_on(struct ledger_rows *rows);
/* Once a second. */
void ledger_rows_tick(struct ledger_rows *rows);
void ledger_rows_figures(struct store_figures *figures, const struct ledger_rows *rows);

#endif
