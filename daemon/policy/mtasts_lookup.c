/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mtasts_lookup.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAME_LEN_MAX = 253, /* as text without the final dot */
	FAMILIES = 2,
};

static const char TXT_LABEL[] = "_mta-sts.";

struct family {
	struct mtasts_lookup *lookup;
	struct query *query;
	enum dns_security security;
	char why[RESOLVER_WHY_MAX];
};

struct mtasts_lookup {
	struct resolver *resolver;
	struct mtasts_fetcher *fetcher;
	mtasts_lookup_fn fn;
	void *owner;
	bool is_urgent;
	bool has_record;
	char domain[DOMAIN_NAME_MAX];
	char known_id[MTASTS_ID_MAX + 1];
	struct mtasts_txt txt;
	struct query *query; /* of TXT */
	struct family families[FAMILIES];
	struct mtasts_fetch *fetch;
	bool is_truncated;
	size_t refused_count; /* addresses that nobody but this host or link has */
	size_t address_count;
	struct address addresses[FETCH_ADDRESSES_MAX];
	char why[LOOKUP_WHY_MAX];
};

static void finish(struct mtasts_lookup *lookup, struct mtasts_finding *finding)
{
	finding->id = lookup->txt.id;
	finding->why = lookup->why;
	lookup->fn(lookup->owner, finding);
	free(lookup);
}

static void finish_as(struct mtasts_lookup *lookup, enum mtasts_found found, uint32_t ttl_s)
{
	struct mtasts_finding finding = { .found = found, .ttl_s = ttl_s };

	finish(lookup, &finding);
}

static void on_fetched(void *owner, const struct mtasts_fetched *fetched)
{
	struct mtasts_lookup *lookup = owner;
	struct mtasts_finding finding = { .found = MTASTS_FOUND_BROKEN };
	struct mtasts_fault fault;
	char line[32] = "";

	lookup->fetch = NULL;
	if (!fetched->is_good) {
		snprintf(lookup->why, sizeof(lookup->why), "%s", fetched->why);
	} else if (mtasts_policy_parse(&finding.policy, &fault, fetched->text) == PARSE_OK) {
		finding.found = MTASTS_FOUND_POLICY;
		finding.text = fetched->text;
	} else {
		if (fault.line > 0)
			snprintf(line, sizeof(line), "line %zu: ", fault.line);
		snprintf(lookup->why, sizeof(lookup->why),
		         "https://mta-sts.%.100s/.well-known/mta-sts.txt: not a policy: %s%s",
		         lookup->domain, line, fault.rule);
	}
	finish(lookup, &finding);
}

static bool is_answered(enum dns_security security)
{
	return security == DNS_SECURE || security == DNS_INSECURE;
}

/* A stranger's name shall not have us connect to ourselves, or to whoever shares our link or a group. */
static bool may_be_asked(const struct address *address)
{
	static const uint8_t v6_host[15] = { 0 };
	const uint8_t *octets = address->octets;

	if (address->family == 4)
		return octets[0] != 0 && octets[0] != 127 && octets[0] < 224 &&
		       !(octets[0] == 169 && octets[1] == 254);
	return !(memcmp(octets, v6_host, sizeof(v6_host)) == 0 && octets[15] <= 1) &&
	       octets[0] != 0xff && !(octets[0] == 0xfe && (octets[1] & 0xc0) == 0x80);
}

/* Half of the room is for each family, so that many of one do not keep out the other. */
static void add_addresses(struct mtasts_lookup *lookup, const struct dns_answer *answer)
{
	size_t len = answer->type == DNS_TYPE_A ? 4 : 16;
	size_t room = FETCH_ADDRESSES_MAX / FAMILIES;
	struct dns_record record;
	struct address address;
	size_t i;

	for (i = 0; dns_answer_record(&record, answer, i) && room > 0; i++) {
		if (record.data.len != len)
			continue;
		address = address_of(len == 4 ? 4 : 6, record.data.data);
		if (!may_be_asked(&address)) {
			lookup->refused_count++;
			continue;
		}
		lookup->addresses[lookup->address_count++] = address;
		room--;
	}
}

static void say_no_address(struct mtasts_lookup *lookup)
{
	static const char *const types[FAMILIES] = { "A", "AAAA" };
	size_t i;

	for (i = 0; i < FAMILIES; i++) {
		const struct family *family = &lookup->families[i];

		if (is_answered(family->security))
			continue;
		snprintf(lookup->why, sizeof(lookup->why), "%s mta-sts.%.100s: %s%s", types[i],
		         lookup->domain, family->security == DNS_BOGUS ? "bogus: " : "",
		         family->why);
		return;
	}
	snprintf(lookup->why, sizeof(lookup->why), "mta-sts.%.100s has no address%s",
	         lookup->domain,
	         lookup->refused_count > 0
	                 ? " but those of this very host or link, which are not asked"
	                 : ", though a policy is promised");
}

static void fetch(struct mtasts_lookup *lookup)
{
	if (lookup->address_count == 0) {
		say_no_address(lookup);
		finish_as(lookup, MTASTS_FOUND_BROKEN, 0);
		return;
	}
	mtasts_fetcher_ask_for(lookup->fetcher, resolver_asks_for(lookup->resolver)->client);
	lookup->fetch =
		mtasts_fetch_start(lookup->fetcher, lookup->domain, lookup->addresses,
	                           lookup->address_count, lookup->is_urgent, on_fetched, lookup);
	if (lookup->fetch)
		return;
	snprintf(lookup->why, sizeof(lookup->why),
	         "mta-sts.%.100s is not asked: too many fetches at one time, %d may wait, three "
	         "quarters of them for one client",
	         lookup->domain, FETCHES_WAITING_MAX);
	finish_as(lookup, MTASTS_FOUND_BROKEN, 0);
}

static void on_family(void *owner, const struct lookup *answer)
{
	struct family *family = owner;
	struct mtasts_lookup *lookup = family->lookup;

	family->query = NULL;
	family->security = answer->security;
	if (!is_answered(answer->security))
		snprintf(family->why, sizeof(family->why), "%s", answer->why);
	else if (answer->outcome == LOOKUP_FOUND)
		add_addresses(lookup, &answer->answer);
	if (!lookup->families[0].query && !lookup->families[1].query)
		fetch(lookup);
}

static void cancel_queries(struct mtasts_lookup *lookup)
{
	size_t i;

	if (lookup->query)
		resolver_cancel(lookup->query);
	lookup->query = NULL;
	for (i = 0; i < FAMILIES; i++) {
		if (lookup->families[i].query)
			resolver_cancel(lookup->families[i].query);
		lookup->families[i].query = NULL;
	}
}

static void ask_addresses(struct mtasts_lookup *lookup)
{
	static const enum dns_type types[FAMILIES] = { DNS_TYPE_A, DNS_TYPE_AAAA };
	char name[DOMAIN_NAME_MAX + 16];
	size_t i;

	snprintf(name, sizeof(name), "mta-sts.%s", lookup->domain);
	for (i = 0; i < FAMILIES; i++) {
		struct family *family = &lookup->families[i];

		family->lookup = lookup;
		family->query = resolver_ask(lookup->resolver, name, types[i], on_family, family);
		if (family->query)
			continue;
		cancel_queries(lookup);
		snprintf(lookup->why, sizeof(lookup->why), "out of memory");
		finish_as(lookup, MTASTS_FOUND_BROKEN, 0);
		return;
	}
}

static void read_txt(struct mtasts_lookup *lookup, const struct dns_answer *answer)
{
	struct dns_record record;
	size_t i;

	for (i = 0; dns_answer_record(&record, answer, i); i++)
		mtasts_txt_add(&lookup->txt, record.data);
	if (mtasts_txt_state(&lookup->txt) != MTASTS_TXT_FOUND) {
		snprintf(lookup->why, sizeof(lookup->why), "TXT _mta-sts.%.100s: %s",
		         lookup->domain, mtasts_txt_why(&lookup->txt));
		finish_as(lookup, MTASTS_FOUND_NOTHING, answer->ttl_s);
		return;
	}
	lookup->has_record = true;
	if (strcmp(lookup->txt.id, lookup->known_id) == 0)
		finish_as(lookup, MTASTS_FOUND_SAME, answer->ttl_s);
	else
		ask_addresses(lookup);
}

static void on_txt(void *owner, const struct lookup *answer)
{
	struct mtasts_lookup *lookup = owner;

	lookup->query = NULL;
	switch (answer->outcome) {
	case LOOKUP_UNKNOWN:
		snprintf(lookup->why, sizeof(lookup->why), "TXT _mta-sts.%.100s: %s%s",
		         lookup->domain, answer->security == DNS_BOGUS ? "bogus: " : "",
		         answer->why);
		finish_as(lookup, MTASTS_FOUND_FAILED, 0);
		break;
	case LOOKUP_NODATA:
	case LOOKUP_NXDOMAIN:
		snprintf(lookup->why, sizeof(lookup->why), "TXT _mta-sts.%.100s: no such record",
		         lookup->domain);
		finish_as(lookup, MTASTS_FOUND_NOTHING, answer->answer.ttl_s);
		break;
	case LOOKUP_FOUND:
		read_txt(lookup, &answer->answer);
		break;
	}
}

bool mtasts_lookup_is_possible(const char *domain)
{
	return strlen(domain) + strlen(TXT_LABEL) <= NAME_LEN_MAX;
}

struct mtasts_lookup *mtasts_lookup_start(struct resolver *resolver, struct mtasts_fetcher *fetcher,
                                          const char *domain, const char *known_id, bool is_urgent,
                                          mtasts_lookup_fn fn, void *owner)
{
	struct mtasts_lookup *lookup = calloc(1, sizeof(*lookup));
	char name[DOMAIN_NAME_MAX + 16];

	assert(mtasts_lookup_is_possible(domain));
	if (!lookup)
		return NULL;
	lookup->resolver = resolver;
	lookup->fetcher = fetcher;
	lookup->fn = fn;
	lookup->owner = owner;
	lookup->is_urgent = is_urgent;
	mtasts_txt_init(&lookup->txt);
	snprintf(lookup->domain, sizeof(lookup->domain), "%s", domain);
	snprintf(lookup->known_id, sizeof(lookup->known_id), "%s", known_id);
	snprintf(name, sizeof(name), "%s%s", TXT_LABEL, domain);
	lookup->query = resolver_ask(resolver, name, DNS_TYPE_TXT, on_txt, lookup);
	if (lookup->query)
		return lookup;
	free(lookup);
	return NULL;
}

void mtasts_lookup_force(struct mtasts_lookup *lookup)
{
	lookup->known_id[0] = '\0';
}

bool mtasts_lookup_has_record(const struct mtasts_lookup *lookup)
{
	return lookup->has_record;
}

void mtasts_lookup_cancel(struct mtasts_lookup *lookup)
{
	cancel_queries(lookup);
	if (lookup->fetch)
		mtasts_fetch_cancel(lookup->fetch);
	free(lookup);
}
