/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mentions.h"

#include <string.h>

/* What must not be driven out by strangers' names for the same address. */
enum { WORTH_ESTABLISHED = 10, WORTH_NEXT_HOP = 20 };

static uint64_t worth(const struct mention *mention, uint64_t now_ms)
{
	if (!mention->record)
		return 0;
	if (!record_place_is_fresh(mention->record, mention->place, now_ms))
		return 1;
	return 2 + (uint64_t)record_state_at(mention->record, mention->place) +
	       (record_is_established(mention->record) ? WORTH_ESTABLISHED : 0) +
	       (record_is_next_hop(mention->record) ? WORTH_NEXT_HOP : 0);
}

bool mention_is_fresh(const struct mention *mention, uint64_t now_ms)
{
	return mention->record && record_place_is_fresh(mention->record, mention->place, now_ms);
}

/* Of the same answer: another address of its place, or what it said before. */
static bool says_the_same(const struct mention *a, const struct mention *b)
{
	return strcmp(record_host_at(a->record, a->place), record_host_at(b->record, b->place)) ==
	               0 &&
	       record_is_host(a->record) == record_is_host(b->record) &&
	       strcmp(record_name(a->record), record_name(b->record)) == 0;
}

/*
 * The mention to be replaced by `next`: of the same name and host, else a free or the weakest one. NULL: the same is known for
 * longer, or all others are stronger. So nobody's many names for an address drive a promise out.
 */
static struct mention *choose_mention(struct mentions *mentions, const struct mention *next,
                                      uint64_t now_ms)
{
	struct mention *weakest = &mentions->mention[0];
	size_t i;

	for (i = 0; i < MENTIONS_MAX; i++) {
		struct mention *mention = &mentions->mention[i];

		if (mention->record && says_the_same(mention, next))
			return worth(mention, now_ms) == worth(next, now_ms) &&
			                       record_place_outlives(mention->record,
			                                             mention->place, next->record,
			                                             next->place)
			               ? NULL
			               : mention;
		if (worth(mention, now_ms) < worth(weakest, now_ms))
			weakest = mention;
	}
	return worth(weakest, now_ms) <= worth(next, now_ms) ? weakest : NULL;
}

/* A host that stopped to promise does so at once, whoever named it before; what its domains promise is another matter. */
static size_t drop_outdated(struct mentions *mentions, const struct mention *next)
{
	size_t released = 0;

	if (promise_is_of_domain(record_source_at(next->record, next->place)))
		return 0;
	for (size_t i = 0; i < MENTIONS_MAX; i++) {
		struct mention *mention = &mentions->mention[i];

		if (!mention->record ||
		    strcmp(record_host_at(mention->record, mention->place),
		           record_host_at(next->record, next->place)) != 0 ||
		    promise_is_of_domain(record_source_at(mention->record, mention->place)) ||
		    record_state_at(mention->record, mention->place) <=
		            record_state_at(next->record, next->place))
			continue;
		released += record_release(mention->record);
		mention->record = NULL;
		mentions->is_crowded = true;
	}
	return released;
}

size_t mentions_add(struct mentions *mentions, struct record *record, size_t place, uint64_t now_ms)
{
	struct mention next = { .record = record, .place = (uint8_t)place };
	size_t released = drop_outdated(mentions, &next);
	struct mention *mention = choose_mention(mentions, &next, now_ms);

	mentions->is_crowded |= !mention || (mention->record && !says_the_same(mention, &next));
	if (!mention)
		return released;
	record_hold(record);
	if (mention->record)
		released += record_release(mention->record);
	*mention = next;
	return released;
}

size_t mentions_remove(struct mentions *mentions, const struct record *record)
{
	size_t released = 0;

	for (size_t i = 0; i < MENTIONS_MAX; i++) {
		struct mention *mention = &mentions->mention[i];

		if (!mention->record || (record && mention->record != record))
			continue;
		released += record_release(mention->record);
		mention->record = NULL;
	}
	return released;
}

const struct mention *mentions_strongest(const struct mentions *mentions, uint64_t now_ms)
{
	const struct mention *best = NULL;

	for (size_t i = 0; i < MENTIONS_MAX; i++) {
		const struct mention *mention = &mentions->mention[i];

		if (mention_is_fresh(mention, now_ms) &&
		    (!best || worth(mention, now_ms) > worth(best, now_ms)))
			best = mention;
	}
	return best;
}
