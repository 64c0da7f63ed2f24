/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/dns_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nat64.h"
#include "policy/dns_signature.h"

enum {
	TARGETS_MAX = 4, /* RRsets that are verified: of an alias and its end, or of a denial */
	IPV4_LEN = 4,
	IPV6_LEN = 16,
};

struct target {
	enum dns_section section;
	uint16_t type;
	char owner[DNS_NAME_TEXT_MAX];
};

struct dns_check {
	struct resolver *resolver;
	time_t now;
	struct query *query; /* the one under way; NULL: it has come */
	dns_check_fn fn;
	void *owner;
	struct dns_message heard;
	struct dns_answer answer; /* of the same octets */
	bool is_dnssec;
	enum lookup_outcome outcome; /* of our own look-up, which is secure */
	char canonical[DNS_NAME_TEXT_MAX];
	struct target targets[TARGETS_MAX];
	size_t target_count;
	size_t target;                  /* the one that is verified now */
	bool is_verified;               /* some target is good */
	char bogus[DNS_CHECK_TEXT_MAX]; /* why our own look-up is; else empty */
	char signer[DNS_NAME_TEXT_MAX];
	uint8_t *octets;
};

static void free_check(struct dns_check *check)
{
	free(check->octets);
	free(check);
}

static void end(struct dns_check *check, enum dns_finding finding, const char *text)
{
	dns_check_fn fn = check->fn;
	void *owner = check->owner;

	free_check(check);
	fn(owner, finding, text);
}

static void end_innocent(struct dns_check *check)
{
	char text[DNS_CHECK_TEXT_MAX];

	strcpy(text, check->bogus);
	end(check, text[0] ? DNS_FINDING_BOGUS : DNS_FINDING_NONE, text);
}

/* Where not even our own look-ups tell. */
static void end_unknown(struct dns_check *check)
{
	if (check->bogus[0])
		end_innocent(check);
	else
		end(check, DNS_FINDING_UNKNOWN, "");
}

static void end_forged(struct dns_check *check, const char *what)
{
	const char *name = check->heard.name;
	char text[DNS_CHECK_TEXT_MAX];

	if (check->bogus[0]) {
		strcpy(text, check->bogus);
		end(check, DNS_FINDING_BOGUS_TOO, text);
		return;
	}
	(void)snprintf(text, sizeof(text), "%s of %.120s: %s",
	               check->heard.type == DNS_TYPE_MX     ? "MX"
	               : check->heard.type == DNS_TYPE_TLSA ? "TLSA"
	               : check->heard.type == DNS_TYPE_A    ? "A"
	                                                    : "AAAA",
	               name, what);
	end(check, DNS_FINDING_FORGED, text);
}

static bool ask(struct dns_check *check, const char *name, enum dns_type type, lookup_fn fn)
{
	check->query = resolver_ask(check->resolver, name, type, fn, check);
	return check->query;
}

static bool heard_is_denial(const struct dns_check *check)
{
	return check->answer.record_count == 0 && !dns_answer_has_alias(&check->answer);
}

static void add_target(struct dns_check *check, enum dns_section section, const char *owner,
                       uint16_t type)
{
	struct target *target;

	if (check->target_count == TARGETS_MAX)
		return;
	target = &check->targets[check->target_count++];
	target->section = section;
	target->type = type;
	strcpy(target->owner, owner);
}

static void add_denials(struct dns_check *check)
{
	struct dns_walk walk = dns_walk_over(&check->heard);
	struct dns_resource resource;

	while (dns_walk_next(&resource, &walk)) {
		if (resource.section == DNS_AUTHORITY_SECTION &&
		    (resource.type == DNS_TYPE_NSEC || resource.type == DNS_TYPE_NSEC3))
			add_target(check, DNS_AUTHORITY_SECTION, resource.owner, resource.type);
	}
}

/* Those of which our own look-up shows that they stand in secure zones. */
static void find_targets(struct dns_check *check)
{
	bool has_alias = dns_answer_has_alias(&check->answer);

	if (heard_is_denial(check)) {
		add_denials(check);
		return;
	}
	add_target(check, DNS_ANSWER_SECTION, check->heard.name,
	           has_alias ? DNS_TYPE_CNAME : check->heard.type);
	if (has_alias && check->answer.record_count > 0 &&
	    strcmp(check->answer.canonical, check->canonical) == 0)
		add_target(check, DNS_ANSWER_SECTION, check->answer.canonical, check->heard.type);
}

static bool read_record(struct bytes *data, const struct dns_check *check, size_t index)
{
	struct dns_record record;

	if (!dns_answer_record(&record, &check->answer, index))
		return false;
	*data = record.data;
	return true;
}

static bool is_address(const struct dns_check *check)
{
	return check->heard.type == DNS_TYPE_A || check->heard.type == DNS_TYPE_AAAA;
}

/* A view of the site's own, that the Internet does not see. */
static bool has_local_addresses_only(const struct dns_check *check)
{
	struct bytes data;
	size_t i;

	for (i = 0; read_record(&data, check, i); i++) {
		struct address address;

		if (data.len != (check->heard.type == DNS_TYPE_A ? IPV4_LEN : IPV6_LEN))
			return false;
		address = address_of(data.len == IPV4_LEN ? 4 : 6, data.data);
		if (!address_is_local(&address))
			return false;
	}
	return i > 0;
}

static bool stands_for_one_of(struct bytes data, const struct dns_answer *ipv4)
{
	struct dns_record record;
	struct address ipv6, behind;
	size_t i;

	if (data.len != IPV6_LEN)
		return false;
	ipv6 = address_of(6, data.data);
	for (i = 0; dns_answer_record(&record, ipv4, i); i++) {
		if (record.data.len != IPV4_LEN)
			continue;
		behind = address_of(4, record.data.data);
		if (nat64_may_stand_for(&ipv6, &behind))
			return true;
	}
	return false;
}

static void on_ipv4(void *owner, const struct lookup *lookup)
{
	struct dns_check *check = owner;
	bool is_dns64 = lookup->outcome == LOOKUP_FOUND;
	struct bytes data;
	size_t i;

	check->query = NULL;
	for (i = 0; is_dns64 && read_record(&data, check, i); i++)
		is_dns64 = stands_for_one_of(data, &lookup->answer);
	if (is_dns64)
		end_innocent(check);
	else
		end_forged(check, "it has addresses, a signed denial says that there are none");
}

/* What is wrong with it for want of a good signature; NULL: nothing that can be proven. */
static const char *wrong_without_signature(const struct dns_check *check)
{
	bool is_denied = check->outcome != LOOKUP_FOUND;

	if (heard_is_denial(check))
		return check->is_dnssec && !is_denied
		               ? "it denies what is there, and proves nothing"
		               : NULL;
	if (is_address(check) && has_local_addresses_only(check))
		return NULL;
	if (is_denied)
		return "it has records, a signed denial says that there are none";
	return check->is_dnssec ? "its zone is signed, its signatures are missing" : NULL;
}

static void judge_unsigned(struct dns_check *check)
{
	const char *wrong = wrong_without_signature(check);

	if (!wrong)
		end_innocent(check);
	else if (check->heard.type != DNS_TYPE_AAAA || heard_is_denial(check) ||
	         check->outcome == LOOKUP_FOUND)
		end_forged(check, wrong);
	else if (!ask(check, check->heard.name, DNS_TYPE_A, on_ipv4))
		end_unknown(check);
}

static void verify_next(struct dns_check *check);

static struct dns_rrset rrset_of(const struct dns_check *check)
{
	const struct target *target = &check->targets[check->target];

	return (struct dns_rrset){
		.message = &check->heard,
		.section = target->section,
		.owner = target->owner,
		.type = target->type,
	};
}

static void on_keys(void *owner, const struct lookup *lookup)
{
	struct dns_check *check = owner;
	struct dns_rrset rrset = rrset_of(check);
	enum dns_signature signature = DNS_SIGNATURE_BAD;
	char what[160];
	struct dns_message keys;

	check->query = NULL;
	if (lookup->security != DNS_SECURE) {
		end_unknown(check);
		return;
	}
	/* A name without keys is no zone, and signs nothing. */
	if (lookup->outcome == LOOKUP_FOUND &&
	    dns_message_parse(&keys, lookup->answer.message) == PARSE_OK)
		signature = dns_signature_check(&rrset, &keys, check->now);
	switch (signature) {
	case DNS_SIGNATURE_GOOD:
		check->is_verified = true;
		check->target++;
		verify_next(check);
		break;
	case DNS_SIGNATURE_BAD:
	case DNS_SIGNATURE_ABSENT:
		(void)snprintf(what, sizeof(what), "no key of %.100s made its signature",
		               check->signer[0] ? check->signer : "the root");
		end_forged(check, what);
		break;
	case DNS_SIGNATURE_UNKNOWN:
		end_unknown(check);
		break;
	}
}

/* A zone signs what is in it. */
static bool is_at_or_below(const char *name, const char *zone)
{
	size_t name_len = strlen(name), zone_len = strlen(zone);

	if (zone_len == 0)
		return true;
	return name_len >= zone_len && strcmp(name + name_len - zone_len, zone) == 0 &&
	       (name_len == zone_len || name[name_len - zone_len - 1] == '.');
}

static void verify_next(struct dns_check *check)
{
	struct dns_rrset rrset;

	if (check->target == check->target_count) {
		if (check->is_verified)
			end_innocent(check);
		else
			judge_unsigned(check);
		return;
	}
	rrset = rrset_of(check);
	if (!dns_signature_signer(check->signer, &rrset))
		judge_unsigned(check);
	else if (!is_at_or_below(rrset.owner, check->signer))
		end_forged(check, "another zone signed it");
	else if (!ask(check, check->signer, DNS_TYPE_DNSKEY, on_keys))
		end_unknown(check);
}

/* Where it is secure that the name has keys, or that it has none, its zone is signed. */
static void on_zone(void *owner, const struct lookup *lookup)
{
	struct dns_check *check = owner;

	check->query = NULL;
	if (lookup->security != DNS_SECURE) {
		end_innocent(check);
		return;
	}
	check->outcome = LOOKUP_FOUND;
	find_targets(check);
	verify_next(check);
}

static void on_own(void *owner, const struct lookup *lookup)
{
	struct dns_check *check = owner;

	check->query = NULL;
	if (lookup->security == DNS_BOGUS) {
		(void)snprintf(check->bogus, sizeof(check->bogus), "%.200s",
		               lookup->why[0] ? lookup->why : "it does not validate");
		if (!ask(check, check->heard.name, DNS_TYPE_DNSKEY, on_zone))
			end_innocent(check);
		return;
	}
	if (lookup->security == DNS_FAILED) {
		end_unknown(check);
		return;
	}
	if (lookup->security != DNS_SECURE) {
		end_innocent(check);
		return;
	}
	check->outcome = lookup->outcome;
	strcpy(check->canonical, lookup->answer.canonical);
	find_targets(check);
	verify_next(check);
}

/* All of it can be read, and read to its end. */
static bool read_heard(struct dns_check *check)
{
	struct dns_walk walk;
	struct dns_resource resource;

	if (dns_message_parse(&check->heard, bytes_of(check->octets, check->heard.octets.len)) !=
	            PARSE_OK ||
	    dns_answer_parse(&check->answer, check->heard.octets) != PARSE_OK)
		return false;
	walk = dns_walk_over(&check->heard);
	while (dns_walk_next(&resource, &walk))
		;
	check->is_dnssec = dns_message_is_dnssec(&check->heard);
	return !walk.is_malformed;
}

struct dns_check *dns_check_begin(struct resolver *resolver, struct bytes octets, time_t now,
                                  dns_check_fn fn, void *owner)
{
	struct dns_check *check = calloc(1, sizeof(*check));

	if (!check || octets.len == 0)
		goto free_check;
	check->octets = malloc(octets.len);
	if (!check->octets)
		goto free_check;
	memcpy(check->octets, octets.data, octets.len);
	check->heard.octets.len = octets.len;
	check->resolver = resolver;
	check->now = now;
	check->fn = fn;
	check->owner = owner;
	if (read_heard(check) &&
	    ask(check, check->heard.name, (enum dns_type)check->heard.type, on_own))
		return check;

free_check:
	if (check)
		free_check(check);
	return NULL;
}

void dns_check_cancel(struct dns_check *check)
{
	if (check->query)
		resolver_cancel(check->query);
	free_check(check);
}
