/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy_lists.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rfc3339.h"

struct slot {
	char path[ROW_PATH_MAX];
	struct policy_list *list; /* NULL: none was good yet */
	bool is_signed;
	bool is_told_expired;
	uint64_t taken_ms; /* monotonic, as the next one */
	uint64_t until_ms;
	uint64_t age_ms; /* when it was taken */
};

/* How far ahead the clock of whoever made a list may be. */
enum { SKEW_MS = 24 * 60 * 60 * 1000 };

struct newest {
	struct row_list row;
	bool is_saved;
};

struct policy_lists {
	uint8_t secret[SIPHASH_KEY_LEN];
	struct slot slots[POLICY_LISTS_MAX];
	size_t count;
	struct newest newest[POLICY_LISTS_REMEMBERED_MAX];
	size_t newest_count;
};

struct policy_lists *policy_lists_new(const uint8_t secret[SIPHASH_KEY_LEN])
{
	struct policy_lists *lists = calloc(1, sizeof(*lists));

	if (lists)
		memcpy(lists->secret, secret, sizeof(lists->secret));
	return lists;
}

void policy_lists_free(struct policy_lists *lists)
{
	if (!lists)
		return;
	for (size_t i = 0; i < lists->count; i++)
		policy_list_free(lists->slots[i].list);
	free(lists);
}

static struct slot *slot_of(const struct policy_lists *lists, const char *path)
{
	for (size_t i = 0; i < lists->count; i++) {
		if (strcmp(lists->slots[i].path, path) == 0)
			return (struct slot *)(uintptr_t)&lists->slots[i];
	}
	return NULL;
}

void policy_lists_configure(struct policy_lists *lists, const char *const *paths, size_t count)
{
	struct slot slots[POLICY_LISTS_MAX] = { 0 };

	if (count > POLICY_LISTS_MAX)
		count = POLICY_LISTS_MAX;
	for (size_t i = 0; i < count; i++) {
		struct slot *old = slot_of(lists, paths[i]);

		text_copy(slots[i].path, sizeof(slots[i].path), paths[i]);
		if (!old)
			continue;
		slots[i] = *old;
		old->list = NULL;
	}
	for (size_t i = 0; i < lists->count; i++)
		policy_list_free(lists->slots[i].list);
	memcpy(lists->slots, slots, sizeof(slots));
	lists->count = count;
}

static struct newest *newest_of(struct policy_lists *lists, const char *path)
{
	for (size_t i = 0; i < lists->newest_count; i++) {
		if (strcmp(lists->newest[i].row.path, path) == 0)
			return &lists->newest[i];
	}
	return NULL;
}

/* Never to an earlier one. */
static void remember(struct policy_lists *lists, const char *path, uint64_t timestamp_ms,
                     bool is_saved)
{
	struct newest *newest = newest_of(lists, path);

	if (!newest) {
		if (lists->newest_count == POLICY_LISTS_REMEMBERED_MAX)
			return;
		newest = &lists->newest[lists->newest_count++];
		memset(newest, 0, sizeof(*newest));
		text_copy(newest->row.path, sizeof(newest->row.path), path);
	} else if (timestamp_ms <= newest->row.timestamp_ms) {
		return;
	}
	newest->row.timestamp_ms = timestamp_ms;
	newest->is_saved = is_saved;
}

static bool goes_back(struct policy_lists *lists, const char *path, const struct policy_list *list,
                      char error[POLICY_LIST_ERROR_MAX])
{
	const struct newest *newest = newest_of(lists, path);
	char was[RFC3339_TEXT_MAX], is[RFC3339_TEXT_MAX];

	if (!newest || list->timestamp_s * 1000 >= newest->row.timestamp_ms)
		return false;
	(void)snprintf(error, POLICY_LIST_ERROR_MAX,
	               "timestamp: %s is older than %s, which was taken from here before",
	               rfc3339_format(is, list->timestamp_s),
	               rfc3339_format(was, newest->row.timestamp_ms / 1000));
	return true;
}

/*
 * A clock that is behind the list itself is wrong (no battery, or an attack on its time source): then the list holds no longer
 * than its maker meant it to hold from the beginning.
 */
static void put_in(struct slot *slot, struct policy_list *list, struct policy_moment moment)
{
	uint64_t timestamp_ms = list->timestamp_s * 1000;
	uint64_t expires_ms = list->expires_s * 1000;
	uint64_t time_ms = moment.time_ms > timestamp_ms ? moment.time_ms : timestamp_ms;

	policy_list_free(slot->list);
	slot->list = list;
	slot->is_told_expired = false;
	slot->taken_ms = moment.now_ms;
	slot->until_ms = moment.now_ms + (expires_ms > time_ms ? expires_ms - time_ms : 0);
	slot->age_ms = time_ms - timestamp_ms;
}

/* A list from the future, by mistake or not, must not keep all that come after it away. */
static uint64_t believable_ms(const struct policy_list *list, struct policy_moment moment)
{
	uint64_t latest_ms = moment.time_ms + SKEW_MS;

	return list->timestamp_s * 1000 < latest_ms ? list->timestamp_s * 1000 : latest_ms;
}

int policy_lists_take(struct policy_lists *lists, const struct policy_list_offer *offer,
                      struct policy_moment moment, char error[POLICY_LIST_ERROR_MAX])
{
	struct slot *slot = slot_of(lists, offer->path);
	struct policy_list *list;
	int err;

	if (!slot) {
		(void)snprintf(error, POLICY_LIST_ERROR_MAX, "not in the configuration");
		return -ENOENT;
	}
	err = policy_list_parse(&list, offer->text, lists->secret, error);
	if (err)
		return err;
	if (goes_back(lists, offer->path, list, error)) {
		policy_list_free(list);
		return -ESTALE;
	}
	remember(lists, offer->path, believable_ms(list, moment), false);
	put_in(slot, list, moment);
	slot->is_signed = offer->is_signed;
	return 0;
}

bool policy_lists_recall(struct policy_lists *lists, const struct row_list *row)
{
	struct slot *slot = slot_of(lists, row->path);

	remember(lists, row->path, row->timestamp_ms, true);
	if (!slot || !slot->list || slot->list->timestamp_s * 1000 >= row->timestamp_ms)
		return false;
	policy_list_free(slot->list);
	slot->list = NULL;
	return true;
}

bool policy_lists_unsaved(struct row_list *row, const struct policy_lists *lists)
{
	for (size_t i = 0; i < lists->newest_count; i++) {
		if (lists->newest[i].is_saved)
			continue;
		*row = lists->newest[i].row;
		return true;
	}
	return false;
}

void policy_lists_note_saved(struct policy_lists *lists, const struct row_list *row)
{
	struct newest *newest = newest_of(lists, row->path);

	if (newest && newest->row.timestamp_ms == row->timestamp_ms)
		newest->is_saved = true;
}

static uint32_t seconds(uint64_t ms)
{
	return ms / 1000 < UINT32_MAX ? (uint32_t)(ms / 1000) : UINT32_MAX;
}

static bool is_expired(const struct slot *slot, uint64_t now_ms)
{
	return now_ms >= slot->until_ms;
}

/* A life that has less than a second left is not over yet. */
static void fill(struct listed *listed, const struct slot *slot, uint64_t now_ms)
{
	listed->path = slot->path;
	listed->is_signed = slot->is_signed;
	listed->age_s = seconds(slot->age_ms + (now_ms - slot->taken_ms));
	if (is_expired(slot, now_ms)) {
		listed->state = LISTED_EXPIRED;
		listed->left_s = 0;
		return;
	}
	listed->state = listed->policy.mode == MX_POLICY_ENFORCE ? LISTED_ENFORCE : LISTED_TESTING;
	listed->left_s = seconds(slot->until_ms - now_ms + 999);
}

bool policy_lists_find(struct listed *listed, const struct policy_lists *lists, const char *domain,
                       uint64_t now_ms)
{
	memset(listed, 0, sizeof(*listed));
	for (size_t i = 0; i < lists->count; i++) {
		const struct slot *slot = &lists->slots[i];
		struct listed found = { 0 };

		if (!slot->list || !policy_set_find(&found.policy, slot->list->policies, domain))
			continue;
		fill(&found, slot, now_ms);
		if (found.state != LISTED_EXPIRED || listed->state == LISTED_NOT)
			*listed = found;
		if (found.state != LISTED_EXPIRED)
			break;
	}
	return listed->state != LISTED_NOT;
}

const char *policy_lists_domain(const struct policy_lists *lists, size_t index)
{
	for (size_t i = 0; i < lists->count; i++) {
		const struct policy_list *list = lists->slots[i].list;
		size_t count = list ? policy_set_count(list->policies) : 0;

		if (index < count)
			return policy_set_domain(list->policies, index);
		index -= count;
	}
	return NULL;
}

bool policy_lists_facts(struct policy_list_facts *facts, const struct policy_lists *lists,
                        const char *path, uint64_t now_ms)
{
	const struct slot *slot = slot_of(lists, path);

	if (!slot || !slot->list)
		return false;
	*facts = (struct policy_list_facts){
		.timestamp_s = slot->list->timestamp_s,
		.expires_s = slot->list->expires_s,
		.domains = policy_set_count(slot->list->policies),
		.memory = policy_set_memory(slot->list->policies),
		.is_expired = is_expired(slot, now_ms),
	};
	return true;
}

const char *policy_lists_expired(struct policy_lists *lists, uint64_t now_ms)
{
	for (size_t i = 0; i < lists->count; i++) {
		struct slot *slot = &lists->slots[i];

		if (!slot->list || slot->is_told_expired || !is_expired(slot, now_ms))
			continue;
		slot->is_told_expired = true;
		return slot->path;
	}
	return NULL;
}
