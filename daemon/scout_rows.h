/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_SCOUT_ROWS_H
#define HOPGUARD_SCOUT_ROWS_H

/*
 * The scout's side of the memory that survives a restart: rows come from the ledger at the start, and go to their owners; rows of the owners
 * go to the ledger, and wait while it is slow or gone. Until memory is there, questions wait: an answer without it could lack a
 * promise. What was answered without it all the same, guards and cache forget when it comes.
 */

#include "messages.h"
#include "policy/seen.h"

struct scout;
struct scout_rows;

enum {
	SCOUT_ROWS_WAIT_MS = 3000,       /* without a word of the ledger; then it goes on without */
	SCOUT_ROWS_WHOLE_MS = 10 * 1000, /* for all that it has; a guard holds mail for longer */
	SCOUT_QUESTIONS_MAX = 128, /* that wait meanwhile; what has no room the guard asks again */
};

/* NULL: out of memory. */
struct scout_rows *scout_rows_new(struct scout *scout);
void scout_rows_free(struct scout_rows *rows);
struct seen *scout_rows_seen(struct scout_rows *rows);

/* False: not sound. */
bool scout_rows_take(struct scout_rows *rows, const struct message_rows *message, size_t len);
void scout_rows_take_end(struct scout_rows *rows, const struct message_rows_end *end);
void scout_rows_take_sighting(struct scout_rows *rows, const struct message_sighting *sighting);

/* With which key each of the destination's hosts was last seen. */
void scout_rows_last_keys(struct last_key keys[MX_HOSTS_MAX], const struct scout_rows *rows,
                          const struct destination *destination);

/* From now on answers may be given. */
bool scout_rows_are_in(const struct scout_rows *rows);
/* A sound question waits until then. */
void scout_rows_defer(struct scout_rows *rows, unsigned guard,
                      const struct message_question *question);

/* A row of an owner, to be kept; `owner` is struct scout_rows. */
void scout_rows_send(void *owner, const struct row *row);
/* The ledger is there, or takes messages again. */
void scout_rows_go_on(struct scout_rows *rows);
/* Once a second. */
void scout_rows_tick(struct scout_rows *rows);
/* Forgets what is remembered of that name; how many rows. */
size_t scout_rows_forget(struct scout_rows *rows, const char *name);
void scout_rows_count(struct counters *counters, const struct scout_rows *rows);

#endif
