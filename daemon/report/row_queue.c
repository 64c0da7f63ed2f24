/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/row_queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"

struct row_queue {
	uint8_t secret[SIPHASH_KEY_LEN];
	struct table *rows; /* uint64_t, hash of the key → struct row * */
	size_t octets;
	uint64_t lost;
	struct row **next; /* of the walk */
};

static void on_leave(void *owner, const void *key, void *value)
{
	struct row_queue *queue = owner;
	struct row **row = value;

	(void)key;
	if (*row)
		queue->octets -= row_len(*row);
	free(*row);
}

struct row_queue *row_queue_new(const uint8_t secret[TABLE_SECRET_LEN])
{
	struct row_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return NULL;
	memcpy(queue->secret, secret, sizeof(queue->secret));
	queue->rows = table_new(ROW_QUEUE_MAX, sizeof(uint64_t), sizeof(struct row *), secret,
	                        on_leave, queue);
	if (!queue->rows) {
		free(queue);
		return NULL;
	}
	return queue;
}

void row_queue_free(struct row_queue *queue)
{
	if (!queue)
		return;
	table_free(queue->rows);
	free(queue);
}

static const char *name_of(const struct row *row)
{
	switch ((enum row_kind)row->kind) {
	case ROW_POLICY:
		return row->policy.domain;
	case ROW_PLACE:
		return row->place.host;
	case ROW_MET:
		return row->met.domain;
	case ROW_LIST:
		return row->list.path;
	case ROW_KIND_COUNT:
		break;
	}
	return "";
}

/* A keyed hash in place of the key: two keys with the same one would cost a row, once in ages. */
static uint64_t key_of(const struct row_queue *queue, const struct row *row)
{
	enum { NAME_MAX_LEN = DOMAIN_NAME_MAX };
	uint8_t key[1 + sizeof(struct address) + NAME_MAX_LEN] = { (uint8_t)row->kind };
	const char *name = name_of(row);
	size_t name_at = 1 + sizeof(struct address);
	size_t name_len = strnlen(name, NAME_MAX_LEN);

	_Static_assert((size_t)ROW_PATH_MAX <= (size_t)DOMAIN_NAME_MAX, "room for every name");
	if (row->kind == ROW_PLACE)
		memcpy(key + 1, &row->place.address, sizeof(struct address));
	memcpy(key + name_at, name, name_len);
	return siphash(queue->secret, key, name_at + name_len);
}

/* Before an entry leaves or changes its place in the order. */
static void step_over(struct row_queue *queue, const void *value)
{
	if (queue->next == value)
		queue->next = table_younger(queue->rows, value, NULL);
}

static void drop_oldest(struct row_queue *queue)
{
	const void *key;
	struct row **value = table_oldest(queue->rows, &key);

	step_over(queue, value);
	table_remove(queue->rows, key);
}

static struct row **place_for(struct row_queue *queue, uint64_t key)
{
	struct row **value = table_peek(queue->rows, &key);

	if (value) {
		step_over(queue, value);
		value = table_find(queue->rows, &key);
		queue->octets -= row_len(*value);
		free(*value);
		*value = NULL;
		return value;
	}
	if (table_count(queue->rows) == ROW_QUEUE_MAX) {
		drop_oldest(queue);
		queue->lost++;
	}
	return table_insert(queue->rows, &key);
}

void row_queue_put(struct row_queue *queue, const struct row *row)
{
	size_t len = row_len(row);
	struct row *copy = malloc(len);
	struct row **value;
	uint64_t key;

	if (!copy) {
		queue->lost++;
		return;
	}
	memcpy(copy, row, len);
	key = key_of(queue, row);
	value = place_for(queue, key);
	if (!value) {
		free(copy);
		queue->lost++;
		return;
	}
	*value = copy;
	queue->octets += len;
	while (queue->octets > ROW_QUEUE_OCTETS_MAX) {
		drop_oldest(queue);
		queue->lost++;
	}
}

size_t row_queue_visit(const struct row_queue *queue, size_t max,
                       bool (*visit)(void *owner, const struct row *row), void *owner)
{
	struct row **value = table_oldest(queue->rows, NULL);
	size_t count = 0;

	while (value && count < max && visit(owner, *value)) {
		count++;
		value = table_younger(queue->rows, value, NULL);
	}
	return count;
}

void row_queue_drop(struct row_queue *queue, size_t count)
{
	while (count-- > 0 && table_count(queue->rows) > 0)
		drop_oldest(queue);
}

void row_queue_rewind(struct row_queue *queue)
{
	queue->next = table_oldest(queue->rows, NULL);
}

const struct row *row_queue_next(struct row_queue *queue)
{
	struct row **value = queue->next;

	if (!value)
		return NULL;
	queue->next = table_younger(queue->rows, value, NULL);
	return *value;
}

size_t row_queue_count(const struct row_queue *queue)
{
	return table_count(queue->rows);
}

size_t row_queue_octets(const struct row_queue *queue)
{
	return queue->octets;
}

uint64_t row_queue_lost(const struct row_queue *queue)
{
	return queue->lost;
}
