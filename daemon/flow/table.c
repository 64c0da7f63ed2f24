/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/table.h"

#include <stdlib.h>
#include <string.h>

enum {
	ENDPOINT_KEY_LEN = 1 + 16 + 2, /* family, address, port */
	FLOW_KEY_LEN = 2 * ENDPOINT_KEY_LEN,
	GUESTS_SPARED_MAX = 64, /* a bound on the work for one flow that comes */
};

/* What one client, or one destination, has. */
struct flow_share {
	struct address key;
	size_t flows;
	size_t guests;
	size_t standing;
	size_t octets;
};

struct rank_list {
	struct flow *oldest;
	struct flow *youngest;
	size_t count;
};

struct flow_table {
	struct table *flows;
	struct table *clients; /* struct address → struct flow_share, as many as there are flows */
	struct table *destinations; /* the same */
	struct rank_list ranks[FLOW_RANKS];
	size_t capacity;
	size_t guest_clients; /* that have guests */
	uint64_t driven_out;
	struct address driven_out_last;
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

static void leave_rank(struct flow_table *table, struct flow *flow)
{
	struct rank_list *list = &table->ranks[flow->rank];

	if (flow->older)
		flow->older->younger = flow->younger;
	else
		list->oldest = flow->younger;
	if (flow->younger)
		flow->younger->older = flow->older;
	else
		list->youngest = flow->older;
	list->count--;
}

static void become_youngest(struct flow_table *table, struct flow *flow)
{
	struct rank_list *list = &table->ranks[flow->rank];

	flow->older = list->youngest;
	flow->younger = NULL;
	if (list->youngest)
		list->youngest->younger = flow;
	else
		list->oldest = flow;
	list->youngest = flow;
	list->count++;
}

/* Its place in the shares: taken, or given back. */
static void count_in_shares(struct flow_table *table, const struct flow *flow, bool is_taken)
{
	size_t one = is_taken ? 1 : (size_t)-1;
	size_t guests_before = flow->of_client->guests;

	/* What nobody asked for takes nothing from the client to which it claims to belong. */
	if (flow->rank != FLOW_RANK_UNASKED)
		flow->of_client->octets += is_taken ? flow->octets : -flow->octets;

	if (flow->rank == FLOW_RANK_STANDING) {
		flow->of_client->standing += one;
		flow->of_destination->standing += one;
	} else if (flow->rank == FLOW_RANK_GUEST) {
		flow->of_client->guests += one;
		table->guest_clients += (flow->of_client->guests > 0);
		table->guest_clients -= (guests_before > 0);
	}
}

static void enter_rank(struct flow_table *table, struct flow *flow, enum flow_rank rank)
{
	leave_rank(table, flow);
	count_in_shares(table, flow, false);
	flow->rank = rank;
	count_in_shares(table, flow, true);
	become_youngest(table, flow);
}

static struct flow_share *obtain_share(struct table *shares, const struct address *address)
{
	struct address key = *address;
	struct flow_share *share;

	/* Whoever has a /64 has all addresses in it. */
	if (key.family == 6)
		memset(key.octets + 8, 0, 8);
	share = table_peek(shares, &key);
	if (!share)
		share = table_insert(shares, &key);
	if (share)
		share->key = key;
	return share;
}

static void release_share(struct table *shares, struct flow_share *share)
{
	struct address key;

	if (!share || share->flows > 0)
		return;
	key = share->key;
	table_remove(shares, &key);
}

static void flow_leaves(void *owner, const void *key, void *value)
{
	struct flow_table *table = owner;
	struct flow *flow = value;

	(void)key;
	if (table->on_leave)
		table->on_leave(table->owner, flow);
	leave_rank(table, flow);
	count_in_shares(table, flow, false);
	flow->of_destination->octets -= flow->octets;
	flow->of_client->flows--;
	flow->of_destination->flows--;
	release_share(table->clients, flow->of_client);
	release_share(table->destinations, flow->of_destination);
}

struct flow_table *flow_table_new(size_t capacity, const uint8_t secret[TABLE_SECRET_LEN],
                                  flow_leave_fn on_leave, void *owner)
{
	struct flow_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->capacity = capacity;
	table->on_leave = on_leave;
	table->owner = owner;
	table->flows =
		table_new(capacity, FLOW_KEY_LEN, sizeof(struct flow), secret, flow_leaves, table);
	table->clients = table_new(capacity, sizeof(struct address), sizeof(struct flow_share),
	                           secret, NULL, NULL);
	table->destinations = table_new(capacity, sizeof(struct address), sizeof(struct flow_share),
	                                secret, NULL, NULL);
	if (table->flows && table->clients && table->destinations)
		return table;
	flow_table_free(table);
	return NULL;
}

void flow_table_free(struct flow_table *table)
{
	if (!table)
		return;
	table_free(table->flows);
	table_free(table->clients);
	table_free(table->destinations);
	free(table);
}

struct flow *flow_table_find(struct flow_table *table, bool *is_from_client,
                             const struct segment *segment)
{
	uint8_t key[FLOW_KEY_LEN];
	struct flow *flow;

	put_key(key, &segment->source, &segment->destination);
	flow = table_peek(table->flows, key);
	if (!flow)
		return NULL;
	*is_from_client = flow->client.port == segment->source.port &&
	                  address_equal(&flow->client.address, &segment->source.address);
	leave_rank(table, flow);
	become_youngest(table, flow);
	return flow;
}

static bool is_below_average(const struct flow_table *table, const struct flow *guest)
{
	return guest->of_client->guests * table->guest_clients <
	       table->ranks[FLOW_RANK_GUEST].count;
}

/* The oldest, but those of clients that have few are spared: else one that opens many would keep the others from opening any. */
static struct flow *choose_guest(struct flow_table *table)
{
	struct rank_list *guests = &table->ranks[FLOW_RANK_GUEST];

	for (int i = 0; i < GUESTS_SPARED_MAX; i++) {
		struct flow *oldest = guests->oldest;

		if (!is_below_average(table, oldest))
			return oldest;
		leave_rank(table, oldest);
		become_youngest(table, oldest);
	}
	return guests->oldest;
}

/* At least a quarter of a full table does not stand. */
static void make_room(struct flow_table *table)
{
	enum flow_rank most = FLOW_RANK_GUEST;
	struct flow *flow;

	for (enum flow_rank rank = FLOW_RANK_GUEST; rank < FLOW_RANK_STANDING; rank++) {
		if (table->ranks[rank].count > table->ranks[most].count)
			most = rank;
	}
	flow = most == FLOW_RANK_GUEST ? choose_guest(table) : table->ranks[most].oldest;
	table->driven_out++;
	table->driven_out_last = flow->client.address;
	flow_table_remove(table, flow);
}

struct flow *flow_table_add(struct flow_table *table, const struct endpoint *client,
                            const struct endpoint *server)
{
	struct flow_share *of_client, *of_destination;
	uint8_t key[FLOW_KEY_LEN];
	struct flow *flow = NULL;

	put_key(key, client, server);
	table_remove(table->flows, key);
	if (table_count(table->flows) == table->capacity)
		make_room(table);
	of_client = obtain_share(table->clients, &client->address);
	of_destination = obtain_share(table->destinations, &server->address);
	if (of_client && of_destination)
		flow = table_insert(table->flows, key);
	if (!flow) {
		release_share(table->clients, of_client);
		release_share(table->destinations, of_destination);
		return NULL;
	}
	flow->client = *client;
	flow->server = *server;
	flow->of_client = of_client;
	flow->of_destination = of_destination;
	of_client->flows++;
	of_destination->flows++;
	flow->rank = FLOW_RANK_GUEST;
	count_in_shares(table, flow, true);
	become_youngest(table, flow);
	return flow;
}

void flow_table_remove(struct flow_table *table, struct flow *flow)
{
	uint8_t key[FLOW_KEY_LEN];

	put_key(key, &flow->client, &flow->server);
	table_remove(table->flows, key);
}

static bool has_share(const struct flow_table *table, const struct flow *flow)
{
	size_t room = table->capacity / 4 * 3;
	size_t left = room - table->ranks[FLOW_RANK_STANDING].count;

	return flow->of_client->standing < left && flow->of_destination->standing < left;
}

static enum flow_rank rank_of(const struct flow_table *table, const struct flow *flow)
{
	switch (flow->phase) {
	case FLOW_REFUSED:
		return FLOW_RANK_REFUSED;
	case FLOW_OFFLOADED:
		return FLOW_RANK_OVER;
	case FLOW_CLOSING:
		if (flow->has_client_ended)
			return FLOW_RANK_OVER;
		break;
	case FLOW_OPENING:
	case FLOW_OPEN:
		break;
	}
	if (!flow->from_client.has_ingress)
		return FLOW_RANK_UNASKED;
	if (!flow->is_established || !flow->from_server.has_ingress)
		return FLOW_RANK_GUEST;
	return flow->rank == FLOW_RANK_STANDING || has_share(table, flow) ? FLOW_RANK_STANDING
	                                                                  : FLOW_RANK_GUEST;
}

void flow_table_settle(struct flow_table *table, struct flow *flow)
{
	enum flow_rank rank = rank_of(table, flow);

	if (rank != flow->rank)
		enter_rank(table, flow, rank);
}

struct flow *flow_table_oldest(const struct flow_table *table, enum flow_rank rank)
{
	return table->ranks[rank].oldest;
}

struct flow *flow_table_younger(const struct flow *flow)
{
	return flow->younger;
}

size_t flow_table_count(const struct flow_table *table)
{
	return table_count(table->flows);
}

size_t flow_table_count_rank(const struct flow_table *table, enum flow_rank rank)
{
	return table->ranks[rank].count;
}

void flow_table_charge(struct flow *flow, size_t before, size_t now)
{
	size_t octets = flow->octets + now;

	/* Of what was taken outside of these, more may be given back. */
	octets = octets > before ? octets - before : 0;
	if (flow->rank != FLOW_RANK_UNASKED)
		flow->of_client->octets += octets - flow->octets;
	flow->of_destination->octets += octets - flow->octets;
	flow->octets = octets;
}

size_t flow_table_octets(const struct flow *flow)
{
	size_t client = flow->of_client->octets, destination = flow->of_destination->octets;

	return client > destination ? client : destination;
}

uint64_t flow_table_driven_out(const struct flow_table *table, struct address *last)
{
	*last = table->driven_out_last;
	return table->driven_out;
}
