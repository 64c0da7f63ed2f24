/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/dane_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAMILY_V4, FAMILY_V6, FAMILY_COUNT };

/* What a look-up of addresses said, without the addresses. */
struct family {
	struct query *query;
	enum dns_security security;
	enum lookup_outcome outcome;
	bool has_alias;
	char canonical[DOMAIN_NAME_MAX];
	char why[RESOLVER_WHY_MAX];
};

struct dane_host {
	struct resolver *resolver;
	dane_host_fn fn;
	void *owner;
	char name[DOMAIN_NAME_MAX];
	struct family families[FAMILY_COUNT];
	struct query *query; /* of CNAME or TLSA */
	/* TLSA base domains still to be tried, the next one last. */
	const char *bases[2];
	size_t base_count;
	struct dane_host_result result;
};

static void note_ttl(struct dane_host *host, uint32_t ttl_s)
{
	if (ttl_s < host->result.ttl_s)
		host->result.ttl_s = ttl_s;
}

static void finish(struct dane_host *host)
{
	struct dane_host_result *result = &host->result;

	if (result->ttl_s < DANE_RETRY_S)
		result->ttl_s = DANE_RETRY_S;
	host->fn(host->owner, result);
	free(result->keys);
	free(host);
}

static void finish_none(struct dane_host *host)
{
	host->result.promise.state = PROMISE_NONE;
	finish(host);
}

/* Mail waits: what cannot be looked up may be a promise that somebody hides (RFC 7672 section 2.1). */
static void finish_unavailable(struct dane_host *host, const char *type, const char *name,
                               enum dns_security security, const char *why)
{
	struct promise *promise = &host->result.promise;

	promise->state = PROMISE_UNAVAILABLE;
	promise->source = SOURCE_DANE;
	/* A name may take all the room, and why matters more. */
	snprintf(promise->detail, sizeof(promise->detail), "%s %.100s: %s%s", type, name,
	         security == DNS_BOGUS ? "bogus: " : "", why);
	note_ttl(host, DANE_RETRY_S);
	finish(host);
}

static bool is_answered(enum dns_security security)
{
	return security == DNS_SECURE || security == DNS_INSECURE;
}

static void ask_tlsa(struct dane_host *host);

static void keep_key(struct dane_keys *keys, const struct tlsa *tlsa)
{
	size_t len = tlsa->data.len;

	if (!tlsa_is_usable(tlsa) || keys->count == DANE_KEYS_MAX ||
	    len > DANE_KEY_OCTETS_MAX - (size_t)keys->octets_len)
		return;
	memcpy(keys->octets + keys->octets_len, tlsa->data.data, len);
	keys->records[keys->count] = *tlsa;
	keys->records[keys->count].data = bytes_of(keys->octets + keys->octets_len, len);
	keys->count++;
	keys->octets_len = (uint16_t)(keys->octets_len + len);
}

/* Usable records are kept; the first of them is the evidence. */
static void read_keys(struct dane_host *host, const struct dns_answer *answer)
{
	struct promise *promise = &host->result.promise;
	const char *base = host->bases[host->base_count];
	struct dane_keys *keys = calloc(1, sizeof(*keys));
	struct tlsa tlsa, first = { .usage = 0 };
	struct dns_record record;
	char text[TLSA_TEXT_MAX];
	bool is_usable = false;
	size_t i;

	if (!keys) {
		finish_unavailable(host, "TLSA", base, DNS_FAILED, "out of memory");
		return;
	}
	for (i = 0; dns_answer_record(&record, answer, i); i++) {
		if (tlsa_parse(&tlsa, record.data) != PARSE_OK)
			continue;
		if (!is_usable && (i == 0 || tlsa_is_usable(&tlsa)))
			first = tlsa;
		is_usable |= tlsa_is_usable(&tlsa);
		keep_key(keys, &tlsa);
	}
	snprintf(keys->base, DOMAIN_NAME_MAX, "%s", base);
	host->result.keys = keys;
	promise->state = is_usable ? PROMISE_KEY : PROMISE_TLS;
	promise->source = SOURCE_DANE;
	snprintf(promise->detail, sizeof(promise->detail), "_25._tcp.%.200s %s%s", base,
	         tlsa_format(text, &first), is_usable ? "" : " (unusable)");
	finish(host);
}

static void on_tlsa(void *owner, const struct lookup *lookup)
{
	struct dane_host *host = owner;

	host->query = NULL;
	if (!is_answered(lookup->security)) {
		finish_unavailable(host, "TLSA", host->bases[host->base_count], lookup->security,
		                   lookup->why);
		return;
	}
	note_ttl(host, lookup->answer.ttl_s);
	if (lookup->security == DNS_SECURE && lookup->outcome == LOOKUP_FOUND) {
		read_keys(host, &lookup->answer);
		return;
	}
	ask_tlsa(host);
}

/* The next base domain, if there is one more. */
static void ask_tlsa(struct dane_host *host)
{
	char name[DOMAIN_NAME_MAX];
	const char *base;

	if (host->base_count == 0) {
		finish_none(host);
		return;
	}
	base = host->bases[--host->base_count];
	if (snprintf(name, sizeof(name), "_25._tcp.%s", base) > 253) {
		ask_tlsa(host); /* no such name can exist */
		return;
	}
	host->query = resolver_ask(host->resolver, name, DNS_TYPE_TLSA, on_tlsa, host);
	if (!host->query)
		finish_unavailable(host, "TLSA", base, DNS_FAILED, "out of memory");
}

static void on_cname(void *owner, const struct lookup *lookup)
{
	struct dane_host *host = owner;

	host->query = NULL;
	if (!is_answered(lookup->security)) {
		finish_unavailable(host, "CNAME", host->name, lookup->security, lookup->why);
		return;
	}
	note_ttl(host, lookup->answer.ttl_s);
	if (lookup->security == DNS_SECURE && lookup->outcome == LOOKUP_FOUND)
		host->bases[host->base_count++] = host->name;
	ask_tlsa(host);
}

/*
 * RFC 7672 section 2.2.2: an insecure address means that TLSA is not asked for, as such servers often fail the question.
 * But where the host is an alias, the zone of the alias itself may be secure.
 */
static void ask_alias(struct dane_host *host)
{
	host->query = resolver_ask(host->resolver, host->name, DNS_TYPE_CNAME, on_cname, host);
	if (!host->query)
		finish_unavailable(host, "CNAME", host->name, DNS_FAILED, "out of memory");
}

/* The family to go by: the one that gave addresses, if both a secure one. */
static const struct family *choose_family(const struct dane_host *host)
{
	const struct family *v4 = &host->families[FAMILY_V4];
	const struct family *v6 = &host->families[FAMILY_V6];

	if (v4->outcome != LOOKUP_FOUND)
		return v6->outcome == LOOKUP_FOUND ? v6 : NULL;
	if (v6->outcome == LOOKUP_FOUND && v6->security == DNS_SECURE)
		return v4->security == DNS_SECURE ? v4 : v6;
	return v4;
}

/* Without an address: either there is none, or it cannot be known. */
static void finish_without_address(struct dane_host *host)
{
	static const char *const types[] = { [FAMILY_V4] = "A", [FAMILY_V6] = "AAAA" };
	enum dns_security security = DNS_SECURE;
	int i;

	for (i = 0; i < FAMILY_COUNT; i++) {
		const struct family *family = &host->families[i];

		if (!is_answered(family->security)) {
			host->result.address_security = family->security;
			finish_unavailable(host, types[i], host->name, family->security,
			                   family->why);
			return;
		}
		if (family->security == DNS_INSECURE)
			security = DNS_INSECURE;
	}
	host->result.address_security = security;
	finish_none(host);
}

static void on_addresses(struct dane_host *host)
{
	const struct family *family = choose_family(host);

	if (!family) {
		finish_without_address(host);
		return;
	}
	host->result.address_security = family->security;
	if (family->security == DNS_INSECURE && family->has_alias) {
		ask_alias(host);
		return;
	}
	/* RFC 7672 section 2.2.3: the end of a secure chain first, then the name itself. */
	if (family->security == DNS_SECURE) {
		host->bases[host->base_count++] = host->name;
		if (family->has_alias)
			host->bases[host->base_count++] = family->canonical;
	}
	ask_tlsa(host);
}

static void read_addresses(struct dane_host_result *result, const struct dns_answer *answer)
{
	size_t len = answer->type == DNS_TYPE_A ? 4 : 16;
	struct dns_record record;
	size_t i;

	for (i = 0; dns_answer_record(&record, answer, i); i++) {
		if (record.data.len != len)
			continue;
		if (result->address_count == DANE_ADDRESSES_MAX) {
			result->is_truncated = true;
			break;
		}
		result->addresses[result->address_count++] =
			address_of(len == 4 ? 4 : 6, record.data.data);
	}
}

static void on_family(struct dane_host *host, int index, const struct lookup *lookup)
{
	struct family *family = &host->families[index];

	family->query = NULL;
	family->security = lookup->security;
	family->outcome = lookup->outcome;
	if (is_answered(lookup->security)) {
		note_ttl(host, lookup->answer.ttl_s);
		family->has_alias = dns_answer_has_alias(&lookup->answer);
		memcpy(family->canonical, lookup->answer.canonical, sizeof(family->canonical));
		if (lookup->outcome == LOOKUP_FOUND)
			read_addresses(&host->result, &lookup->answer);
	} else {
		note_ttl(host, DANE_RETRY_S);
		snprintf(family->why, sizeof(family->why), "%s", lookup->why);
	}
	if (!host->families[FAMILY_V4].query && !host->families[FAMILY_V6].query)
		on_addresses(host);
}

static void on_a(void *owner, const struct lookup *lookup)
{
	on_family(owner, FAMILY_V4, lookup);
}

static void on_aaaa(void *owner, const struct lookup *lookup)
{
	on_family(owner, FAMILY_V6, lookup);
}

struct dane_host *dane_host_ask(struct resolver *resolver, const char *name, dane_host_fn fn,
                                void *owner)
{
	struct dane_host *host = calloc(1, sizeof(*host));
	struct family *v4, *v6;

	if (!host)
		return NULL;
	host->resolver = resolver;
	host->fn = fn;
	host->owner = owner;
	host->result.ttl_s = DANE_TTL_MAX_S;
	snprintf(host->name, sizeof(host->name), "%s", name);
	v4 = &host->families[FAMILY_V4];
	v6 = &host->families[FAMILY_V6];
	v4->query = resolver_ask(resolver, name, DNS_TYPE_A, on_a, host);
	v6->query = resolver_ask(resolver, name, DNS_TYPE_AAAA, on_aaaa, host);
	if (!v4->query || !v6->query) {
		dane_host_cancel(host);
		return NULL;
	}
	return host;
}

void dane_host_cancel(struct dane_host *host)
{
	struct query *queries[] = { host->families[FAMILY_V4].query,
		                    host->families[FAMILY_V6].query, host->query };
	size_t i;

	for (i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		if (queries[i])
			resolver_cancel(queries[i]);
	}
	free(host);
}
