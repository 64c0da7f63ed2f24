/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct walk {
	struct resolver *resolver;
	struct check_chain *chain;
	check_chain_fn fn;
	void *owner;
	const char *zone; /* that is looked at: an end of name; "" is the root */
	char name[DOMAIN_NAME_MAX];
};

static void ask(struct walk *walk, enum dns_type type, lookup_fn fn);

static void end(struct walk *walk)
{
	walk->fn(walk->owner);
	free(walk);
}

static void note(struct walk *walk, enum dns_security security, const char *why)
{
	struct check_zone *zone = &walk->chain->zones[walk->chain->count++];

	text_copy(zone->name, sizeof(zone->name), walk->zone);
	text_copy(zone->why, sizeof(zone->why), why);
	zone->security = security;
}

static void end_with(struct walk *walk, enum dns_security security, const char *why)
{
	note(walk, security, why);
	end(walk);
}

static bool is_unknown(const struct lookup *lookup)
{
	return lookup->outcome == LOOKUP_UNKNOWN;
}

static void on_ds(void *owner, const struct lookup *lookup);

/* One label more. */
static void go_down(struct walk *walk)
{
	const char *at = walk->zone[0] ? walk->zone : walk->name + strlen(walk->name);

	if (at == walk->name || walk->chain->count == CHECK_ZONES_MAX) {
		end(walk);
		return;
	}
	if (at[0])
		at--; /* the dot */
	while (at > walk->name && at[-1] != '.')
		at--;
	walk->zone = at;
	ask(walk, DNS_TYPE_DS, on_ds);
}

static void on_key(void *owner, const struct lookup *lookup)
{
	struct walk *walk = owner;

	if (is_unknown(lookup)) {
		end_with(walk, lookup->security, lookup->why);
	} else if (lookup->security == DNS_INSECURE) {
		end_with(walk, DNS_INSECURE,
		         "its keys have only algorithms that are not known here");
	} else {
		note(walk, DNS_SECURE, "");
		go_down(walk);
	}
}

/* Without a DS record: another name of the same zone, or a zone that is not signed. */
static void on_ns(void *owner, const struct lookup *lookup)
{
	struct walk *walk = owner;

	if (is_unknown(lookup))
		end_with(walk, lookup->security, lookup->why);
	else if (lookup->security == DNS_INSECURE)
		end_with(walk, DNS_INSECURE, "the zone above has no DS record for it");
	else if (lookup->outcome == LOOKUP_NXDOMAIN)
		end(walk);
	else
		go_down(walk);
}

static void on_ds(void *owner, const struct lookup *lookup)
{
	struct walk *walk = owner;

	if (is_unknown(lookup))
		end_with(walk, lookup->security, lookup->why);
	/* What an alias leads to has a chain of its own. */
	else if (dns_answer_has_alias(&lookup->answer) || lookup->outcome == LOOKUP_NXDOMAIN)
		end(walk);
	else if (lookup->outcome == LOOKUP_FOUND)
		ask(walk, DNS_TYPE_DNSKEY, on_key);
	else
		ask(walk, DNS_TYPE_NS, on_ns);
}

static void ask(struct walk *walk, enum dns_type type, lookup_fn fn)
{
	if (!resolver_ask(walk->resolver, walk->zone, type, fn, walk))
		end_with(walk, DNS_FAILED, "out of memory");
}

bool check_chain_walk(struct resolver *resolver, struct check_chain *chain, const char *name,
                      check_chain_fn fn, void *owner)
{
	struct walk *walk = calloc(1, sizeof(*walk));

	if (!walk)
		return false;
	walk->resolver = resolver;
	walk->chain = chain;
	walk->fn = fn;
	walk->owner = owner;
	walk->zone = "";
	text_copy(walk->name, sizeof(walk->name), name);
	if (resolver_ask(resolver, "", DNS_TYPE_DNSKEY, on_key, walk))
		return true;
	free(walk);
	return false;
}
