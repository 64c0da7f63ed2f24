/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/watch_list.h"

#include <stdlib.h>
#include <string.h>

#include "policy/peer_names.h"

enum { LINE_LEN_MAX = 1024 };

struct watched {
	char domain[DOMAIN_NAME_MAX];
	uint64_t due_ms;
	uint64_t fresh_until_ms;
};

struct watch_list {
	struct watched *watched; /* sorted */
	size_t count, room;
	size_t next; /* where the search for one that is due goes on */
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct watched *)a)->domain, ((const struct watched *)b)->domain);
}

static void complain(struct watch_faults *faults, unsigned line, const char *rule)
{
	if (faults->count < WATCH_FAULTS_MAX)
		faults->shown[faults->count] = (struct watch_fault){ line, rule };
	faults->count++;
}

/* False: out of memory. */
static bool add(struct watch_list *list, const char *domain)
{
	if (list->count == list->room) {
		size_t room = list->room > 0 ? list->room * 2 : 64;
		struct watched *watched = realloc(list->watched, room * sizeof(*watched));

		if (!watched)
			return false;
		list->watched = watched;
		list->room = room;
	}
	list->watched[list->count] = (struct watched){ 0 };
	memcpy(list->watched[list->count++].domain, domain, strlen(domain) + 1);
	return true;
}

static bool is_blank(uint8_t octet)
{
	return octet == ' ' || octet == '\t' || octet == '\r';
}

static struct bytes trimmed(struct bytes line)
{
	line = bytes_slice(line, 0, bytes_find(line, '#'));
	while (line.len > 0 && is_blank(line.data[0]))
		line = bytes_after(line, 1);
	while (line.len > 0 && is_blank(line.data[line.len - 1]))
		line.len--;
	return line;
}

/* NULL: it is good. */
static const char *read_domain(char domain[DOMAIN_NAME_MAX], struct bytes line)
{
	char text[LINE_LEN_MAX + 1];

	if (line.len > LINE_LEN_MAX)
		return "longer than 1024 octets";
	if (memchr(line.data, '\0', line.len))
		return "holds a NUL octet";
	memcpy(text, line.data, line.len);
	text[line.len] = '\0';
	return peer_name_normalise(domain, text) ? NULL : "not a domain name";
}

/* A domain that stands there twice is one. */
static void sort(struct watch_list *list)
{
	size_t kept = 0;

	if (list->count == 0)
		return;
	qsort(list->watched, list->count, sizeof(*list->watched), compare);
	for (size_t i = 1; i < list->count; i++) {
		if (compare(&list->watched[kept], &list->watched[i]) != 0)
			list->watched[++kept] = list->watched[i];
	}
	list->count = kept + 1;
}

struct watch_list *watch_list_parse(struct watch_faults *faults, struct bytes text)
{
	struct watch_list *list = calloc(1, sizeof(*list));
	unsigned number = 0;

	*faults = (struct watch_faults){ 0 };
	if (!list)
		return NULL;
	while (text.len > 0) {
		size_t len = bytes_find(text, '\n');
		struct bytes line = trimmed(bytes_slice(text, 0, len));
		char domain[DOMAIN_NAME_MAX];
		const char *rule;

		text = bytes_after(text, len + 1);
		number++;
		if (line.len == 0)
			continue;
		rule = read_domain(domain, line);
		if (!rule && list->count == WATCH_DOMAINS_MAX)
			rule = "more than 4096 domains";
		if (rule) {
			complain(faults, number, rule);
		} else if (!add(list, domain)) {
			watch_list_free(list);
			return NULL;
		}
	}
	sort(list);
	return list;
}

struct watch_list *watch_list_of(const char *(*at)(const void *owner, size_t index),
                                 const void *owner)
{
	struct watch_list *list = calloc(1, sizeof(*list));
	const char *domain;

	if (!list)
		return NULL;
	while (list->count < WATCH_DOMAINS_MAX && (domain = at(owner, list->count))) {
		if (!add(list, domain)) {
			watch_list_free(list);
			return NULL;
		}
	}
	sort(list);
	return list;
}

void watch_list_free(struct watch_list *list)
{
	if (!list)
		return;
	free(list->watched);
	free(list);
}

size_t watch_list_count(const struct watch_list *list)
{
	return list->count;
}

static struct watched *find(const struct watch_list *list, const char *domain)
{
	struct watched key = { 0 };

	if (list->count == 0 || strlen(domain) >= sizeof(key.domain))
		return NULL;
	text_copy(key.domain, sizeof(key.domain), domain);
	return bsearch(&key, list->watched, list->count, sizeof(key), compare);
}

bool watch_list_has(const struct watch_list *list, const char *domain)
{
	return find(list, domain) != NULL;
}

void watch_list_adopt(struct watch_list *list, const struct watch_list *old)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct watched *known = find(old, list->watched[i].domain);

		if (known)
			list->watched[i] = *known;
	}
}

const char *watch_list_due(struct watch_list *list, uint64_t now_ms)
{
	for (size_t i = 0; i < list->count; i++) {
		struct watched *watched = &list->watched[list->next];

		list->next = (list->next + 1) % list->count;
		if (watched->due_ms > now_ms)
			continue;
		watched->due_ms = now_ms + WATCH_ANSWER_S * UINT64_C(1000);
		return watched->domain;
	}
	return NULL;
}

/*
 * In the last tenth of a record's life libunbound answers from its cache and fetches it anew behind that. So a domain is asked for
 * there once, and when the answer is the one known already, again at its end: then the next one is at hand.
 */
void watch_list_learn(struct watch_list *list, const char *domain, uint32_t ttl_s, uint64_t now_ms)
{
	struct watched *watched = find(list, domain);
	uint64_t ttl_ms = ttl_s * UINT64_C(1000);
	uint64_t wait_ms = ttl_ms - ttl_ms / 20;

	if (!watched)
		return;
	if (now_ms + ttl_ms <= watched->fresh_until_ms + 1000) {
		watched->due_ms = now_ms + ttl_ms + 1000;
		return;
	}
	if (wait_ms < WATCH_INTERVAL_S * UINT64_C(1000))
		wait_ms = WATCH_INTERVAL_S * UINT64_C(1000);
	watched->fresh_until_ms = now_ms + ttl_ms;
	watched->due_ms = now_ms + wait_ms;
}
