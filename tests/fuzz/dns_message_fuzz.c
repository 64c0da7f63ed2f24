/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Octets as a DNS message off the wire: cut anywhere, what can be read of it is what could be read before. Then all that reads
 * messages: what is heard of it, and whether its signatures are good by the keys that it brings itself.
 */

#include "require.h"

#include "policy/dns_signature.h"
#include "policy/heard.h"
#include "wire/dns_message.h"

static unsigned walk_all(const struct dns_message *message, bool *is_malformed)
{
	struct dns_walk walk = dns_walk_over(message);
	struct dns_resource resource;
	unsigned count = 0;

	while (dns_walk_next(&resource, &walk)) {
		REQUIRE(resource.record.at + resource.record.data.len <= message->octets.len);
		REQUIRE(resource.at >= message->records_at && resource.at < resource.record.at);
		REQUIRE(strlen(resource.owner) < DNS_NAME_TEXT_MAX);
		REQUIRE(++count <= DNS_WALK_MAX);
	}
	*is_malformed = walk.is_malformed;
	return count;
}

enum { CUTS_MAX = 8, SIGNED_MAX = 8 };

/* Some of them; other ones of the next that is as long but for an octet. */
static void check_cuts(const struct dns_message *whole, struct bytes copy)
{
	struct dns_message message;
	bool is_malformed, is_whole_malformed;
	unsigned count = walk_all(whole, &is_whole_malformed);
	size_t step = 1 + copy.len / CUTS_MAX;

	for (size_t cut = copy.len % step; cut < copy.len; cut += step) {
		if (dns_message_parse(&message, exact_cut(copy, cut)) != PARSE_OK)
			continue;
		REQUIRE(strcmp(message.name, whole->name) == 0 && message.type == whole->type);
		REQUIRE(walk_all(&message, &is_malformed) <= count);
		(void)dns_message_is_dnssec(&message);
	}
	(void)exact_cut(copy, copy.len);
}

static void on_candidate(void *owner, const struct heard_candidate *candidate)
{
	(void)owner;
	REQUIRE(candidate->domain[0] && candidate->host[0]);
	REQUIRE(candidate->server.family == 4 || candidate->server.family == 6);
	REQUIRE(candidate->life_s <= HEARD_LIFE_MAX_S);
}

static void check_hearing(const struct dns_message *message)
{
	static const uint8_t secret[TABLE_SECRET_LEN];
	const struct address client = { .family = 4, .octets = { 192, 0, 2, 1 } };
	struct heard *heard = heard_new(secret, on_candidate, NULL);

	REQUIRE(heard);
	(void)heard_answer(heard, &client, message, false, 1000);
	(void)heard_answer(heard, &client, message, true, 2000);
	heard_sweep(heard, 4000 * 1000);
	heard_free(heard);
}

static void check_signatures(const struct dns_message *message)
{
	struct dns_walk walk = dns_walk_over(message);
	struct dns_resource resource;

	while (dns_walk_next(&resource, &walk)) {
		const struct dns_rrset rrset = {
			.message = message,
			.section = resource.section,
			.owner = resource.owner,
			.type = resource.type,
		};
		char signer[DNS_NAME_TEXT_MAX];

		(void)dns_signature_check(&rrset, message, 1764108000);
		(void)dns_signature_signer(signer, &rrset);
		if (walk.read > SIGNED_MAX)
			break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes copy = exact_copy(bytes_of(data, len));
	struct dns_message message;

	if (dns_message_parse(&message, copy) == PARSE_OK) {
		check_cuts(&message, copy);
		check_hearing(&message);
		check_signatures(&message);
	}
	exact_free(copy);
	return 0;
}
