/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/heard.h"

#include <string.h>

#include "base/bytes.h"
#include "policy/heard_private.h"

/* More than stand for one another anywhere. */
enum { SUBJECTS_MAX = 32 };

static uint64_t end_of(uint32_t ttl_s, uint64_t now_ms)
{
	if (ttl_s < HEARD_LIFE_MIN_S)
		ttl_s = HEARD_LIFE_MIN_S;
	if (ttl_s > HEARD_LIFE_MAX_S)
		ttl_s = HEARD_LIFE_MAX_S;
	return now_ms + (uint64_t)ttl_s * 1000;
}

static void tell(struct heard *heard, const struct naming *naming, const struct place *place,
                 uint64_t now_ms)
{
	const struct domain *domain = naming->domain;
	uint64_t until_ms = naming->until_ms < place->until_ms ? naming->until_ms : place->until_ms;

	struct heard_candidate candidate = {
		.matters = domain->item.kind == KIND_DOMAIN_THAT_MATTERS,
		.domain = domain->item.name,
		.host = naming->host->item.name,
		.server = place->address,
	};

	if (until_ms <= now_ms || heard->told == HEARD_CANDIDATES_MAX ||
	    (place->beside != 0 && place->beside != domain->serial))
		return;
	heard->told++;
	candidate.life_s = (uint32_t)((until_ms - now_ms) / 1000);
	heard->fn(heard->owner, &candidate);
}

/* What came beside an MX goes first, then what ends first. */
static bool is_worth_less(const struct place *a, const struct place *b)
{
	if ((a->beside == 0) != (b->beside == 0))
		return a->beside != 0;
	return a->until_ms < b->until_ms;
}

/* Keeps it, or lets it live longer. What came beside an MX takes no place of what was said about the host. */
static void learn_place(struct host *host, const struct place *place)
{
	struct place *chosen = host->places;
	size_t i;

	for (i = 0; i < host->place_count; i++) {
		struct place *known = &host->places[i];

		if (address_equal(&known->address, &place->address) &&
		    known->beside == place->beside) {
			if (known->until_ms < place->until_ms)
				known->until_ms = place->until_ms;
			return;
		}
		if (is_worth_less(known, chosen))
			chosen = known;
	}
	if (host->place_count < HEARD_PLACES_MAX)
		chosen = &host->places[host->place_count++];
	else if (place->beside != 0 && chosen->beside == 0)
		return;
	*chosen = *place;
}

/* False: no address. */
static bool read_address(struct address *address, uint16_t type, struct bytes data)
{
	if (type == DNS_TYPE_A && data.len == 4)
		*address = address_of(4, data.data);
	else if (type == DNS_TYPE_AAAA && data.len == 16)
		*address = address_of(6, data.data);
	else
		return false;
	return true;
}

/*
 * The naming of that host, else a free one, else the one that was heard longest ago. How long it lasts is the answer's own word:
 * by that, a second answer could drive out what the first, which the client believed, has just said.
 */
static struct naming *choose_naming(struct domain *domain, const char *name)
{
	struct naming *chosen = &domain->namings[0];
	size_t i;

	for (i = 0; i < HEARD_HOSTS_MAX; i++) {
		struct naming *naming = &domain->namings[i];

		if (naming->host && strcmp(naming->host->item.name, name) == 0)
			return naming;
		if (chosen->host && (!naming->host || naming->answer < chosen->answer))
			chosen = naming;
	}
	return chosen;
}

/*
 * Clients are answered differently, and one of them by an attacker perhaps: what another was told, or we ourselves, takes nothing
 * away from what the first will believe to the end of its TTL.
 */
static void name_host(struct heard *heard, struct domain *domain, struct holder *holder,
                      const char *name, uint64_t until_ms)
{
	struct naming *naming = choose_naming(domain, name);
	enum kind kind =
		domain->item.kind == KIND_DOMAIN ? KIND_NAMED : KIND_NAMED_BY_ONE_THAT_MATTERS;
	struct host *host;

	if (naming->host && strcmp(naming->host->item.name, name) == 0) {
		if (naming->until_ms < until_ms)
			naming->until_ms = until_ms;
		naming->answer = domain->answers;
		return;
	}
	heard_unname(heard, naming);
	host = heard_obtain(heard, holder, name, kind);
	if (!host)
		return;
	if (host->item.kind != KIND_NAMED_BY_ONE_THAT_MATTERS)
		heard_become(heard, &host->item, kind);
	*naming = (struct naming){
		.domain = domain,
		.host = host,
		.until_ms = until_ms,
		.answer = domain->answers,
	};
	TAILQ_INSERT_HEAD(&host->namings, naming, link);
}

/* The most preferred: clients go there first, wherever in the answer they stand. How many. */
static size_t read_hosts(struct dns_mx hosts[HEARD_ANSWER_HOSTS_MAX],
                         const struct dns_answer *answer)
{
	struct dns_record record;
	struct dns_mx mx;
	size_t count = 0, last = 0, i, k;

	for (i = 0; dns_answer_record(&record, answer, i); i++) {
		if (dns_mx_parse(&mx, answer, &record) != PARSE_OK || !mx.host[0])
			continue;
		if (count < HEARD_ANSWER_HOSTS_MAX) {
			hosts[count++] = mx;
			continue;
		}
		for (last = 0, k = 1; k < count; k++) {
			if (hosts[k].preference > hosts[last].preference)
				last = k;
		}
		if (mx.preference < hosts[last].preference)
			hosts[last] = mx;
	}
	return count;
}

static void name_hosts(struct heard *heard, struct domain *domain, struct holder *holder,
                       const struct dns_answer *answer, uint64_t until_ms)
{
	struct dns_mx hosts[HEARD_ANSWER_HOSTS_MAX];
	size_t count = read_hosts(hosts, answer);

	for (size_t i = 0; i < count; i++)
		name_host(heard, domain, holder, hosts[i].host, until_ms);
	if (answer->record_count == 0 && answer->rcode == DNS_RCODE_NOERROR)
		name_host(heard, domain, holder, domain->item.name, until_ms);
}

static struct host *named_by(const struct domain *domain, const char *name)
{
	size_t i;

	for (i = 0; i < HEARD_HOSTS_MAX; i++) {
		const struct naming *naming = &domain->namings[i];

		if (naming->host && naming->answer == domain->answers &&
		    strcmp(naming->host->item.name, name) == 0)
			return naming->host;
	}
	return NULL;
}

/* Of the hosts that this very answer names, and for this domain alone: whoever owns one may name somebody else's host. */
static void learn_additional(const struct domain *domain, const struct dns_message *message,
                             uint64_t now_ms)
{
	struct dns_walk walk = dns_walk_over(message);
	struct dns_resource resource;
	struct place place = { .beside = domain->serial };
	struct host *host;

	while (dns_walk_next(&resource, &walk)) {
		if (resource.section != DNS_ADDITIONAL_SECTION ||
		    resource.class != message->class ||
		    !read_address(&place.address, resource.type, resource.record.data))
			continue;
		place.until_ms = end_of(resource.record.ttl_s, now_ms);
		host = named_by(domain, resource.owner);
		if (host)
			learn_place(host, &place);
	}
}

static void tell_places(struct heard *heard, const struct naming *naming, uint64_t now_ms)
{
	size_t i;

	for (i = 0; naming->host && i < naming->host->place_count; i++)
		tell(heard, naming, &naming->host->places[i], now_ms);
}

void heard_repeat(struct heard *heard, const char *domain, uint64_t now_ms)
{
	const struct domain *known = heard_find(heard->domains, domain);

	heard->told = 0;
	for (size_t i = 0; known && i < HEARD_HOSTS_MAX; i++)
		tell_places(heard, &known->namings[i], now_ms);
}

/* What is being heard: an answer, to whom, and by which name of what it is about. */
struct hearing {
	struct heard *heard;
	struct holder *holder;
	const struct dns_message *message;
	struct dns_answer answer;
	uint64_t now_ms;
};

static void hear_domain(const struct hearing *hearing, const char *name, bool matters)
{
	enum kind kind = matters ? KIND_DOMAIN_THAT_MATTERS : KIND_DOMAIN;
	struct domain *domain = heard_obtain(hearing->heard, hearing->holder, name, kind);
	uint64_t until_ms = end_of(hearing->answer.ttl_s, hearing->now_ms);

	if (!domain)
		return;
	heard_become(hearing->heard, &domain->item, kind);
	if (domain->item.until_ms < until_ms)
		domain->item.until_ms = until_ms;
	domain->answers++;
	name_hosts(hearing->heard, domain, hearing->holder, &hearing->answer, until_ms);
	learn_additional(domain, hearing->message, hearing->now_ms);
	for (size_t i = 0; i < HEARD_HOSTS_MAX; i++) {
		if (domain->namings[i].answer == domain->answers)
			tell_places(hearing->heard, &domain->namings[i], hearing->now_ms);
	}
}

static void tell_namings(struct heard *heard, const struct host *host, const struct place *place,
                         bool matters, uint64_t now_ms)
{
	const struct naming *naming;

	for (naming = TAILQ_FIRST(&host->namings); naming; naming = TAILQ_NEXT(naming, link)) {
		if (matters == (naming->domain->item.kind == KIND_DOMAIN_THAT_MATTERS))
			tell(heard, naming, place, now_ms);
	}
}

static void hear_host(const struct hearing *hearing, const char *name)
{
	const struct dns_answer *answer = &hearing->answer;
	struct heard *heard = hearing->heard;
	struct host *host;
	struct dns_record record;
	size_t i;

	if (answer->record_count == 0)
		return;
	host = heard_obtain(heard, hearing->holder, name, KIND_UNNAMED);
	for (i = 0; host && i < HEARD_PLACES_MAX && dns_answer_record(&record, answer, i); i++) {
		struct place place = { .until_ms = end_of(answer->ttl_s, hearing->now_ms) };

		if (!read_address(&place.address, answer->type, record.data))
			continue;
		learn_place(host, &place);
		tell_namings(heard, host, &place, true, hearing->now_ms);
		tell_namings(heard, host, &place, false, hearing->now_ms);
	}
}

/* A resolver that is answered with another name alone asks for that one next. */
static void note_alias(const struct hearing *hearing, bool matters)
{
	const struct dns_answer *answer = &hearing->answer;
	const struct host *host = heard_find(hearing->heard->hosts, answer->name);
	struct heard_alias alias = { .matters = matters,
		                     .until_ms = end_of(answer->ttl_s, hearing->now_ms) };

	if (answer->record_count > 0 || !dns_answer_has_alias(answer))
		return;
	if (answer->type != DNS_TYPE_MX)
		alias.matters = host && host->item.kind == KIND_NAMED_BY_ONE_THAT_MATTERS;
	strcpy(alias.name, answer->name);
	heard_note_alias(hearing->heard, &alias, answer->canonical, answer->type == DNS_TYPE_MX);
}

/* Names that an answer is about, each once: aliases of each other would otherwise make many of few. */
struct subjects {
	struct subject {
		const char *name;
		bool matters;
	} all[SUBJECTS_MAX];
	size_t count;
};

static void add_subject(struct subjects *subjects, const char *name, bool matters)
{
	for (size_t i = 0; i < subjects->count; i++) {
		if (strcmp(subjects->all[i].name, name) == 0)
			return;
	}
	if (subjects->count < SUBJECTS_MAX)
		subjects->all[subjects->count++] = (struct subject){ name, matters };
}

/* What is said of a name is said of those that stand for it, too. */
static void hear_all(const struct hearing *hearing, bool matters)
{
	bool is_of_domain = hearing->answer.type == DNS_TYPE_MX;
	struct subjects subjects = { .count = 0 };

	add_subject(&subjects, hearing->answer.name, matters);
	for (size_t at = 0; at < subjects.count; at++) {
		const struct subject *subject = &subjects.all[at];
		const struct heard_alias *aliases =
			heard_aliases_of(hearing->heard, subject->name, is_of_domain);

		if (is_of_domain)
			hear_domain(hearing, subject->name, subject->matters);
		else
			hear_host(hearing, subject->name);
		for (size_t i = 0; aliases && i < HEARD_ALIASES_MAX; i++) {
			if (aliases[i].name[0] && aliases[i].until_ms > hearing->now_ms)
				add_subject(&subjects, aliases[i].name, aliases[i].matters);
		}
	}
}

/* The next server down: no answer (RFC 2308 section 2.2). */
static bool is_referral(const struct dns_message *message)
{
	struct dns_walk walk = dns_walk_over(message);
	struct dns_resource resource;
	bool has_servers = false;

	if (message->counts[DNS_ANSWER_SECTION] > 0)
		return false;
	while (dns_walk_next(&resource, &walk)) {
		if (resource.section == DNS_AUTHORITY_SECTION && resource.type == DNS_TYPE_SOA)
			return false;
		has_servers |=
			resource.section == DNS_AUTHORITY_SECTION && resource.type == DNS_TYPE_NS;
	}
	return has_servers;
}

bool heard_answer(struct heard *heard, const struct address *client,
                  const struct dns_message *message, bool matters, uint64_t now_ms)
{
	struct hearing hearing = { .heard = heard, .message = message, .now_ms = now_ms };
	struct dns_answer *answer = &hearing.answer;

	if (is_referral(message) || dns_answer_parse(answer, message->octets) != PARSE_OK)
		return false;
	hearing.holder = heard_holder(heard, client);
	if (!hearing.holder)
		return false;
	heard->told = 0;
	if ((answer->type == DNS_TYPE_MX && answer->name[0]) || answer->type == DNS_TYPE_A ||
	    answer->type == DNS_TYPE_AAAA) {
		note_alias(&hearing, matters);
		hear_all(&hearing, matters);
	}
	return true;
}

bool heard_names_host(const struct heard *heard, const char *name, uint64_t now_ms)
{
	const struct host *host = heard_find(heard->hosts, name);
	const struct naming *naming;

	if (!host)
		return false;
	for (naming = TAILQ_FIRST(&host->namings); naming; naming = TAILQ_NEXT(naming, link)) {
		if (naming->until_ms > now_ms)
			return true;
	}
	return false;
}

static bool is_over(struct item *item, uint64_t now_ms)
{
	struct host *host;
	size_t i;

	if (item->kind == KIND_DOMAIN || item->kind == KIND_DOMAIN_THAT_MATTERS)
		return item->until_ms <= now_ms;
	host = (struct host *)(void *)item;
	for (i = host->place_count; i-- > 0;) {
		if (host->places[i].until_ms <= now_ms)
			host->places[i] = host->places[--host->place_count];
	}
	return host->place_count == 0 && TAILQ_EMPTY(&host->namings);
}

void heard_sweep(struct heard *heard, uint64_t now_ms)
{
	const void *key;
	struct holder **each;
	enum kind kind;

	for (each = table_oldest(heard->holders, &key); each;
	     each = table_younger(heard->holders, each, &key)) {
		for (kind = KIND_DOMAIN; kind < KINDS; kind++) {
			struct item *item, *next;

			for (item = TAILQ_FIRST(&(*each)->items[kind]); item; item = next) {
				next = TAILQ_NEXT(item, link);
				if (is_over(item, now_ms))
					heard_drop(heard, item);
			}
		}
	}
}
