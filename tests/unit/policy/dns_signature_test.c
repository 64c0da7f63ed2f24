/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/dns_signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "signed_zone.h"

enum {
	DAY_S = 86400,
	INCEPTION_S = 1577836800,
	EXPIRATION_S = 2114380800,
	NOW_S = ZONE_NOW_S,
	SIGNATURE_LEN =
		64, /* ECDSA P-256, at the end of the RRSIG, before the OPT record of 11 octets */
	OPT_LEN = 11,
};

struct vector {
	uint8_t octets[512];
	size_t len;
	struct dns_message message;
	struct dns_message keys;
};

static void read_vector(struct vector *vector)
{
	assert_int_equal(dns_message_parse(&vector->message, bytes_of(vector->octets, vector->len)),
	                 PARSE_OK);
	assert_int_equal(dns_message_parse(&vector->keys, bytes_of(zone_keys, sizeof(zone_keys))),
	                 PARSE_OK);
}

static struct vector *fresh_vector(void)
{
	static struct vector vector;

	memcpy(vector.octets, signed_mx, sizeof(signed_mx));
	vector.len = sizeof(signed_mx);
	read_vector(&vector);
	return &vector;
}

static struct dns_rrset mx_of(const struct vector *vector)
{
	return (struct dns_rrset){ &vector->message, DNS_ANSWER_SECTION, "dane.lab", DNS_TYPE_MX };
}

static enum dns_signature check_at(const struct vector *vector, time_t now)
{
	struct dns_rrset rrset = mx_of(vector);

	return dns_signature_check(&rrset, &vector->keys, now);
}

/* Where that record begins in the message. */
static size_t offset_of(const struct vector *vector, uint16_t type)
{
	struct dns_walk walk = dns_walk_over(&vector->message);
	struct dns_resource resource;

	while (dns_walk_next(&resource, &walk)) {
		if (resource.type == type)
			return resource.record.at;
	}
	fail_msg("no record of type %u", type);
	return 0;
}

static void a_signature_by_a_key_of_the_zone_is_good(void **state)
{
	const struct vector *vector = fresh_vector();
	struct dns_rrset rrset = mx_of(vector);
	char signer[DNS_NAME_TEXT_MAX];

	(void)state;
	assert_int_equal(check_at(vector, NOW_S), DNS_SIGNATURE_GOOD);
	assert_true(dns_signature_signer(signer, &rrset));
	assert_string_equal(signer, "dane.lab");
}

static void any_octet_of_data_or_signature_that_differs_makes_it_bad(void **state)
{
	struct vector *vector = fresh_vector();
	size_t mx_at = offset_of(vector, DNS_TYPE_MX);
	size_t signature_at = vector->len - OPT_LEN - SIGNATURE_LEN;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		vector = fresh_vector();
		vector->octets[mx_at + i] ^= 1;
		read_vector(vector);
		assert_int_equal(check_at(vector, NOW_S), DNS_SIGNATURE_BAD);
	}
	vector = fresh_vector();
	vector->octets[mx_at + 3] = 'n';
	read_vector(vector);
	assert_int_equal(check_at(vector, NOW_S), DNS_SIGNATURE_BAD);
	for (i = 0; i < SIGNATURE_LEN; i++) {
		vector = fresh_vector();
		vector->octets[signature_at + i] ^= 1;
		read_vector(vector);
		assert_int_equal(check_at(vector, NOW_S), DNS_SIGNATURE_BAD);
	}
}

static void times_have_a_day_of_slack_and_no_more(void **state)
{
	const struct vector *vector = fresh_vector();

	(void)state;
	assert_int_equal(check_at(vector, EXPIRATION_S - 1), DNS_SIGNATURE_GOOD);
	assert_int_equal(check_at(vector, EXPIRATION_S + DAY_S - 1), DNS_SIGNATURE_GOOD);
	assert_int_equal(check_at(vector, EXPIRATION_S + DAY_S + 1), DNS_SIGNATURE_BAD);
	assert_int_equal(check_at(vector, INCEPTION_S - DAY_S + 1), DNS_SIGNATURE_GOOD);
	assert_int_equal(check_at(vector, INCEPTION_S - DAY_S - 1), DNS_SIGNATURE_BAD);
}

static void an_algorithm_that_the_zone_has_no_key_of_is_bad_not_unknown(void **state)
{
	struct vector *vector = fresh_vector();
	size_t at = offset_of(vector, DNS_TYPE_RRSIG);

	(void)state;
	assert_int_equal(vector->octets[at + 2], 13);
	vector->octets[at + 2] = 16;
	read_vector(vector);
	assert_int_equal(check_at(vector, NOW_S), DNS_SIGNATURE_BAD);
	vector->octets[at + 2] = 200;
	read_vector(vector);
	assert_int_equal(check_at(vector, NOW_S), DNS_SIGNATURE_BAD);
}

static void what_has_no_signature_is_told_so(void **state)
{
	struct vector *vector = fresh_vector();
	struct dns_rrset rrset = mx_of(vector);
	char signer[DNS_NAME_TEXT_MAX];

	(void)state;
	/* It covers another type now. */
	put_u16(vector->octets + offset_of(vector, DNS_TYPE_RRSIG), DNS_TYPE_A);
	read_vector(vector);
	rrset = mx_of(vector);
	assert_false(dns_signature_signer(signer, &rrset));
	assert_int_equal(check_at(vector, NOW_S), DNS_SIGNATURE_ABSENT);
	rrset.owner = "other.lab";
	assert_int_equal(dns_signature_check(&rrset, &vector->keys, NOW_S), DNS_SIGNATURE_BAD);
}

static void a_record_that_is_cut_short_never_ends_the_program(void **state)
{
	struct vector *vector = fresh_vector();
	size_t at = offset_of(vector, DNS_TYPE_RRSIG);
	uint16_t whole = (uint16_t)(vector->octets[at - 2] << 8 | vector->octets[at - 1]);
	uint16_t len;

	(void)state;
	for (len = 0; len < whole; len++) {
		vector = fresh_vector();
		put_u16(vector->octets + at - 2, len);
		/* What lay behind it is gone, too. */
		vector->len = at + len;
		put_u16(vector->octets + 10, 0);
		read_vector(vector);
		assert_int_not_equal(check_at(vector, NOW_S), DNS_SIGNATURE_GOOD);
	}
}

/* ldns follows them wherever they lead, 65535 for each name. */
static void names_in_records_are_not_followed_forward(void **state)
{
	struct vector *vector = fresh_vector();
	size_t signer = offset_of(vector, DNS_TYPE_RRSIG) + 18;
	uint8_t *host = vector->octets + offset_of(vector, DNS_TYPE_MX) + 2;

	(void)state;
	/* "mx" and a pointer to dane.lab: to the one that comes later. */
	assert_int_equal(host[3], 0xc0);
	host[4] = (uint8_t)signer;
	read_vector(vector);
	assert_int_equal(check_at(vector, NOW_S), DNS_SIGNATURE_BAD);
}

static void a_signer_that_is_compressed_has_signed_nothing(void **state)
{
	enum { NAME_LEN = 10, POINTER_LEN = 2 };
	struct vector *vector = fresh_vector();
	size_t data = offset_of(vector, DNS_TYPE_RRSIG), signer = data + 18;

	(void)state;
	vector->octets[data - 1] -= NAME_LEN - POINTER_LEN;
	vector->octets[signer] = 0xc0;
	vector->octets[signer + 1] = 0x0c;
	memmove(vector->octets + signer + POINTER_LEN, vector->octets + signer + NAME_LEN,
	        vector->len - signer - NAME_LEN);
	vector->len -= NAME_LEN - POINTER_LEN;
	read_vector(vector);
	assert_int_equal(check_at(vector, NOW_S), DNS_SIGNATURE_ABSENT);
}

static void keys_that_are_cut_short_are_none(void **state)
{
	static uint8_t octets[512];
	struct vector *vector = fresh_vector();
	struct dns_walk walk = dns_walk_over(&vector->keys);
	struct dns_resource key;
	size_t len;

	(void)state;
	assert_true(dns_walk_next(&key, &walk));
	assert_int_equal(key.type, DNS_TYPE_DNSKEY);
	for (len = 0; len < key.record.data.len; len++) {
		memcpy(octets, zone_keys, sizeof(zone_keys));
		put_u16(octets + key.record.at - 2, (uint16_t)len);
		put_u16(octets + 6, 1); /* the only record */
		put_u16(octets + 10, 0);
		assert_int_equal(
			dns_message_parse(&vector->keys, bytes_of(octets, key.record.at + len)),
			PARSE_OK);
		assert_int_equal(check_at(vector, NOW_S), DNS_SIGNATURE_BAD);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_by_a_key_of_the_zone_is_good),
		cmocka_unit_test(any_octet_of_data_or_signature_that_differs_makes_it_bad),
		cmocka_unit_test(times_have_a_day_of_slack_and_no_more),
		cmocka_unit_test(an_algorithm_that_the_zone_has_no_key_of_is_bad_not_unknown),
		cmocka_unit_test(what_has_no_signature_is_told_so),
		cmocka_unit_test(a_record_that_is_cut_short_never_ends_the_program),
		cmocka_unit_test(names_in_records_are_not_followed_forward),
		cmocka_unit_test(a_signer_that_is_compressed_has_signed_nothing),
		cmocka_unit_test(keys_that_are_cut_short_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
