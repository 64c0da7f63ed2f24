/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/dns_signature.h"

#include <ldns/ldns.h>
#include <string.h>

enum {
	CLASS_IN = 1,
	/* In the data of an RRSIG (RFC 4034 section 3.1). */
	SIGNER_AT = 18,
	MX_HOST_AT = 2,
	COMPRESSED_MIN = 0x40, /* of a label's first octet (RFC 1035 section 4.1.4) */
	/* Fields as ldns counts them; it aborts where one is asked for that is not there. */
	SIGNATURE_FIELDS = 9,
	KEY_FIELDS = 4,
	SLACK_MIN_S = 3600,
	SLACK_MAX_S = 24 * 3600,
};

static bool is_of(const struct dns_resource *resource, const struct dns_rrset *rrset)
{
	return resource->section == rrset->section && resource->class == CLASS_IN &&
	       strcmp(resource->owner, rrset->owner) == 0;
}

static bool is_record_of(const struct dns_resource *resource, const struct dns_rrset *rrset)
{
	return is_of(resource, rrset) && resource->type == rrset->type;
}

static bool is_signature_over(const struct dns_resource *resource, const struct dns_rrset *rrset)
{
	struct cursor data = cursor_over(resource->record.data);

	return is_of(resource, rrset) && resource->type == DNS_TYPE_RRSIG &&
	       cursor_u16(&data) == rrset->type && resource->record.data.len > SIGNER_AT;
}

bool dns_signature_signer(char signer[DNS_NAME_TEXT_MAX], const struct dns_rrset *rrset)
{
	struct dns_walk walk = dns_walk_over(rrset->message);
	struct dns_resource resource;
	char name[DNS_NAME_TEXT_MAX];
	bool is_found = false;

	while (dns_walk_next(&resource, &walk)) {
		size_t at = resource.record.at + SIGNER_AT;

		if (!is_signature_over(&resource, rrset))
			continue;
		if (dns_name_parse(name, rrset->message->octets, &at) != PARSE_OK ||
		    (is_found && strcmp(name, signer) != 0))
			return false;
		memcpy(signer, name, DNS_NAME_TEXT_MAX);
		is_found = true;
	}
	return is_found;
}

/* As names in the data of DNSSEC's own records stand there (RFC 4034 sections 3.1.7 and 4.1.1). */
static bool is_uncompressed(struct bytes data, size_t at)
{
	struct cursor cursor = cursor_over(bytes_after(data, at));
	uint8_t len;

	while ((len = cursor_u8(&cursor)) != 0 && len < COMPRESSED_MIN)
		cursor_skip(&cursor, len);
	return !cursor.failed && len == 0;
}

/* Whether ldns may read the data: of a name there it follows 65535 pointers, and in a circle at that. */
static bool is_readable(const struct dns_resource *resource, const struct dns_message *message)
{
	struct dns_record record = resource->record;
	char name[DNS_NAME_TEXT_MAX];
	size_t at = record.at + (resource->type == DNS_TYPE_MX ? MX_HOST_AT : 0);

	switch (resource->type) {
	case DNS_TYPE_MX:
	case DNS_TYPE_CNAME:
		return dns_name_parse(name, message->octets, &at) == PARSE_OK;
	case DNS_TYPE_RRSIG:
		return is_uncompressed(record.data, SIGNER_AT);
	case DNS_TYPE_NSEC:
		return is_uncompressed(record.data, 0);
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA:
	case DNS_TYPE_TLSA:
	case DNS_TYPE_DNSKEY:
	case DNS_TYPE_NSEC3:
		return true;
	default:
		return false;
	}
}

static bool has_all_fields(const ldns_rr *rr)
{
	size_t count = ldns_rr_rd_count(rr);

	switch (ldns_rr_get_type(rr)) {
	case LDNS_RR_TYPE_RRSIG:
		return count == SIGNATURE_FIELDS;
	case LDNS_RR_TYPE_DNSKEY:
		return count == KEY_FIELDS;
	default:
		return count > 0;
	}
}

typedef bool (*wanted_fn)(const struct dns_resource *resource, const struct dns_rrset *rrset);

/* ldns's own form of the wanted records; NULL: out of memory. Those that it cannot read are left out. */
static ldns_rr_list *records_of(const struct dns_message *message, wanted_fn wanted,
                                const struct dns_rrset *rrset, size_t limit)
{
	ldns_rr_list *list = ldns_rr_list_new();
	struct dns_walk walk = dns_walk_over(message);
	struct dns_resource resource;

	while (list && ldns_rr_list_rr_count(list) < limit && dns_walk_next(&resource, &walk)) {
		size_t at = resource.at;
		ldns_rr *rr = NULL;

		if (!wanted(&resource, rrset) || !is_readable(&resource, message) ||
		    ldns_wire2rr(&rr, message->octets.data, message->octets.len, &at,
		                 LDNS_SECTION_ANSWER) != LDNS_STATUS_OK)
			continue;
		if (!has_all_fields(rr) || !ldns_rr_list_push_rr(list, rr))
			ldns_rr_free(rr);
	}
	return list;
}

static bool is_key(const struct dns_resource *resource, const struct dns_rrset *rrset)
{
	(void)rrset;
	return resource->section == DNS_ANSWER_SECTION && resource->type == DNS_TYPE_DNSKEY;
}

/* Else whoever forges could name an algorithm that nobody can compute. */
static bool has_key_of_its_algorithm(const ldns_rr *signature, const ldns_rr_list *keys)
{
	uint8_t algorithm = ldns_rdf2native_int8(ldns_rr_rrsig_algorithm(signature));
	size_t i;

	for (i = 0; i < ldns_rr_list_rr_count(keys); i++) {
		if (ldns_rdf2native_int8(ldns_rr_dnskey_algorithm(ldns_rr_list_rr(keys, i))) ==
		    algorithm)
			return true;
	}
	return false;
}

static time_t slack_of(const ldns_rr *signature)
{
	/* Serial number arithmetic (RFC 4034 section 3.1.5). */
	uint32_t life_s = ldns_rdf2native_int32(ldns_rr_rrsig_expiration(signature)) -
	                  ldns_rdf2native_int32(ldns_rr_rrsig_inception(signature));
	uint32_t slack_s = life_s / 10;

	return slack_s < SLACK_MIN_S ? SLACK_MIN_S : slack_s > SLACK_MAX_S ? SLACK_MAX_S : slack_s;
}

static enum dns_signature check_one(const ldns_rr_list *records, const ldns_rr *signature,
                                    const ldns_rr_list *keys, time_t now)
{
	ldns_status status;

	if (!has_key_of_its_algorithm(signature, keys))
		return DNS_SIGNATURE_BAD;
	status = ldns_verify_rrsig_keylist_time(records, signature, keys, now, NULL);
	if (status == LDNS_STATUS_CRYPTO_SIG_EXPIRED)
		status = ldns_verify_rrsig_keylist_time(records, signature, keys,
		                                        now - slack_of(signature), NULL);
	else if (status == LDNS_STATUS_CRYPTO_SIG_NOT_INCEPTED)
		status = ldns_verify_rrsig_keylist_time(records, signature, keys,
		                                        now + slack_of(signature), NULL);
	switch ((int)status) {
	case LDNS_STATUS_OK:
		return DNS_SIGNATURE_GOOD;
	case LDNS_STATUS_MEM_ERR:
	case LDNS_STATUS_CRYPTO_UNKNOWN_ALGO:
	case LDNS_STATUS_CRYPTO_ALGO_NOT_IMPL:
		return DNS_SIGNATURE_UNKNOWN;
	default:
		return DNS_SIGNATURE_BAD;
	}
}

static enum dns_signature check_all(const ldns_rr_list *records, const ldns_rr_list *signatures,
                                    const ldns_rr_list *keys, time_t now)
{
	enum dns_signature all = DNS_SIGNATURE_ABSENT;
	size_t i;

	for (i = 0; i < ldns_rr_list_rr_count(signatures); i++) {
		enum dns_signature one =
			check_one(records, ldns_rr_list_rr(signatures, i), keys, now);

		if (one == DNS_SIGNATURE_GOOD)
			return one;
		if (all != DNS_SIGNATURE_UNKNOWN)
			all = one;
	}
	return all;
}

enum dns_signature dns_signature_check(const struct dns_rrset *rrset,
                                       const struct dns_message *keys, time_t now)
{
	ldns_rr_list *records = records_of(rrset->message, is_record_of, rrset, DNS_RRSET_MAX);
	ldns_rr_list *signatures =
		records_of(rrset->message, is_signature_over, rrset, DNS_SIGNATURES_MAX);
	ldns_rr_list *key_list = records_of(keys, is_key, rrset, DNS_KEYS_MAX);
	enum dns_signature result = DNS_SIGNATURE_UNKNOWN;

	if (records && signatures && key_list)
		result = ldns_rr_list_rr_count(records) == 0
		                 ? DNS_SIGNATURE_BAD
		                 : check_all(records, signatures, key_list, now);
	ldns_rr_list_deep_free(records);
	ldns_rr_list_deep_free(signatures);
	ldns_rr_list_deep_free(key_list);
	return result;
}
