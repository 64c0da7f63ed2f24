/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/local.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum {
	BUCKETS_MIN = 256,
	TEXTS = 5, /* name, match, next_hop, reason, origin */
	TEXTS_LEN_MAX = 2 * DOMAIN_NAME_MAX + LOCAL_MATCH_MAX + LOCAL_REASON_MAX + LOCAL_ORIGIN_MAX,
};

enum told { TOLD_NOTHING, TOLD_SOON, TOLD_ENDED };

/* An entry without the room that it does not use. */
struct record {
	struct record *next; /* in its bucket */
	uint64_t until_ms;
	uint8_t scope;
	uint8_t level;
	uint8_t rank;
	uint8_t told;
	bool only_alerts;
	uint8_t fingerprint_count;
	uint8_t octets[]; /* fingerprints, then the texts, each with its NUL, the name first */
};

struct local {
	uint8_t secret[SIPHASH_KEY_LEN];
	struct record **buckets;
	size_t bucket_count; /* a power of two */
	struct record **records;
	size_t record_room;
	size_t record_count;
	struct record **ending; /* those with an end */
	size_t ending_room;
	size_t ending_count;
};

struct local *local_new(const uint8_t secret[SIPHASH_KEY_LEN])
{
	struct local *local = calloc(1, sizeof(*local));

	if (!local)
		return NULL;
	local->buckets = calloc(BUCKETS_MIN, sizeof(struct record *));
	if (!local->buckets) {
		free(local);
		return NULL;
	}
	local->bucket_count = BUCKETS_MIN;
	memcpy(local->secret, secret, SIPHASH_KEY_LEN);
	return local;
}

void local_free(struct local *local)
{
	if (!local)
		return;
	for (size_t i = 0; i < local->record_count; i++)
		free(local->records[i]);
	free(local->buckets);
	free(local->records);
	free(local->ending);
	free(local);
}

static const char *name_of(const struct record *record)
{
	return (const char *)record->octets +
	       (size_t)record->fingerprint_count * LOCAL_FINGERPRINT_LEN;
}

/* Of the name alone: the few entries that share one are told apart in its bucket. */
static struct record **bucket_of(const struct local *local, const char *name)
{
	return &local->buckets[siphash(local->secret, name, strlen(name)) &
	                       (local->bucket_count - 1)];
}

static struct record *find_record(const struct local *local, enum local_rank rank,
                                  enum local_scope scope, const char *name)
{
	struct record *record = *bucket_of(local, name);

	while (record && (record->rank != rank || record->scope != scope ||
	                  strcmp(name_of(record), name) != 0))
		record = record->next;
	return record;
}

static struct record *pack(enum local_rank rank, const struct local_entry *entry)
{
	const char *const texts[TEXTS] = { entry->name, entry->match, entry->next_hop,
		                           entry->reason, entry->origin };
	size_t len = (size_t)entry->fingerprint_count * LOCAL_FINGERPRINT_LEN;
	struct record *record = malloc(sizeof(*record) + len + TEXTS_LEN_MAX);
	struct record *smaller;

	if (!record)
		return NULL;
	*record = (struct record){
		.until_ms = entry->until_ms,
		.scope = (uint8_t)entry->scope,
		.level = (uint8_t)entry->level,
		.rank = (uint8_t)rank,
		.only_alerts = entry->only_alerts,
		.fingerprint_count = entry->fingerprint_count,
	};
	memcpy(record->octets, entry->fingerprints, len);
	for (size_t i = 0; i < TEXTS; i++) {
		size_t text_len = strlen(texts[i]) + 1;

		memcpy(record->octets + len, texts[i], text_len);
		len += text_len;
	}
	smaller = realloc(record, sizeof(*record) + len);
	return smaller ? smaller : record;
}

static void unpack(struct local_entry *entry, const struct record *record)
{
	const struct {
		char *text;
		size_t room;
	} texts[TEXTS] = {
		{ entry->name, sizeof(entry->name) },
		{ entry->match, sizeof(entry->match) },
		{ entry->next_hop, sizeof(entry->next_hop) },
		{ entry->reason, sizeof(entry->reason) },
		{ entry->origin, sizeof(entry->origin) },
	};
	const char *at = name_of(record);

	memset(entry, 0, sizeof(*entry));
	entry->scope = (enum local_scope)record->scope;
	entry->level = (enum local_level)record->level;
	entry->only_alerts = record->only_alerts;
	entry->until_ms = record->until_ms;
	entry->fingerprint_count = record->fingerprint_count;
	memcpy(entry->fingerprints, record->octets,
	       (size_t)record->fingerprint_count * LOCAL_FINGERPRINT_LEN);
	for (size_t i = 0; i < TEXTS; i++) {
		text_copy(texts[i].text, texts[i].room, at);
		at += strlen(at) + 1;
	}
}

/* Room for one more at the end. False: out of memory. */
static bool make_room(struct record ***records, size_t *room, size_t count)
{
	size_t more = *room > 0 ? *room * 2 : BUCKETS_MIN;
	struct record **moved;

	if (count < *room)
		return true;
	moved = realloc(*records, more * sizeof(struct record *));
	if (!moved)
		return false;
	*records = moved;
	*room = more;
	return true;
}

/* As many buckets as records. Without memory for them, chains get longer. */
static void widen(struct local *local)
{
	size_t count = local->bucket_count * 2;
	struct record **buckets;

	if (local->record_count < local->bucket_count)
		return;
	buckets = calloc(count, sizeof(struct record *));
	if (!buckets)
		return;
	free(local->buckets);
	local->buckets = buckets;
	local->bucket_count = count;
	for (size_t i = 0; i < local->record_count; i++) {
		struct record *record = local->records[i];
		struct record **bucket = bucket_of(local, name_of(record));

		record->next = *bucket;
		*bucket = record;
	}
}

int local_add(struct local *local, enum local_rank rank, const struct local_entry *entry)
{
	struct record *record, **bucket;

	if (find_record(local, rank, entry->scope, entry->name))
		return -EEXIST;
	if (local->record_count == LOCAL_ENTRIES_MAX)
		return -ENOSPC;
	if (!make_room(&local->records, &local->record_room, local->record_count) ||
	    !make_room(&local->ending, &local->ending_room, local->ending_count))
		return -ENOMEM;
	record = pack(rank, entry);
	if (!record)
		return -ENOMEM;
	widen(local);
	bucket = bucket_of(local, entry->name);
	record->next = *bucket;
	*bucket = record;
	local->records[local->record_count++] = record;
	if (record->until_ms != 0)
		local->ending[local->ending_count++] = record;
	return 0;
}

static bool counts(const struct record *record, uint64_t now_ms)
{
	return record && (record->until_ms == 0 || record->until_ms > now_ms);
}

/* In one rank: the domain itself, then its parents. */
static const struct record *find_domain(const struct local *local, enum local_rank rank,
                                        const char *domain, uint64_t now_ms)
{
	const struct record *record = find_record(local, rank, LOCAL_DOMAIN, domain);
	const char *dot;

	for (dot = strchr(domain, '.'); !counts(record, now_ms) && dot; dot = strchr(dot + 1, '.'))
		record = find_record(local, rank, LOCAL_SUBDOMAINS, dot + 1);
	return counts(record, now_ms) ? record : NULL;
}

bool local_find(const struct local *local, struct local_entry *found, const char *domain,
                uint64_t now_ms)
{
	const struct record *record = find_domain(local, LOCAL_FROM_CONFIG, domain, now_ms);

	if (!record)
		record = find_domain(local, LOCAL_FROM_POSTFIX, domain, now_ms);
	if (record)
		unpack(found, record);
	return record;
}

/* What is left of a smart host whose settings have ended. */
static void unpack_bare(struct local_entry *entry, const struct record *record)
{
	unpack(entry, record);
	entry->level = LOCAL_UNSET;
	entry->only_alerts = false;
	entry->until_ms = 0;
	entry->fingerprint_count = 0;
	memset(entry->fingerprints, 0, sizeof(entry->fingerprints));
	entry->match[0] = entry->reason[0] = '\0';
}

bool local_find_host(const struct local *local, struct local_entry *found, const char *host,
                     uint64_t now_ms)
{
	const struct record *ended = NULL;

	for (int rank = 0; rank < LOCAL_RANK_COUNT; rank++) {
		const struct record *record =
			find_record(local, (enum local_rank)rank, LOCAL_HOST, host);

		if (counts(record, now_ms)) {
			unpack(found, record);
			return true;
		}
		ended = record ? record : ended;
	}
	if (ended)
		unpack_bare(found, ended);
	return ended;
}

bool local_find_ended(const struct local *local, struct local_entry *ended, const char *name,
                      bool is_host, uint64_t now_ms)
{
	const struct record *record =
		find_record(local, LOCAL_FROM_CONFIG, is_host ? LOCAL_HOST : LOCAL_DOMAIN, name);
	const char *dot;

	for (dot = is_host ? NULL : strchr(name, '.'); !record && dot; dot = strchr(dot + 1, '.'))
		record = find_record(local, LOCAL_FROM_CONFIG, LOCAL_SUBDOMAINS, dot + 1);
	if (!record || counts(record, now_ms))
		return false;
	unpack(ended, record);
	return true;
}

size_t local_count(const struct local *local)
{
	return local->record_count;
}

bool local_at(const struct local *local, struct local_entry *entry, size_t index)
{
	if (index >= local->record_count)
		return false;
	unpack(entry, local->records[index]);
	return true;
}

void local_tell_ends(struct local *local, uint64_t now_ms, uint64_t soon_ms, local_end_fn fn,
                     void *owner)
{
	struct local_entry entry;

	for (size_t i = 0; i < local->ending_count; i++) {
		struct record *record = local->ending[i];
		enum told due = TOLD_NOTHING;

		if (record->until_ms <= now_ms)
			due = TOLD_ENDED;
		else if (record->until_ms - now_ms <= soon_ms)
			due = TOLD_SOON;
		if (due <= record->told)
			continue;
		record->told = (uint8_t)due;
		unpack(&entry, record);
		fn(owner, &entry, due == TOLD_ENDED ? LOCAL_ENDED : LOCAL_ENDS_SOON);
	}
}

void local_take_over(struct local *local, const struct local *before)
{
	for (size_t i = 0; i < local->ending_count; i++) {
		struct record *record = local->ending[i];
		const struct record *same =
			find_record(before, (enum local_rank)record->rank,
		                    (enum local_scope)record->scope, name_of(record));

		if (same && same->until_ms == record->until_ms)
			record->told = same->told;
	}
}
