/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/check_chain.h"

struct asking {
	struct resolver *resolver;
	struct check_host *host;
	const struct mx_host *mx;
	check_host_fn fn;
	void *owner;
	size_t pending;
};

static void leave(struct asking *asking)
{
	if (--asking->pending > 0)
		return;
	asking->fn(asking->owner);
	free(asking);
}

static void on_chain(void *owner)
{
	leave(owner);
}

/* Where the addresses are not secure, or not to be had, the chain to them says why. */
static void ask_chain(struct asking *asking)
{
	const struct check_host *host = asking->host;

	if (asking->mx->address_security == DNS_SECURE)
		return;
	if (check_chain_walk(asking->resolver, &asking->host->chain,
	                     host->is_alias ? host->target : asking->mx->name, on_chain, asking))
		asking->pending++;
}

static void on_address(void *owner, const struct lookup *lookup)
{
	struct asking *asking = owner;
	struct check_host *host = asking->host;

	host->is_missing = lookup->outcome == LOOKUP_NXDOMAIN;
	if (lookup->outcome != LOOKUP_UNKNOWN && dns_answer_has_alias(&lookup->answer)) {
		host->is_alias = true;
		text_copy(host->target, sizeof(host->target), lookup->answer.canonical);
	}
	ask_chain(asking);
	leave(asking);
}

static void keep_record(struct check_records *records, struct bytes data)
{
	struct check_record *record = &records->records[records->count];
	struct tlsa tlsa;

	if (records->count == CHECK_RECORDS_MAX || tlsa_parse(&tlsa, data) != PARSE_OK ||
	    tlsa.data.len > sizeof(records->octets) - records->octets_len)
		return;
	*record = (struct check_record){
		.usage = tlsa.usage,
		.selector = tlsa.selector,
		.matching = tlsa.matching,
		.is_usable = tlsa_is_usable(&tlsa),
		.at = records->octets_len,
		.len = tlsa.data.len,
	};
	tlsa_format(record->text, &tlsa);
	if (tlsa.data.len > 0)
		memcpy(records->octets + records->octets_len, tlsa.data.data, tlsa.data.len);
	records->octets_len += tlsa.data.len;
	records->count++;
}

static void on_tlsa(void *owner, const struct lookup *lookup)
{
	struct asking *asking = owner;
	struct check_records *records = &asking->host->tlsa;
	struct dns_record record;

	records->security = lookup->security;
	text_copy(records->why, sizeof(records->why), lookup->why);
	for (size_t i = 0;
	     lookup->outcome == LOOKUP_FOUND && dns_answer_record(&record, &lookup->answer, i); i++)
		keep_record(records, record.data);
	leave(asking);
}

bool check_host_ask(struct resolver *resolver, struct check_host *host, const struct mx_host *mx,
                    check_host_fn fn, void *owner)
{
	struct asking *asking = calloc(1, sizeof(*asking));

	if (!asking)
		return false;
	asking->resolver = resolver;
	asking->host = host;
	asking->mx = mx;
	asking->fn = fn;
	asking->owner = owner;
	if (snprintf(host->tlsa.name, sizeof(host->tlsa.name), "_25._tcp.%s", host->tlsa.base) <
	            DOMAIN_NAME_MAX &&
	    resolver_ask(resolver, host->tlsa.name, DNS_TYPE_TLSA, on_tlsa, asking))
		asking->pending++;
	if (resolver_ask(resolver, mx->name, DNS_TYPE_A, on_address, asking))
		asking->pending++;
	if (asking->pending > 0)
		return true;
	free(asking);
	return false;
}
