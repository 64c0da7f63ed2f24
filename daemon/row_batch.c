/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "row_batch.h"

#include <string.h>

/* In front of each row; both start where a struct may. */
struct head {
	uint64_t len;
};

enum { ALIGNMENT = sizeof(struct head) };

_Static_assert(offsetof(struct message_rows, octets) % ALIGNMENT == 0 &&
                       _Alignof(struct row) <= ALIGNMENT,
               "rows stand aligned");
_Static_assert(sizeof(struct row) + sizeof(struct head) + ALIGNMENT <= MESSAGE_ROWS_MAX,
               "the longest row has room");

static size_t padded(size_t len)
{
	return (len + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void row_batch_clear(struct row_batch *batch)
{
	batch->len = 0;
}

bool row_batch_add(struct row_batch *batch, const struct row *row)
{
	const struct head head = { .len = row_len(row) };
	size_t start = offsetof(struct message_rows, octets);
	size_t at = batch->len > 0 ? batch->len - start : 0;
	size_t end = at + sizeof(head) + padded(head.len);

	if (end > MESSAGE_ROWS_MAX)
		return false;
	batch->message.type = MESSAGE_ROWS;
	memcpy(batch->message.octets + at, &head, sizeof(head));
	memcpy(batch->message.octets + at + sizeof(head), row, head.len);
	memset(batch->message.octets + at + sizeof(head) + head.len, 0,
	       padded(head.len) - head.len);
	batch->len = start + end;
	return true;
}

/* The row at *at, which then is behind it. NULL: what is there is none. */
static const struct row *next(size_t *at, const struct message_rows *message, size_t len)
{
	const void *octets = message->octets + *at;
	size_t left = len - *at;
	struct head head;

	if (left < sizeof(head))
		return NULL;
	memcpy(&head, octets, sizeof(head));
	left -= sizeof(head);
	if (head.len > left || padded(head.len) > left)
		return NULL;
	octets = message->octets + *at + sizeof(head);
	if (!row_is_sound(octets, head.len))
		return NULL;
	*at += sizeof(head) + padded(head.len);
	return octets;
}

bool row_batch_read(const struct message_rows *message, size_t len,
                    void (*take)(void *owner, const struct row *row), void *owner)
{
	size_t start = offsetof(struct message_rows, octets);
	size_t at = 0;

	if (len <= start || len > sizeof(*message))
		return false;
	while (at < len - start) {
		if (!next(&at, message, len - start))
			return false;
	}
	for (at = 0; at < len - start;)
		take(owner, next(&at, message, len - start));
	return true;
}
