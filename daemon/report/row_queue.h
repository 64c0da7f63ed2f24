/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_ROW_QUEUE_H
#define HOPGUARD_REPORT_ROW_QUEUE_H

/*
 * Rows on their way: to the ledger while it is slow or gone, to the database while it cannot be written. Of rows with the same key
 * only the last waits. Bounded; what waited longest is lost first, and counted.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "verdict/row.h"

enum {
	ROW_QUEUE_MAX = 16384,                   /* rows: an hour of a busy site */
	ROW_QUEUE_OCTETS_MAX = 16 * 1024 * 1024, /* the texts of policies are long */
};

struct row_queue;

/* NULL: out of memory. */
struct row_queue *row_queue_new(const uint8_t secret[TABLE_SECRET_LEN]);
void row_queue_free(struct row_queue *queue);

/* A sound row is copied. Without memory it is lost, and counted. */
void row_queue_put(struct row_queue *queue, const struct row *row);
/* From the one that waited longest on, at most `max`, until visit says false; how many it took. It must not change the queue. */
size_t row_queue_visit(const struct row_queue *queue, size_t max,
                       bool (*visit)(void *owner, const struct row *row), void *owner);
/* Those that waited longest leave: they arrived. */
void row_queue_drop(struct row_queue *queue, size_t count);

/* A walk over all rows that endures any change meanwhile. Borrowed until the next call; NULL: the end. */
void row_queue_rewind(struct row_queue *queue);
const struct row *row_queue_next(struct row_queue *queue);

size_t row_queue_count(const struct row_queue *queue);
size_t row_queue_octets(const struct row_queue *queue);
uint64_t row_queue_lost(const struct row_queue *queue);

#endif
