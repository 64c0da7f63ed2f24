/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/table.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"

enum {
	FLOW_KEY_MAX = 2 * (16 + 2), /* addresses and ports; whoever finds a flow compares them */
	GUESTS_SPARED_MAX = 64,      /* a bound on the work for one flow that comes */
};

/* What one client, or one destination, has. */
struct flow_share {
	struct index_link link;
	uint32_t flows;
	uint32_t guests;
	uint32_t standing;
	struct address key;
	size_t octets;
};

struct rank_list {
	struct flow *oldest;
	struct flow *youngest;
	size_t count;
};

struct flow_table {
	struct index *flows;
	struct index *clients;      /* of shares, at most as many as there are flows */
	struct index *destinations; /* the same */
	uint8_t secret[TABLE_SECRET_LEN];
	size_t count;
	struct rank_list ranks[FLOW_RANKS];
	size_t capacity;
	size_t guest_clients; /* that have guests */
	uint64_t driven_out;
	struct address driven_out_last;
	flow_leave_fn on_leave;
	void *owner;
};

const struct flow_wait flow_waits_for_nothing = { .flow = NULL };

static bool is_before(const struct endpoint *one, const struct endpoint *other)
{
	if (one->port != other->port)
		return one->port < other->port;
	return memcmp(one->address.octets, other->address.octets, sizeof(one->address.octets)) < 0;
}

/* The same for both directions: the smaller endpoint first. Returns its length: a hash costs by the octet. */
static size_t put_key(uint8_t key[FLOW_KEY_MAX], const struct endpoint *one,
                      const struct endpoint *other)
{
	const struct endpoint *ends[] = { one, other };
	size_t first = is_before(other, one), at = 0;

	for (size_t i = 0; i < 2; i++) {
		const struct endpoint *end = ends[first ^ i];

		if (end->address.family == 6) {
			memcpy(key + at, end->address.octets, 16);
			at += 16;
		} else {
			memcpy(key + at, end->address.octets, 4);
			at += 4;
		}
		put_u16(key + at, end->port);
		at += 2;
	}
	return at;
}

static uint32_t hash_of(const struct flow_table *table, const struct endpoint *one,
                        const struct endpoint *other)
{
	uint8_t key[FLOW_KEY_MAX];
	size_t len = put_key(key, one, other);

	return (uint32_t)siphash(table->secret, key, len);
}

static struct flow *flow_of(struct index_link *link)
{
	return link ? (struct flow *)((uintptr_t)link - offsetof(struct flow, link)) : NULL;
}

/* Either way round. */
static struct flow *look_up(const struct flow_table *table, const struct endpoint *one,
                            const struct endpoint *other)
{
	struct index_link *link = index_first(table->flows, hash_of(table, one, other));

	for (; link; link = index_next(link)) {
		struct flow *flow = flow_of(link);

		if ((endpoint_equal(&flow->client, one) && endpoint_equal(&flow->server, other)) ||
		    (endpoint_equal(&flow->client, other) && endpoint_equal(&flow->server, one)))
			return flow;
	}
	return NULL;
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
	uint32_t one = is_taken ? 1 : (uint32_t)-1;
	size_t octets = flow->octets;
	size_t guests_before = flow->of_client->guests;

	/* What nobody asked for takes nothing from the client to which it claims to belong. */
	if (flow->rank != FLOW_RANK_UNASKED)
		flow->of_client->octets += is_taken ? octets : -octets;

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

static struct flow_share *share_of(struct index_link *link)
{
	return link ? (struct flow_share *)((uintptr_t)link - offsetof(struct flow_share, link))
	            : NULL;
}

static struct flow_share *obtain_share(const struct flow_table *table, struct index *shares,
                                       const struct address *address)
{
	struct address key = *address;
	struct flow_share *share;
	struct index_link *link;
	uint32_t hash;

	/* Whoever has a /64 has all addresses in it. */
	if (key.family == 6)
		memset(key.octets + 8, 0, 8);
	hash = (uint32_t)siphash(table->secret, &key, sizeof(key));
	for (link = index_first(shares, hash); link; link = index_next(link)) {
		if (address_equal(&share_of(link)->key, &key))
			return share_of(link);
	}
	share = calloc(1, sizeof(*share));
	if (!share)
		return NULL;
	share->key = key;
	index_add(shares, &share->link, hash);
	return share;
}

static void release_share(struct index *shares, struct flow_share *share)
{
	if (!share || share->flows > 0)
		return;
	index_remove(shares, &share->link);
	free(share);
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
	memcpy(table->secret, secret, TABLE_SECRET_LEN);
	table->flows = index_new();
	table->clients = index_new();
	table->destinations = index_new();
	if (table->flows && table->clients && table->destinations)
		return table;
	flow_table_free(table);
	return NULL;
}

void flow_table_free(struct flow_table *table)
{
	if (!table)
		return;
	for (enum flow_rank rank = FLOW_RANK_GUEST; rank < FLOW_RANKS; rank++) {
		while (table->ranks[rank].oldest)
			flow_table_remove(table, table->ranks[rank].oldest);
	}
	index_free(table->flows);
	index_free(table->clients);
	index_free(table->destinations);
	free(table);
}

struct flow *flow_table_find(struct flow_table *table, bool *is_from_client,
                             const struct segment *segment)
{
	struct flow *flow = look_up(table, &segment->source, &segment->destination);

	if (!flow)
		return NULL;
	*is_from_client = endpoint_equal(&flow->client, &segment->source);
	flow_table_touch(table, flow);
	return flow;
}

void flow_table_touch(struct flow_table *table, struct flow *flow)
{
	if (flow == table->ranks[flow->rank].youngest)
		return;
	leave_rank(table, flow);
	become_youngest(table, flow);
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
	struct flow *flow = look_up(table, client, server);

	if (flow)
		flow_table_remove(table, flow);
	if (table->count == table->capacity)
		make_room(table);
	flow = calloc(1, sizeof(*flow));
	if (!flow)
		return NULL;
	flow->of_client = obtain_share(table, table->clients, &client->address);
	flow->of_destination = obtain_share(table, table->destinations, &server->address);
	if (!flow->of_client || !flow->of_destination) {
		release_share(table->clients, flow->of_client);
		release_share(table->destinations, flow->of_destination);
		free(flow);
		return NULL;
	}
	flow->client = *client;
	flow->server = *server;
	flow->wait = (struct flow_wait *)(uintptr_t)&flow_waits_for_nothing;
	flow->of_client->flows++;
	flow->of_destination->flows++;
	flow->rank = FLOW_RANK_GUEST;
	index_add(table->flows, &flow->link, hash_of(table, client, server));
	table->count++;
	count_in_shares(table, flow, true);
	become_youngest(table, flow);
	return flow;
}

void flow_table_remove(struct flow_table *table, struct flow *flow)
{
	index_remove(table->flows, &flow->link);
	table->count--;
	if (table->on_leave)
		table->on_leave(table->owner, flow);
	leave_rank(table, flow);
	count_in_shares(table, flow, false);
	flow->of_destination->octets -= flow->octets;
	flow->of_client->flows--;
	flow->of_destination->flows--;
	release_share(table->clients, flow->of_client);
	release_share(table->destinations, flow->of_destination);
	free(flow);
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
	return table->count;
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
	flow->octets = (uint32_t)octets;
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
