/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_HEARD_PRIVATE_H
#define HOPGUARD_POLICY_HEARD_PRIVATE_H

/*
 * What heard.c (answers are read), heard_aliases.c (names that stand for others) and heard_items.c (what is kept, whose it is, and
 * what goes when there is no room) share.
 */

#include <sys/queue.h>

#include "policy/heard.h"

/* The kinds do not take each other's room: nobody's many names drive out what is heard of domains that matter. */
enum kind {
	KIND_DOMAIN,
	KIND_DOMAIN_THAT_MATTERS,
	KIND_NAMED,
	KIND_NAMED_BY_ONE_THAT_MATTERS,
	KIND_UNNAMED,
	KINDS,
};

struct item {
	TAILQ_ENTRY(item) link; /* of its client's, the oldest first */
	struct holder *holder;
	enum kind kind;
	uint64_t until_ms; /* of a domain: when the last of its answers is over */
	char name[DNS_NAME_TEXT_MAX];
};

TAILQ_HEAD(item_list, item);

/* A client, and what was heard on its way to it. */
struct holder {
	struct item_list items[KINDS];
	size_t counts[KINDS];
};

struct naming {
	TAILQ_ENTRY(naming) link; /* of the host's, the last heard first */
	struct domain *domain;
	struct host *host; /* NULL: free */
	uint64_t until_ms;
	unsigned answer; /* of the domain's, that named it last */
};

TAILQ_HEAD(naming_list, naming);

struct domain {
	struct item item;
	struct naming namings[HEARD_HOSTS_MAX];
	unsigned answers;
	uint64_t serial; /* no two have the same */
};

struct place {
	struct address address;
	uint64_t until_ms;
	/* The serial of the domain whose answer had it beside its MX: nobody else's word on the host. 0: an answer about the host. */
	uint64_t beside;
};

struct host {
	struct item item;
	struct naming_list namings;
	struct place places[HEARD_PLACES_MAX];
	size_t place_count;
};

/* The name of a domain or host whose answer was another name, about which a resolver asks next. */
struct heard_alias {
	char name[DNS_NAME_TEXT_MAX]; /* empty: none */
	uint64_t until_ms;
	bool matters;
};

struct heard {
	struct table *aliases; /* of heard_aliases.c */
	struct table *holders; /* struct address → struct holder *, owned */
	struct table *domains; /* name → struct domain *, owned by its holder */
	struct table *hosts;   /* name → struct host * */
	size_t counts[KINDS];
	heard_fn fn;
	void *owner;
	unsigned told; /* of the answer at hand */
	uint64_t serials;
};

/* heard_aliases.c; NULL: out of memory. */
struct table *heard_aliases_new(const uint8_t secret[TABLE_SECRET_LEN]);
/* The same again lives longer. is_of_domain: MX was asked for. */
void heard_note_alias(struct heard *heard, const struct heard_alias *alias, const char *canonical,
                      bool is_of_domain);
/* HEARD_ALIASES_MAX of them; NULL: none. Valid until the next is noted. */
const struct heard_alias *heard_aliases_of(const struct heard *heard, const char *canonical,
                                           bool is_of_domain);

/* Of one of the tables by name; NULL: not there. */
void *heard_find(const struct table *table, const char *name);
/* NULL: out of memory. */
struct holder *heard_holder(struct heard *heard, const struct address *address);
/* That domain, or for both other kinds that host, or a new one. NULL: out of memory. */
void *heard_obtain(struct heard *heard, struct holder *holder, const char *name, enum kind kind);
/* A host that nothing else is known of goes. */
void heard_unname(struct heard *heard, struct naming *naming);
void heard_become(struct heard *heard, struct item *item, enum kind kind);
/* Frees it, and whatever points to it lets go. */
void heard_drop(struct heard *heard, struct item *item);

#endif
