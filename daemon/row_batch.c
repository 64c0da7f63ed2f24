/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "row_batch.h"

#include <string.h>

/*
 * A row goes without the room behind its name, which is most of it: this, kind and is_removed, the name without NUL, then what stands
 * behind the name in struct row, and zeros up to the next place where a head may stand.
 */
struct head {
	uint32_t name_len;
	uint32_t rest_len;
};

enum {
	ALIGNMENT = sizeof(struct head),
	NAME_AT = offsetof(struct row, policy.domain),
	REST_AT = NAME_AT + DOMAIN_NAME_MAX,
};

_Static_assert(offsetof(struct message_rows, octets) % ALIGNMENT == 0, "heads stand aligned");
_Static_assert(sizeof(struct row) + sizeof(struct head) + ALIGNMENT <= MESSAGE_ROWS_MAX,
               "the longest row has room");
_Static_assert(offsetof(struct row_policy, id) == DOMAIN_NAME_MAX &&
                       offsetof(struct row_place, address) == DOMAIN_NAME_MAX &&
                       offsetof(struct row_met, first_ms) == DOMAIN_NAME_MAX &&
                       offsetof(struct row_list, timestamp_ms) == DOMAIN_NAME_MAX,
               "each begins with its name");

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
	const char *name = (const char *)row + NAME_AT;
	const struct head head = {
		.name_len = (uint32_t)strnlen(name, DOMAIN_NAME_MAX),
		.rest_len = (uint32_t)(row_len(row) - REST_AT),
	};
	size_t start = offsetof(struct message_rows, octets);
	size_t at = batch->len > 0 ? batch->len - start : 0;
	size_t len = NAME_AT + head.name_len + head.rest_len;
	size_t end = at + sizeof(head) + padded(len);
	uint8_t *to = batch->message.octets + at;

	if (end > MESSAGE_ROWS_MAX)
		return false;
	batch->message.type = MESSAGE_ROWS;
	memcpy(to, &head, sizeof(head));
	to += sizeof(head);
	memcpy(to, row, NAME_AT + head.name_len);
	memcpy(to + NAME_AT + head.name_len, (const char *)row + REST_AT, head.rest_len);
	memset(to + len, 0, padded(len) - len);
	batch->len = start + end;
	return true;
}

/* The row at *at, which then is behind it. False: what is there is none. */
static bool next(struct row *row, size_t *at, const struct message_rows *message, size_t len)
{
	const uint8_t *from = message->octets + *at;
	char *name = (char *)row + NAME_AT;
	size_t left = len - *at, packed_len;
	struct head head;

	if (left < sizeof(head) + NAME_AT)
		return false;
	memcpy(&head, from, sizeof(head));
	from += sizeof(head);
	left -= sizeof(head);
	if (head.name_len >= DOMAIN_NAME_MAX || head.rest_len > sizeof(*row) - REST_AT)
		return false;
	packed_len = NAME_AT + head.name_len + head.rest_len;
	if (padded(packed_len) > left)
		return false;
	memcpy(row, from, NAME_AT + head.name_len);
	memset(name + head.name_len, 0, DOMAIN_NAME_MAX - head.name_len);
	memcpy((char *)row + REST_AT, from + NAME_AT + head.name_len, head.rest_len);
	*at += sizeof(head) + padded(packed_len);
	return row_is_sound(row, REST_AT + head.rest_len);
}

bool row_batch_read(const struct message_rows *message, size_t len,
                    void (*take)(void *owner, const struct row *row), void *owner)
{
	size_t start = offsetof(struct message_rows, octets);
	struct row row;
	size_t at = 0;

	if (len <= start || len > sizeof(*message))
		return false;
	while (at < len - start) {
		if (!next(&row, &at, message, len - start))
			return false;
	}
	for (at = 0; at < len - start && next(&row, &at, message, len - start);)
		take(owner, &row);
	return true;
}
