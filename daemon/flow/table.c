/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/table.h"

#include <stdlib.h>
#include <string.h>

enum {
	ENDPOINT_KEY_LEN = 1 + 16 + 2, /* family, address, port */
	FLOW_KEY_LEN = 2 * ENDPOINT_KEY_LEN,
};

struct flow_table {
	struct table *flows;
	flow_leave_fn on_leave;
	void *owner;
};

static void put_endpoint(uint8_t key[ENDPOINT_KEY_LEN], const struct endpoint *endpoint)
{
	key[0] = endpoint->address.family;
	memcpy(key + 1, endpoint->address.octets, 16);
	put_u16(key + 17, endpoint->port);
}

/* The same for both directions: the smaller endpoint first. */
static void put_key(uint8_t key[FLOW_KEY_LEN], const struct endpoint *one,
                    const struct endpoint *other)
{
	uint8_t swapped[ENDPOINT_KEY_LEN];

	put_endpoint(key, one);
	put_endpoint(key + ENDPOINT_KEY_LEN, other);
	if (memcmp(key, key + ENDPOINT_KEY_LEN, ENDPOINT_KEY_LEN) <= 0)
		return;
	memcpy(swapped, key, ENDPOINT_KEY_LEN);
	memcpy(key, key + ENDPOINT_KEY_LEN, ENDPOINT_KEY_LEN);
	memcpy(key + ENDPOINT_KEY_LEN, swapped, ENDPOINT_KEY_LEN);
}

static void flow_leaves(void *owner, const void *key, void *value)
{
	struct flow_table *table = owner;

	(void)key;
	if (table->on_leave)
		table->on_leave(table->owner, value);
}

struct flow_table *flow_table_new(size_t capacity, const uint8_t secret[TABLE_SECRET_LEN],
                                  flow_leave_fn on_leave, void *owner)
{
	struct flow_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->on_leave = on_leave;
	table->owner = owner;
	table->flows =
		table_new(capacity, FLOW_KEY_LEN, sizeof(struct flow), secret, flow_leaves, table);
	if (!table->flows) {
		free(table);
		return NULL;
	}
	return table;
}

void flow_table_free(struct flow_table *table)
{
	if (!table)
		return;
	table_free(table->flows);
	free(table);
}

struct flow *flow_table_find(struct flow_table *table, bool *is_from_client,
                             const struct segment *segment)
{
	uint8_t key[FLOW_KEY_LEN];
	struct flow *flow;

	put_key(key, &segment->source, &segment->destination);
	flow = table_find(table->flows, key);
	if (flow)
		*is_from_client = flow->client.port == segment->source.port &&
		                  address_equal(&flow->client.address, &segment->source.address);
	return flow;
}

struct flow *flow_table_add(struct flow_table *table, const struct endpoint *client,
                            const struct endpoint *server)
{
	uint8_t key[FLOW_KEY_LEN];
	struct flow *flow;

	put_key(key, client, server);
	table_remove(table->flows, key);
	flow = table_insert(table->flows, key);
	if (!flow)
		return NULL;
	flow->client = *client;
	flow->server = *server;
	return flow;
}

void flow_table_remove(struct flow_table *table, struct flow *flow)
{
	uint8_t key[FLOW_KEY_LEN];

	put_key(key, &flow->client, &flow->server);
	table_remove(table->flows, key);
}

struct flow *flow_table_oldest(const struct flow_table *table)
{
	return table_oldest(table->flows, NULL);
}

struct flow *flow_table_younger(const struct flow_table *table, const struct flow *flow)
{
	return table_younger(table->flows, flow, NULL);
}

size_t flow_table_count(const struct flow_table *table)
{
	return table_count(table->flows);
}
