/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enquiries.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/siphash.h"
#include "config.h"

_Static_assert(CONFIG_QUEUES_MAX <= 64, "a guard is a bit of 64");

struct key {
	char name[DOMAIN_NAME_MAX]; /* zeroed behind its end */
	uint8_t subject;
	uint8_t is_refresh; /* that of a refresh takes longer: nobody else waits for it */
};

struct enquiry {
	struct enquiries *enquiries;
	struct key key;
	struct merge *merge;
	bool is_overtaken;
	uint8_t renewals;
	struct address client; /* whose share it is of; family 0: nobody's */
	struct enquirers enquirers;
};

struct enquiries {
	const struct merge_sources *sources;
	struct table *table;   /* struct key → struct enquiry *, owned */
	struct table *clients; /* struct address → size_t, their open enquiries */
	uint8_t secret[TABLE_SECRET_LEN];
	enquiry_fn fn;
	void *owner;
};

static void give_share_back(struct enquiries *enquiries, const struct address *client)
{
	size_t *open = client->family ? table_peek(enquiries->clients, client) : NULL;

	if (open && --*open == 0)
		table_remove(enquiries->clients, client);
}

/* Answered, or at the end. */
static void on_leave(void *owner, const void *key, void *value)
{
	struct enquiry *enquiry = *(struct enquiry **)value;

	(void)key;
	if (!enquiry)
		return;
	give_share_back(owner, &enquiry->client);
	if (enquiry->merge)
		merge_cancel(enquiry->merge);
	free(enquiry);
}

struct enquiries *enquiries_new(const struct merge_sources *sources,
                                const uint8_t secret[TABLE_SECRET_LEN], enquiry_fn fn, void *owner)
{
	struct enquiries *enquiries = calloc(1, sizeof(*enquiries));

	if (!enquiries)
		return NULL;
	enquiries->sources = sources;
	enquiries->fn = fn;
	enquiries->owner = owner;
	memcpy(enquiries->secret, secret, TABLE_SECRET_LEN);
	enquiries->clients = table_new(ENQUIRIES_MAX, sizeof(struct address), sizeof(size_t),
	                               secret, NULL, NULL);
	enquiries->table = table_new(ENQUIRIES_MAX, sizeof(struct key), sizeof(struct enquiry *),
	                             secret, on_leave, enquiries);
	if (enquiries->table && enquiries->clients)
		return enquiries;
	enquiries_free(enquiries);
	return NULL;
}

void enquiries_free(struct enquiries *enquiries)
{
	if (!enquiries)
		return;
	table_free(enquiries->table);
	table_free(enquiries->clients);
	free(enquiries);
}

static void on_destination(void *owner, const struct destination *destination);

struct party enquiries_party(const struct enquiries *enquiries, const struct address *client,
                             const char *destination)
{
	return (struct party){
		.client = client->family ? siphash(enquiries->secret, client, sizeof(*client)) : 0,
		.destination = siphash(enquiries->secret, destination, strlen(destination)),
	};
}

static void ask_for(const struct merge_sources *sources, const struct party *party)
{
	resolver_ask_for(sources->resolver, party);
	if (sources->fresh)
		resolver_ask_for(sources->fresh, party);
}

/* NULL: out of memory. */
static struct merge *begin(struct enquiry *enquiry)
{
	static const struct party no_party;
	const struct merge_question question = {
		.subject = (enum merge_subject)enquiry->key.subject,
		.name = enquiry->key.name,
		.is_refresh = enquiry->key.is_refresh,
	};

	const struct merge_sources *sources = enquiry->enquiries->sources;
	const struct party party =
		enquiries_party(enquiry->enquiries, &enquiry->client, enquiry->key.name);
	struct merge *merge;

	ask_for(sources, &party);
	merge = merge_ask(sources, &question, on_destination, enquiry);
	ask_for(sources, &no_party);
	return merge;
}

static void on_destination(void *owner, const struct destination *destination)
{
	struct enquiry *enquiry = owner;
	struct enquiries *enquiries = enquiry->enquiries;
	struct enquirers enquirers = enquiry->enquirers;
	struct key key = enquiry->key;

	enquiry->merge = NULL;
	if (enquiry->is_overtaken && enquiry->renewals < ENQUIRY_RENEWALS_MAX) {
		enquiry->renewals++;
		enquiry->merge = begin(enquiry);
	}
	enquiry->is_overtaken = false;
	if (enquiry->merge)
		return;
	table_remove(enquiries->table, &key);
	enquiries->fn(enquiries->owner, &enquirers, destination);
}

/* False: it has its share, or there is no memory. */
static bool take_share(struct enquiries *enquiries, const struct address *client)
{
	size_t left = ENQUIRIES_MAX - table_count(enquiries->table);
	size_t *open;

	if (client->family == 0)
		return left > 0;
	open = table_peek(enquiries->clients, client);
	if ((open ? *open : 0) >= left)
		return false;
	if (!open)
		open = table_insert(enquiries->clients, client);
	if (open)
		++*open;
	return open != NULL;
}

/* The open enquiry for that name, or a new one. */
static struct enquirers *join(struct enquiries *enquiries, const struct merge_question *question,
                              const struct address *client)
{
	struct key key = { .subject = (uint8_t)question->subject,
		           .is_refresh = question->is_refresh };
	struct enquiry *enquiry, **slot;

	text_copy(key.name, sizeof(key.name), question->name);
	slot = table_peek(enquiries->table, &key);
	if (slot)
		return &(*slot)->enquirers;
	enquiry = calloc(1, sizeof(*enquiry));
	if (!enquiry)
		return NULL;
	if (!take_share(enquiries, client)) {
		free(enquiry);
		return NULL;
	}
	slot = table_insert(enquiries->table, &key);
	if (slot) {
		*slot = enquiry;
		enquiry->enquiries = enquiries;
		enquiry->key = key;
		enquiry->client = *client;
		enquiry->merge = begin(enquiry);
		if (enquiry->merge)
			return &enquiry->enquirers;
		table_remove(enquiries->table, &key);
		return NULL;
	}
	give_share_back(enquiries, client);
	free(enquiry);
	return NULL;
}

bool enquiries_ask_for_guard(struct enquiries *enquiries, const struct merge_question *question,
                             unsigned guard, const struct address *client)
{
	struct enquirers *enquirers = join(enquiries, question, client);

	if (!enquirers)
		return false;
	enquirers->guards |= (uint64_t)1 << guard;
	return true;
}

static const struct address nobody;

bool enquiries_ask_ahead(struct enquiries *enquiries, enum merge_subject subject, const char *name)
{
	const struct merge_question question = { .subject = subject, .name = name };
	struct enquirers *enquirers;

	if (table_count(enquiries->table) >= ENQUIRIES_AHEAD_MAX)
		return false;
	enquirers = join(enquiries, &question, &nobody);
	if (!enquirers)
		return false;
	enquirers->guards = UINT64_MAX;
	enquirers->is_ahead = true;
	return true;
}

bool enquiries_ask_for_explanation(struct enquiries *enquiries, enum merge_subject subject,
                                   const char *name, uint32_t request)
{
	const struct merge_question question = { .subject = subject, .name = name };
	struct enquirers *enquirers = join(enquiries, &question, &nobody);

	if (!enquirers || enquirers->explanation_count == ENQUIRY_EXPLANATIONS_MAX)
		return false;
	enquirers->explanations[enquirers->explanation_count++] = request;
	return true;
}

void enquiries_renew(struct enquiries *enquiries)
{
	const void *key;
	struct enquiry **each;

	for (each = table_oldest(enquiries->table, &key); each;
	     each = table_younger(enquiries->table, each, &key)) {
		struct enquiry *enquiry = *each;
		struct merge *merge = begin(enquiry);

		if (!merge)
			continue;
		merge_cancel(enquiry->merge);
		enquiry->merge = merge;
	}
}

void enquiries_overtake(struct enquiries *enquiries)
{
	const void *key;
	struct enquiry **each;

	for (each = table_oldest(enquiries->table, &key); each;
	     each = table_younger(enquiries->table, each, &key))
		(*each)->is_overtaken = !(*each)->key.is_refresh;
}

size_t enquiries_count(const struct enquiries *enquiries)
{
	return table_count(enquiries->table);
}
