/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/reverse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/peer_names.h"

struct reverse {
	struct query *query;
	reverse_fn fn;
	void *owner;
};

void reverse_name(char name[DOMAIN_NAME_MAX], const struct address *address)
{
	static const char digits[] = "0123456789abcdef";
	size_t at = 0, i;

	if (address->family == 4) {
		snprintf(name, DOMAIN_NAME_MAX, "%u.%u.%u.%u.in-addr.arpa", address->octets[3],
		         address->octets[2], address->octets[1], address->octets[0]);
		return;
	}
	for (i = sizeof(address->octets); i > 0; i--) {
		uint8_t octet = address->octets[i - 1];

		name[at++] = digits[octet & 15];
		name[at++] = '.';
		name[at++] = digits[octet >> 4];
		name[at++] = '.';
	}
	memcpy(name + at, "ip6.arpa", sizeof("ip6.arpa"));
}

static void on_lookup(void *owner, const struct lookup *lookup)
{
	struct reverse *reverse = owner;
	struct reverse_names names = { .count = 0 };
	struct dns_record record;
	size_t i;

	for (i = 0; lookup->outcome == LOOKUP_FOUND && names.count < REVERSE_NAMES_MAX &&
	            dns_answer_record(&record, &lookup->answer, i);
	     i++) {
		char text[DNS_NAME_TEXT_MAX];
		size_t at = record.at;

		if (dns_name_parse(text, lookup->answer.message, &at) == PARSE_OK &&
		    peer_name_normalise(names.names[names.count], text))
			names.count++;
	}
	reverse->fn(reverse->owner, &names);
	free(reverse);
}

struct reverse *reverse_ask(struct resolver *resolver, const struct address *address, reverse_fn fn,
                            void *owner)
{
	struct reverse *reverse = calloc(1, sizeof(*reverse));
	char name[DOMAIN_NAME_MAX];

	if (!reverse)
		return NULL;
	reverse_name(name, address);
	reverse->fn = fn;
	reverse->owner = owner;
	reverse->query = resolver_ask(resolver, name, DNS_TYPE_PTR, on_lookup, reverse);
	if (reverse->query)
		return reverse;
	free(reverse);
	return NULL;
}

void reverse_cancel(struct reverse *reverse)
{
	resolver_cancel(reverse->query);
	free(reverse);
}
