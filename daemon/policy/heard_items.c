/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/heard_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

static const size_t kind_max[KINDS] = {
	[KIND_DOMAIN] = HEARD_DOMAINS_MAX,  [KIND_DOMAIN_THAT_MATTERS] = HEARD_DOMAINS_MAX,
	[KIND_NAMED] = HEARD_NAMED_MAX,     [KIND_NAMED_BY_ONE_THAT_MATTERS] = HEARD_NAMED_MAX,
	[KIND_UNNAMED] = HEARD_UNNAMED_MAX,
};

static bool is_domain(enum kind kind)
{
	return kind == KIND_DOMAIN || kind == KIND_DOMAIN_THAT_MATTERS;
}

static void put_key(char key[DNS_NAME_TEXT_MAX], const char *name)
{
	text_copy(key, DNS_NAME_TEXT_MAX, name);
}

void *heard_find(const struct table *table, const char *name)
{
	char key[DNS_NAME_TEXT_MAX];
	void **slot;

	put_key(key, name);
	slot = table_peek(table, key);
	return slot ? *slot : NULL;
}

static void leave_holder(struct heard *heard, struct item *item)
{
	TAILQ_REMOVE(&item->holder->items[item->kind], item, link);
	item->holder->counts[item->kind]--;
	heard->counts[item->kind]--;
}

/* The one that has most of that kind gives its oldest. */
static void make_room(struct heard *heard, enum kind kind)
{
	const void *key;
	struct holder **each, *largest = NULL;

	if (heard->counts[kind] < kind_max[kind])
		return;
	for (each = table_oldest(heard->holders, &key); each;
	     each = table_younger(heard->holders, each, &key)) {
		if (!largest || (*each)->counts[kind] > largest->counts[kind])
			largest = *each;
	}
	if (largest && !TAILQ_EMPTY(&largest->items[kind]))
		heard_drop(heard, TAILQ_FIRST(&largest->items[kind]));
}

static void join_holder(struct heard *heard, struct item *item, struct holder *holder,
                        enum kind kind)
{
	make_room(heard, kind);
	item->holder = holder;
	item->kind = kind;
	TAILQ_INSERT_TAIL(&holder->items[kind], item, link);
	holder->counts[kind]++;
	heard->counts[kind]++;
}

void heard_become(struct heard *heard, struct item *item, enum kind kind)
{
	struct holder *holder = item->holder;

	if (item->kind == kind)
		return;
	leave_holder(heard, item);
	join_holder(heard, item, holder, kind);
}

void heard_unname(struct heard *heard, struct naming *naming)
{
	struct host *host = naming->host;

	if (!host)
		return;
	TAILQ_REMOVE(&host->namings, naming, link);
	naming->host = NULL;
	if (!TAILQ_EMPTY(&host->namings))
		return;
	if (host->place_count == 0)
		heard_drop(heard, &host->item);
	else
		heard_become(heard, &host->item, KIND_UNNAMED);
}

static void unname_all(struct heard *heard, struct domain *domain)
{
	size_t i;

	for (i = 0; i < HEARD_HOSTS_MAX; i++)
		heard_unname(heard, &domain->namings[i]);
}

void heard_drop(struct heard *heard, struct item *item)
{
	char key[DNS_NAME_TEXT_MAX];
	struct naming *naming;
	struct host *host;

	put_key(key, item->name);
	leave_holder(heard, item);
	if (is_domain(item->kind)) {
		table_remove(heard->domains, key);
		unname_all(heard, (struct domain *)(void *)item);
	} else {
		host = (struct host *)(void *)item;
		table_remove(heard->hosts, key);
		while ((naming = TAILQ_FIRST(&host->namings)) != NULL) {
			TAILQ_REMOVE(&host->namings, naming, link);
			naming->host = NULL;
		}
	}
	free(item);
}

static void on_holder_leave(void *owner, const void *key, void *value)
{
	struct holder *holder = *(struct holder **)value;
	enum kind kind;

	(void)key;
	if (!holder)
		return;
	/* Domains first: the hosts that they alone name go with them. */
	for (kind = KIND_DOMAIN; kind < KINDS; kind++) {
		while (!TAILQ_EMPTY(&holder->items[kind]))
			heard_drop(owner, TAILQ_FIRST(&holder->items[kind]));
	}
	free(holder);
}

struct heard *heard_new(const uint8_t secret[TABLE_SECRET_LEN], heard_fn fn, void *owner)
{
	struct heard *heard = calloc(1, sizeof(*heard));

	if (!heard)
		return NULL;
	heard->fn = fn;
	heard->owner = owner;
	heard->aliases = heard_aliases_new(secret);
	heard->holders = table_new(HEARD_CLIENTS_MAX, sizeof(struct address),
	                           sizeof(struct holder *), secret, on_holder_leave, heard);
	/* With room to spare: what goes is chosen here, not there. */
	heard->domains = table_new(2 * HEARD_DOMAINS_MAX + 1, DNS_NAME_TEXT_MAX, sizeof(void *),
	                           secret, NULL, NULL);
	heard->hosts = table_new(2 * HEARD_NAMED_MAX + HEARD_UNNAMED_MAX + 1, DNS_NAME_TEXT_MAX,
	                         sizeof(void *), secret, NULL, NULL);
	if (heard->aliases && heard->holders && heard->domains && heard->hosts)
		return heard;
	heard_free(heard);
	return NULL;
}

void heard_free(struct heard *heard)
{
	if (!heard)
		return;
	table_free(heard->aliases);
	table_free(heard->holders);
	table_free(heard->domains);
	table_free(heard->hosts);
	free(heard);
}

size_t heard_count(const struct heard *heard)
{
	return table_count(heard->domains) + table_count(heard->hosts);
}

/* A host has as many addresses as it likes within its IPv6 network. */
static struct address client_of(const struct address *address)
{
	struct address client = *address;

	if (client.family == 6)
		memset(client.octets + 8, 0, 8);
	return client;
}

struct holder *heard_holder(struct heard *heard, const struct address *address)
{
	struct address client = client_of(address);
	struct holder **slot = table_find(heard->holders, &client);
	enum kind kind;

	if (slot)
		return *slot;
	slot = table_insert(heard->holders, &client);
	if (!slot)
		return NULL;
	*slot = calloc(1, sizeof(**slot));
	if (!*slot) {
		table_remove(heard->holders, &client);
		return NULL;
	}
	for (kind = KIND_DOMAIN; kind < KINDS; kind++)
		TAILQ_INIT(&(*slot)->items[kind]);
	return *slot;
}

/* Heard again, by one who has less: it is safer there. */
static void renew(struct heard *heard, struct item *item, struct holder *holder)
{
	enum kind kind = item->kind;

	if (item->holder->counts[kind] <= holder->counts[kind])
		holder = item->holder;
	leave_holder(heard, item);
	join_holder(heard, item, holder, kind);
}

void *heard_obtain(struct heard *heard, struct holder *holder, const char *name, enum kind kind)
{
	struct table *table = is_domain(kind) ? heard->domains : heard->hosts;
	size_t size = is_domain(kind) ? sizeof(struct domain) : sizeof(struct host);
	struct item *item = heard_find(table, name);
	void **slot;
	char key[DNS_NAME_TEXT_MAX];

	if (item) {
		renew(heard, item, holder);
		return item;
	}
	item = calloc(1, size);
	put_key(key, name);
	slot = item ? table_insert(table, key) : NULL;
	if (!slot) {
		free(item);
		return NULL;
	}
	*slot = item;
	put_key(item->name, name);
	if (!is_domain(kind))
		TAILQ_INIT(&((struct host *)(void *)item)->namings);
	else
		((struct domain *)(void *)item)->serial = ++heard->serials;
	join_holder(heard, item, holder, kind);
	return item;
}
