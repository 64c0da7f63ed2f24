/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ROW_BATCH_H
#define HOPGUARD_ROW_BATCH_H

/* Rows in a MESSAGE_ROWS: many in one, since a channel takes few messages at a time (net.unix.max_dgram_qlen, 10 by default). */

#include <stdbool.h>
#include <stddef.h>

#include "messages.h"

struct row_batch {
	struct message_rows message;
	size_t len; /* of the message; 0: no row in it */
};

void row_batch_clear(struct row_batch *batch);
/* False: no room. A batch without rows has room for any. */
bool row_batch_add(struct row_batch *batch, const struct row *row);
/* Calls with each row, which is gone when the call returns. False: not sound; none is then given. */
bool row_batch_read(const struct message_rows *message, size_t len,
                    void (*take)(void *owner, const struct row *row), void *owner);

#endif
