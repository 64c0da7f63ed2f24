/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/dns_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dns_message.h"

enum { COUNTS_AT = 6, ADDITIONAL_COUNT_AT = 10, DO = 0x8000 };

static struct dns_message parse_ok(const struct message *message)
{
	struct dns_message parsed;

	assert_int_equal(dns_message_parse(&parsed, against_the_end(message, message->len)),
	                 PARSE_OK);
	return parsed;
}

static unsigned count_records(const struct dns_message *message, bool *is_malformed)
{
	struct dns_walk walk = dns_walk_over(message);
	struct dns_resource resource;
	unsigned count = 0;

	while (dns_walk_next(&resource, &walk))
		count++;
	*is_malformed = walk.is_malformed;
	return count;
}

static void add_opt(struct message *message, uint32_t flags)
{
	size_t at = begin_record(message, "", DNS_TYPE_OPT, flags);

	end_record(message, at);
}

/* One record in the answer, one in the authority section, two beside them. */
static void build(struct message *message, uint32_t edns)
{
	begin(message, FOUND, "MX.example", DNS_TYPE_MX, 1, 1);
	put_u16(message->octets + ADDITIONAL_COUNT_AT, 2);
	add_mx(message, "mx.example", 10, "a.example");
	add_soa(message, 300, 60);
	add_a(message, "a.example", 0xc0000201, 100);
	add_opt(message, edns);
}

static void header_and_question_are_told(void **state)
{
	struct message message;
	struct dns_message parsed;

	(void)state;
	build(&message, 0);
	parsed = parse_ok(&message);
	assert_int_equal(parsed.id, 0x1234);
	assert_true(parsed.is_response);
	assert_int_equal(parsed.opcode, 0);
	assert_int_equal(parsed.rcode, DNS_RCODE_NOERROR);
	assert_false(parsed.is_truncated);
	assert_false(parsed.is_authoritative);
	assert_string_equal(parsed.name, "mx.example");
	assert_int_equal(parsed.type, DNS_TYPE_MX);
	assert_int_equal(parsed.class, 1);
	put_u16(message.octets + 2, 0x2e03);
	parsed = parse_ok(&message);
	assert_false(parsed.is_response);
	assert_true(parsed.is_truncated);
	assert_true(parsed.is_authoritative);
	assert_int_equal(parsed.opcode, 5);
	assert_int_equal(parsed.rcode, DNS_RCODE_NXDOMAIN);
}

static void records_come_in_order_with_their_sections(void **state)
{
	static const struct {
		enum dns_section section;
		uint16_t type;
		const char *owner;
	} want[] = {
		{ DNS_ANSWER_SECTION, DNS_TYPE_MX, "mx.example" },
		{ DNS_AUTHORITY_SECTION, DNS_TYPE_SOA, "example" },
		{ DNS_ADDITIONAL_SECTION, DNS_TYPE_A, "a.example" },
		{ DNS_ADDITIONAL_SECTION, DNS_TYPE_OPT, "" },
	};
	struct message message;
	struct dns_message parsed;
	struct dns_resource resource;
	struct dns_walk walk;
	size_t i;

	(void)state;
	build(&message, 0);
	parsed = parse_ok(&message);
	walk = dns_walk_over(&parsed);
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_true(dns_walk_next(&resource, &walk));
		assert_int_equal(resource.section, want[i].section);
		assert_int_equal(resource.type, want[i].type);
		assert_string_equal(resource.owner, want[i].owner);
	}
	assert_false(dns_walk_next(&resource, &walk));
	assert_false(walk.is_malformed);
}

static void the_do_bit_counts_only_in_edns(void **state)
{
	struct message message;
	struct dns_message parsed;

	(void)state;
	build(&message, DO);
	parsed = parse_ok(&message);
	assert_true(dns_message_is_dnssec(&parsed));
	build(&message, 0x7fff);
	parsed = parse_ok(&message);
	assert_false(dns_message_is_dnssec(&parsed));
	begin(&message, FOUND, "a.example", DNS_TYPE_A, 1, 0);
	add_a(&message, "a.example", 0xc0000201, DO);
	parsed = parse_ok(&message);
	assert_false(dns_message_is_dnssec(&parsed));
	/* In another section it is none. */
	begin(&message, FOUND, "a.example", DNS_TYPE_A, 1, 0);
	add_opt(&message, DO);
	parsed = parse_ok(&message);
	assert_false(dns_message_is_dnssec(&parsed));
}

static void a_message_cut_anywhere_has_the_records_before_the_cut(void **state)
{
	struct message message;
	struct dns_message parsed;
	unsigned before = 0;
	size_t len;

	(void)state;
	build(&message, DO);
	for (len = 0; len <= message.len; len++) {
		bool is_malformed;
		unsigned count;

		if (dns_message_parse(&parsed, against_the_end(&message, len)) != PARSE_OK) {
			assert_int_equal(before, 0);
			continue;
		}
		count = count_records(&parsed, &is_malformed);
		assert_true(count == before || count == before + 1);
		assert_int_equal(is_malformed, len < message.len);
		before = count;
	}
	assert_int_equal(before, 4);
}

static void no_octet_makes_it_read_beyond_its_end(void **state)
{
	static const uint8_t values[] = { 0x00, 0x3f, 0x40, 0xc0, 0xff };
	struct message message;
	size_t i, k;

	(void)state;
	build(&message, DO);
	for (i = 0; i < message.len; i++) {
		for (k = 0; k < sizeof(values); k++) {
			struct message changed = message;
			struct dns_message parsed;
			bool is_malformed;

			changed.octets[i] = values[k];
			if (dns_message_parse(&parsed, against_the_end(&changed, changed.len)) ==
			    PARSE_OK)
				assert_true(count_records(&parsed, &is_malformed) <= DNS_WALK_MAX);
		}
	}
}

static void counts_that_lie_end_at_the_end(void **state)
{
	static uint8_t many[11 * (DNS_WALK_MAX + 8)];
	struct message message;
	struct dns_message parsed;
	bool is_malformed;

	(void)state;
	build(&message, 0);
	put_u16(message.octets + COUNTS_AT, 0xffff);
	parsed = parse_ok(&message);
	assert_int_equal(count_records(&parsed, &is_malformed), 4);
	assert_true(is_malformed);
	/* Records of eleven octets each, more than are read of one message; the last is whole, too. */
	begin(&message, FOUND, "a.example", DNS_TYPE_A, DNS_WALK_MAX + 1, 0);
	memset(many, 0, sizeof(many));
	memcpy(many, message.octets, message.len);
	assert_int_equal(dns_message_parse(&parsed, bytes_of(many, sizeof(many))), PARSE_OK);
	assert_int_equal(count_records(&parsed, &is_malformed), DNS_WALK_MAX);
	assert_true(is_malformed);
}

static void a_name_that_points_at_itself_is_no_host(void **state)
{
	struct message message;
	struct dns_message parsed;
	struct dns_resource resource;
	struct dns_walk walk;

	(void)state;
	begin(&message, FOUND, "a.example", DNS_TYPE_A, 1, 0);
	add_u16(&message, POINTER | (unsigned)message.len);
	add_u16(&message, DNS_TYPE_A);
	add_u16(&message, 1);
	add_u32(&message, 60);
	add_u16(&message, 0);
	parsed = parse_ok(&message);
	walk = dns_walk_over(&parsed);
	assert_true(dns_walk_next(&resource, &walk));
	assert_string_equal(resource.owner, " ");
	assert_false(dns_walk_next(&resource, &walk));
	/* As a question it is none. */
	put_u16(message.octets + QUESTION_AT, POINTER | QUESTION_AT);
	assert_int_equal(dns_message_parse(&parsed, against_the_end(&message, message.len)),
	                 PARSE_MALFORMED);
}

static void more_or_fewer_questions_than_one_are_malformed(void **state)
{
	struct message message;
	struct dns_message parsed;

	(void)state;
	build(&message, 0);
	put_u16(message.octets + 4, 0);
	assert_int_equal(dns_message_parse(&parsed, against_the_end(&message, message.len)),
	                 PARSE_MALFORMED);
	put_u16(message.octets + 4, 2);
	assert_int_equal(dns_message_parse(&parsed, against_the_end(&message, message.len)),
	                 PARSE_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_and_question_are_told),
		cmocka_unit_test(records_come_in_order_with_their_sections),
		cmocka_unit_test(the_do_bit_counts_only_in_edns),
		cmocka_unit_test(a_message_cut_anywhere_has_the_records_before_the_cut),
		cmocka_unit_test(no_octet_makes_it_read_beyond_its_end),
		cmocka_unit_test(counts_that_lie_end_at_the_end),
		cmocka_unit_test(a_name_that_points_at_itself_is_no_host),
		cmocka_unit_test(more_or_fewer_questions_than_one_are_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
