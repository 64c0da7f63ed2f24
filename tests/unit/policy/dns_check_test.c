/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/dns_check.h"

#include "scripted_resolver.h"
#include "signed_zone.h"

#define ZONE "dane.lab" /* which is signed */

enum { DNSSEC_OK = 0x8000, OTHERS_KEY_TAG = 0x2f04, SIGNATURE_LEN = 64, OPT_LEN = 11 };

static struct {
	size_t told;
	enum dns_finding finding;
	char text[DNS_CHECK_TEXT_MAX];
} found;

static void on_checked(void *owner, enum dns_finding finding, const char *text)
{
	assert_ptr_equal(owner, &found);
	found.told++;
	found.finding = finding;
	text_copy(found.text, sizeof(found.text), text);
}

static int begin_check(void **state)
{
	memset(&found, 0, sizeof(found));
	return begin_script(state);
}

static struct dns_check *start(const struct message *message)
{
	found.told = 0;
	return dns_check_begin(&script, against_the_end(message, message->len), ZONE_NOW_S,
	                       on_checked, &found);
}

static void hear(const struct message *message)
{
	assert_non_null(start(message));
	assert_int_equal(found.told, 0);
}

static void assert_found(enum dns_finding finding, const char *text)
{
	assert_int_equal(found.told, 1);
	assert_string_equal(found.text, text);
	assert_int_equal(found.finding, finding);
	assert_int_equal(open_count(), 0);
}

static void fill(struct message *message, const uint8_t *octets, size_t len)
{
	memcpy(message->octets, octets, len);
	message->len = len;
}

static struct message signed_answer(void)
{
	struct message message;

	fill(&message, signed_mx, sizeof(signed_mx));
	return message;
}

static struct message tampered_answer(void)
{
	struct message message = signed_answer();

	message.octets[message.len - OPT_LEN - SIGNATURE_LEN] ^= 1;
	return message;
}

/* The keys of the zone, as our own look-up has them. */
static void answer_keys(enum dns_security security)
{
	struct message keys;

	fill(&keys, zone_keys, sizeof(zone_keys));
	answer(&keys, security);
}

static void answer_own_mx(enum dns_security security)
{
	struct message own = signed_answer();

	answer(&own, security);
}

/* The DO bit: who asked wanted signatures. */
static void add_dnssec_ok(struct message *message)
{
	add_u8(message, 0);
	add_u16(message, DNS_TYPE_OPT);
	add_u16(message, 1232);
	add_u32(message, DNSSEC_OK);
	add_u16(message, 0);
	put_u16(message->octets + 10, 1);
}

/* RFC 4034 section 3.1; nobody made the signature. */
static void add_signature(struct message *message, const char *owner, unsigned type,
                          const char *signer)
{
	size_t at = begin_record(message, owner, DNS_TYPE_RRSIG, 60);

	add_u16(message, type);
	add_u8(message, 13);
	add_u8(message, 2);
	add_u32(message, 60);
	add_u32(message, 0x7e06e400);
	add_u32(message, 0x5e0be100);
	add_u16(message, OTHERS_KEY_TAG);
	add_name(message, signer);
	memset(message->octets + message->len, 7, SIGNATURE_LEN);
	message->len += SIGNATURE_LEN;
	end_record(message, at);
}

static struct message unsigned_mx(void)
{
	struct message message;

	begin(&message, FOUND, ZONE, DNS_TYPE_MX, 1, 0);
	add_mx(&message, ZONE, 10, "evil.example");
	return message;
}

static struct message address_of_zone(uint32_t first, uint32_t second)
{
	struct message message;

	begin(&message, FOUND, ZONE, DNS_TYPE_A, 2, 0);
	add_a(&message, ZONE, first, 60);
	add_a(&message, ZONE, second, 60);
	return message;
}

static void what_the_zone_has_signed_is_not_forged(void **state)
{
	struct message message = signed_answer();

	(void)state;
	hear(&message);
	answer_own_mx(DNS_SECURE);
	answer_keys(DNS_SECURE);
	assert_found(DNS_FINDING_NONE, "");
}

static void a_signature_that_no_key_of_the_zone_made_is_forged(void **state)
{
	struct message message = tampered_answer();

	(void)state;
	hear(&message);
	answer_own_mx(DNS_SECURE);
	answer_keys(DNS_SECURE);
	assert_found(DNS_FINDING_FORGED, "MX of " ZONE ": no key of " ZONE " made its signature");
	/* A name without keys is no zone. */
	message = signed_answer();
	hear(&message);
	answer_own_mx(DNS_SECURE);
	deny(ZONE, DNS_TYPE_DNSKEY, FOUND, DNS_SECURE);
	assert_found(DNS_FINDING_FORGED, "MX of " ZONE ": no key of " ZONE " made its signature");
}

static void what_others_have_signed_is_forged(void **state)
{
	struct message message;

	(void)state;
	/* "ane.lab" is the end of the name, and no zone above it. */
	begin(&message, FOUND, ZONE, DNS_TYPE_TLSA, 2, 0);
	add_octets(&message, ZONE, DNS_TYPE_TLSA, bytes_of_string("\x03\x01\x01some digest"));
	add_signature(&message, ZONE, DNS_TYPE_TLSA, "ane.lab");
	hear(&message);
	answer(&message, DNS_SECURE);
	assert_found(DNS_FINDING_FORGED, "TLSA of " ZONE ": another zone signed it");
	/* The root is above, and its keys are asked for. */
	begin(&message, FOUND, ZONE, DNS_TYPE_AAAA, 2, 0);
	add_octets(&message, ZONE, DNS_TYPE_AAAA, bytes_of_string("\x20\x01sixteen octets"));
	add_signature(&message, ZONE, DNS_TYPE_AAAA, "");
	hear(&message);
	answer(&message, DNS_SECURE);
	deny("", DNS_TYPE_DNSKEY, FOUND, DNS_SECURE);
	assert_found(DNS_FINDING_FORGED, "AAAA of " ZONE ": no key of the root made its signature");
}

static void missing_signatures_count_where_they_were_asked_for(void **state)
{
	struct message message = unsigned_mx();

	(void)state;
	hear(&message);
	answer_own_mx(DNS_SECURE);
	assert_found(DNS_FINDING_NONE, "");
	add_dnssec_ok(&message);
	hear(&message);
	answer_own_mx(DNS_SECURE);
	assert_found(DNS_FINDING_FORGED,
	             "MX of " ZONE ": its zone is signed, its signatures are missing");
	hear(&message);
	answer_own_mx(DNS_INSECURE);
	assert_found(DNS_FINDING_NONE, "");
}

static void records_of_what_is_denied_are_forged(void **state)
{
	struct message message = unsigned_mx();

	(void)state;
	hear(&message);
	deny(ZONE, DNS_TYPE_MX, ABSENT, DNS_SECURE);
	assert_found(DNS_FINDING_FORGED,
	             "MX of " ZONE ": it has records, a signed denial says that there are none");
}

static void a_denial_of_what_is_there_is_forged_unless_nobody_asked_for_proof(void **state)
{
	struct message message;

	(void)state;
	begin(&message, FOUND, ZONE, DNS_TYPE_MX, 0, 1);
	add_soa(&message, 60, 60);
	hear(&message);
	answer_own_mx(DNS_SECURE);
	assert_found(DNS_FINDING_NONE, "");
	add_dnssec_ok(&message);
	hear(&message);
	answer_own_mx(DNS_SECURE);
	assert_found(DNS_FINDING_FORGED,
	             "MX of " ZONE ": it denies what is there, and proves nothing");
	/* So it is. */
	hear(&message);
	deny(ZONE, DNS_TYPE_MX, FOUND, DNS_SECURE);
	assert_found(DNS_FINDING_NONE, "");
}

static void a_proof_of_denial_is_verified(void **state)
{
	static const uint8_t types[] = { 0, 1, 0x40 };
	struct message message;

	(void)state;
	/* More of them than are looked at, the first of which is signed by somebody. */
	begin(&message, FOUND, ZONE, DNS_TYPE_MX, 0, 7);
	for (size_t i = 0; i < 6; i++) {
		size_t at = begin_record(&message, i ? "z.dane.lab" : ZONE, DNS_TYPE_NSEC, 60);

		add_name(&message, "zz.dane.lab");
		memcpy(message.octets + message.len, types, sizeof(types));
		message.len += sizeof(types);
		end_record(&message, at);
	}
	add_signature(&message, ZONE, DNS_TYPE_NSEC, ZONE);
	add_dnssec_ok(&message);
	hear(&message);
	answer_own_mx(DNS_SECURE);
	answer_keys(DNS_SECURE);
	assert_found(DNS_FINDING_FORGED, "MX of " ZONE ": no key of " ZONE " made its signature");
}

static void a_view_of_the_sites_own_is_none(void **state)
{
	struct message message = address_of_zone(0x0a000001, 0xc0a80001);

	(void)state;
	hear(&message);
	deny(ZONE, DNS_TYPE_A, ABSENT, DNS_SECURE);
	assert_found(DNS_FINDING_NONE, "");
	message = address_of_zone(0x0a000001, 0xc6336419);
	hear(&message);
	deny(ZONE, DNS_TYPE_A, ABSENT, DNS_SECURE);
	assert_found(DNS_FINDING_FORGED,
	             "A of " ZONE ": it has records, a signed denial says that there are none");
	/* Nor are octets that are no address local ones. */
	begin(&message, FOUND, ZONE, DNS_TYPE_A, 1, 0);
	add_octets(&message, ZONE, DNS_TYPE_A, bytes_of_string("\x0a\x01\x01"));
	hear(&message);
	deny(ZONE, DNS_TYPE_A, ABSENT, DNS_SECURE);
	assert_int_equal(found.finding, DNS_FINDING_FORGED);
}

/* 64:ff9b:: and an IPv4 address, beside one that is none of DNS64's where `is_mixed`. */
static void hear_ipv6(bool is_mixed, const char *other)
{
	static const uint8_t behind[16] = { 0, 0x64, 0xff, 0x9b, [12] = 0xc6, 0x33, 0x64, 0x19 };
	struct message message;

	begin(&message, FOUND, ZONE, DNS_TYPE_AAAA, is_mixed ? 2 : 1, 0);
	add_octets(&message, ZONE, DNS_TYPE_AAAA, bytes_of(behind, sizeof(behind)));
	if (is_mixed)
		add_octets(&message, ZONE, DNS_TYPE_AAAA, bytes_of_string(other));
	hear(&message);
	deny(ZONE, DNS_TYPE_AAAA, FOUND, DNS_SECURE);
}

static void ipv6_addresses_that_hold_the_ipv4_ones_are_dns64s(void **state)
{
	static const char forged[] =
		"AAAA of " ZONE ": it has addresses, a signed denial says that there are none";
	struct message own = address_of_zone(0xc6336401, 0xc6336419), cut;

	(void)state;
	hear_ipv6(false, NULL);
	answer(&own, DNS_SECURE);
	assert_found(DNS_FINDING_NONE, "");
	hear_ipv6(true, "\x20\x01sixteen octets");
	answer(&own, DNS_SECURE);
	assert_found(DNS_FINDING_FORGED, forged);
	hear_ipv6(true, "short");
	answer(&own, DNS_SECURE);
	assert_found(DNS_FINDING_FORGED, forged);
	hear_ipv6(false, NULL);
	deny(ZONE, DNS_TYPE_A, FOUND, DNS_SECURE);
	assert_found(DNS_FINDING_FORGED, forged);
	begin(&cut, FOUND, ZONE, DNS_TYPE_A, 1, 0);
	add_octets(&cut, ZONE, DNS_TYPE_A, bytes_of_string("abc"));
	hear_ipv6(false, NULL);
	answer(&cut, DNS_SECURE);
	assert_found(DNS_FINDING_FORGED, forged);
	script.left = 1;
	hear_ipv6(false, NULL);
	assert_found(DNS_FINDING_UNKNOWN, "");
}

static void an_alias_is_verified_with_what_it_leads_to(void **state)
{
	struct message message;

	(void)state;
	begin(&message, FOUND, "alias.example", DNS_TYPE_MX, 3, 0);
	add_alias(&message, "alias.example", ZONE, 60);
	add_mx(&message, ZONE, 10, "evil.example");
	add_signature(&message, "alias.example", DNS_TYPE_CNAME, "example");
	hear(&message);
	answer(&message, DNS_SECURE);
	assert_true(is_asked("example", DNS_TYPE_DNSKEY));
	deny("example", DNS_TYPE_DNSKEY, FOUND, DNS_SECURE);
	assert_found(DNS_FINDING_FORGED,
	             "MX of alias.example: no key of example made its signature");
}

static void where_a_look_up_fails_nothing_is_said(void **state)
{
	struct message message = signed_answer();

	(void)state;
	hear(&message);
	fail_query(ZONE, DNS_TYPE_MX, DNS_FAILED, "no reply");
	assert_found(DNS_FINDING_UNKNOWN, "");
	hear(&message);
	answer_own_mx(DNS_SECURE);
	fail_query(ZONE, DNS_TYPE_DNSKEY, DNS_FAILED, "no reply");
	assert_found(DNS_FINDING_UNKNOWN, "");
	script.left = 1;
	hear(&message);
	answer_own_mx(DNS_SECURE);
	assert_found(DNS_FINDING_UNKNOWN, "");
}

static void a_bogus_look_up_of_our_own_says_that_and_no_more(void **state)
{
	struct message message = signed_answer();

	(void)state;
	hear(&message);
	fail_query(ZONE, DNS_TYPE_MX, DNS_BOGUS, "expired");
	answer_keys(DNS_SECURE);
	answer_keys(DNS_SECURE);
	assert_found(DNS_FINDING_BOGUS, "expired");
	hear(&message);
	fail_query(ZONE, DNS_TYPE_MX, DNS_BOGUS, "");
	fail_query(ZONE, DNS_TYPE_DNSKEY, DNS_BOGUS, "expired");
	assert_found(DNS_FINDING_BOGUS, "it does not validate");
	hear(&message);
	fail_query(ZONE, DNS_TYPE_MX, DNS_BOGUS, "expired");
	answer_keys(DNS_SECURE);
	fail_query(ZONE, DNS_TYPE_DNSKEY, DNS_FAILED, "no reply");
	assert_found(DNS_FINDING_BOGUS, "expired");
	script.left = 1;
	hear(&message);
	fail_query(ZONE, DNS_TYPE_MX, DNS_BOGUS, "expired");
	assert_found(DNS_FINDING_BOGUS, "expired");
}

static void what_was_heard_may_be_bogus_too(void **state)
{
	struct message message = tampered_answer();

	(void)state;
	hear(&message);
	fail_query(ZONE, DNS_TYPE_MX, DNS_BOGUS, "expired");
	answer_keys(DNS_SECURE);
	answer_keys(DNS_SECURE);
	assert_found(DNS_FINDING_BOGUS_TOO, "expired");
}

static void what_cannot_be_read_to_its_end_is_not_checked(void **state)
{
	struct message message = signed_answer();

	(void)state;
	for (size_t len = 0; len < sizeof(signed_mx); len++) {
		message.len = len;
		assert_null(start(&message));
	}
	assert_int_equal(script.asked, 0);
	message.len = sizeof(signed_mx);
	script.left = 0;
	assert_null(start(&message));
}

static void a_cancelled_check_leaves_no_question_and_is_not_told(void **state)
{
	struct message message = signed_answer();
	struct dns_check *check = start(&message);

	(void)state;
	assert_int_equal(open_count(), 1);
	dns_check_cancel(check);
	assert_int_equal(open_count(), 0);
	check = start(&message);
	answer_own_mx(DNS_SECURE);
	assert_int_equal(open_count(), 1);
	dns_check_cancel(check);
	assert_int_equal(open_count(), 0);
	assert_int_equal(found.told, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_check, end_script)
	const struct CMUnitTest tests[] = {
		TEST(what_the_zone_has_signed_is_not_forged),
		TEST(a_signature_that_no_key_of_the_zone_made_is_forged),
		TEST(what_others_have_signed_is_forged),
		TEST(missing_signatures_count_where_they_were_asked_for),
		TEST(records_of_what_is_denied_are_forged),
		TEST(a_denial_of_what_is_there_is_forged_unless_nobody_asked_for_proof),
		TEST(a_proof_of_denial_is_verified),
		TEST(a_view_of_the_sites_own_is_none),
		TEST(ipv6_addresses_that_hold_the_ipv4_ones_are_dns64s),
		TEST(an_alias_is_verified_with_what_it_leads_to),
		TEST(where_a_look_up_fails_nothing_is_said),
		TEST(a_bogus_look_up_of_our_own_says_that_and_no_more),
		TEST(what_was_heard_may_be_bogus_too),
		TEST(what_cannot_be_read_to_its_end_is_not_checked),
		TEST(a_cancelled_check_leaves_no_question_and_is_not_told),
	};

	return cmocka_run_group_tests_name("policy/dns_check", tests, NULL, NULL);
}
