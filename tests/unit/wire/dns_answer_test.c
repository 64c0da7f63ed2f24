/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/dns_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dns_message.h"

static enum parse_result parse(struct dns_answer *answer, const struct message *message, size_t len)
{
	return dns_answer_parse(answer, against_the_end(message, len));
}

static struct dns_answer parse_ok(const struct message *message)
{
	struct dns_answer answer;

	assert_int_equal(parse(&answer, message, message->len), PARSE_OK);
	return answer;
}

static void parse_malformed(const struct message *message)
{
	struct dns_answer answer;

	assert_int_equal(parse(&answer, message, message->len), PARSE_MALFORMED);
}

static void records_at_the_name_are_found_in_their_order(void **state)
{
	struct message message;
	struct dns_answer answer;
	struct dns_record record;

	(void)state;
	begin(&message, FOUND, "MX.Example", DNS_TYPE_A, 3, 0);
	add_a(&message, "mx.example", 0xc0000201, 300);
	add_a(&message, "other.example", 0xc0000299, 1);
	add_a(&message, "mX.eXAMPLE", 0xc0000202, 200);
	answer = parse_ok(&message);
	assert_string_equal(answer.name, "mx.example");
	assert_string_equal(answer.canonical, "mx.example");
	assert_false(dns_answer_has_alias(&answer));
	assert_int_equal(answer.type, DNS_TYPE_A);
	assert_int_equal(answer.rcode, DNS_RCODE_NOERROR);
	assert_int_equal(answer.record_count, 2);
	assert_int_equal(answer.ttl_s, 200);
	assert_true(dns_answer_record(&record, &answer, 0));
	assert_int_equal(record.data.data[3], 1);
	assert_true(dns_answer_record(&record, &answer, 1));
	assert_int_equal(record.data.data[3], 2);
	assert_int_equal(record.ttl_s, 200);
	assert_false(dns_answer_record(&record, &answer, 2));
}

static void the_chain_of_aliases_is_followed_whatever_its_order(void **state)
{
	struct message message;
	struct dns_answer answer;

	(void)state;
	begin(&message, FOUND, "a.example", DNS_TYPE_A, 3, 0);
	add_a(&message, "c.example", 0xc0000201, 300);
	add_alias(&message, "b.example", "c.example", 100);
	add_alias(&message, "a.example", "b.example", 200);
	answer = parse_ok(&message);
	assert_string_equal(answer.canonical, "c.example");
	assert_true(dns_answer_has_alias(&answer));
	assert_int_equal(answer.record_count, 1);
	assert_int_equal(answer.ttl_s, 100);
}

static void an_alias_asked_for_is_a_record_and_not_followed(void **state)
{
	struct message message;
	struct dns_answer answer;

	(void)state;
	begin(&message, FOUND, "a.example", DNS_TYPE_CNAME, 1, 0);
	add_alias(&message, "a.example", "b.example", 100);
	answer = parse_ok(&message);
	assert_string_equal(answer.canonical, "a.example");
	assert_int_equal(answer.record_count, 1);
}

static void a_loop_of_aliases_is_malformed(void **state)
{
	struct message message;

	(void)state;
	begin(&message, FOUND, "a.example", DNS_TYPE_A, 2, 0);
	add_alias(&message, "a.example", "b.example", 100);
	add_alias(&message, "b.example", "a.example", 100);
	parse_malformed(&message);
}

static void a_denial_holds_as_long_as_its_soa_says(void **state)
{
	static const struct {
		uint32_t ttl, minimum, want;
	} cases[] = { { 600, 300, 300 }, { 300, 600, 300 }, { 0x80000000, 600, 0 } };
	struct message message;
	struct dns_answer answer;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		begin(&message, ABSENT, "no.example", DNS_TYPE_MX, 0, 1);
		add_soa(&message, cases[i].ttl, cases[i].minimum);
		answer = parse_ok(&message);
		assert_int_equal(answer.rcode, DNS_RCODE_NXDOMAIN);
		assert_int_equal(answer.record_count, 0);
		assert_int_equal(answer.ttl_s, cases[i].want);
	}
	begin(&message, FOUND, "no.example", DNS_TYPE_MX, 0, 0);
	assert_int_equal(parse_ok(&message).ttl_s, 0);
}

static void records_of_another_class_do_not_count(void **state)
{
	struct message message;

	(void)state;
	begin(&message, FOUND, "a.example", DNS_TYPE_A, 1, 0);
	add_a(&message, "a.example", 0xc0000201, 300);
	/* The class stands before TTL, length and address. */
	put_u16(message.octets + message.len - 12, 3);
	assert_int_equal(parse_ok(&message).record_count, 0);
}

static void what_is_no_answer_to_one_question_is_malformed(void **state)
{
	struct message message;

	(void)state;
	begin(&message, 0x0100, "a.example", DNS_TYPE_A, 0, 0);
	parse_malformed(&message);
	begin(&message, FOUND, "a.example", DNS_TYPE_A, 0, 0);
	put_u16(message.octets + 4, 2);
	parse_malformed(&message);
	put_u16(message.octets + 4, 0);
	parse_malformed(&message);
	begin(&message, FOUND, "a.example", DNS_TYPE_A, 2, 0);
	add_a(&message, "a.example", 0xc0000201, 300);
	parse_malformed(&message);
}

static void mx_records_are_read_through_compression(void **state)
{
	struct message message;
	struct dns_answer answer;
	struct dns_record record;
	struct dns_mx mx;
	size_t at;

	(void)state;
	begin(&message, FOUND, "example", DNS_TYPE_MX, 3, 0);
	at = begin_record(&message, "example", DNS_TYPE_MX, 60);
	add_u16(&message, 10);
	add_u8(&message, 2);
	add_u8(&message, 'M');
	add_u8(&message, 'x');
	add_u16(&message, POINTER | QUESTION_AT);
	end_record(&message, at);
	add_mx(&message, "example", 0, "");
	add_mx(&message, "example", 65535, "mx.elsewhere");
	answer = parse_ok(&message);
	assert_int_equal(answer.record_count, 3);
	assert_true(dns_answer_record(&record, &answer, 0));
	assert_int_equal(dns_mx_parse(&mx, &answer, &record), PARSE_OK);
	assert_int_equal(mx.preference, 10);
	assert_string_equal(mx.host, "mx.example");
	assert_true(dns_answer_record(&record, &answer, 1));
	assert_int_equal(dns_mx_parse(&mx, &answer, &record), PARSE_OK);
	assert_string_equal(mx.host, "");
	assert_true(dns_answer_record(&record, &answer, 2));
	assert_int_equal(dns_mx_parse(&mx, &answer, &record), PARSE_OK);
	assert_int_equal(mx.preference, 65535);
}

static void an_mx_with_octets_too_many_or_too_few_is_malformed(void **state)
{
	struct message message;
	struct dns_answer answer;
	struct dns_record record;
	struct dns_mx mx;
	size_t at;

	(void)state;
	begin(&message, FOUND, "example", DNS_TYPE_MX, 3, 0);
	at = begin_record(&message, "example", DNS_TYPE_MX, 60);
	add_u16(&message, 10);
	add_name(&message, "mx.example");
	add_u8(&message, 0);
	end_record(&message, at);
	at = begin_record(&message, "example", DNS_TYPE_MX, 60);
	add_u8(&message, 10);
	end_record(&message, at);
	/* A host that reaches into the next record. */
	at = begin_record(&message, "example", DNS_TYPE_MX, 60);
	add_u16(&message, 10);
	add_u8(&message, 4);
	end_record(&message, at);
	answer = parse_ok(&message);
	assert_int_equal(answer.record_count, 3);
	for (at = 0; at < 3; at++) {
		assert_true(dns_answer_record(&record, &answer, at));
		assert_int_equal(dns_mx_parse(&mx, &answer, &record), PARSE_MALFORMED);
	}
}

/* Names of hosts: what would read as another name in text is none. */
static void labels_that_are_no_text_are_malformed(void **state)
{
	static const char bad[] = { '.', '\\', ' ', '\0', '\n', '\x7f', (char)0xc3 };
	struct message message;
	char text[DNS_NAME_TEXT_MAX];
	size_t i, at;

	(void)state;
	for (i = 0; i < sizeof(bad); i++) {
		message.len = 0;
		add_u8(&message, 3);
		add_u8(&message, 'a');
		add_u8(&message, (uint8_t)bad[i]);
		add_u8(&message, 'b');
		add_u8(&message, 0);
		at = 0;
		assert_int_equal(dns_name_parse(text, bytes_of(message.octets, message.len), &at),
		                 PARSE_MALFORMED);
		assert_int_equal(at, 0);
	}
}

static void an_odd_name_of_a_record_nobody_asked_for_does_no_harm(void **state)
{
	struct message message;
	size_t at;

	(void)state;
	begin(&message, FOUND, "a.example", DNS_TYPE_A, 2, 0);
	at = begin_record(&message, "b c.example", DNS_TYPE_A, 300);
	add_u32(&message, 1);
	end_record(&message, at);
	add_a(&message, "a.example", 0xc0000201, 300);
	assert_int_equal(parse_ok(&message).record_count, 1);
}

static void an_alias_to_a_name_that_is_no_host_is_malformed(void **state)
{
	struct message message;

	(void)state;
	begin(&message, FOUND, "a.example", DNS_TYPE_A, 1, 0);
	add_alias(&message, "a.example", "b c.example", 300);
	parse_malformed(&message);
}

static void names_end_at_255_octets(void **state)
{
	struct message message;
	char text[DNS_NAME_TEXT_MAX];
	size_t last, i;

	(void)state;
	/* Three labels of 63 and one of `last`: 3 * 64 + 1 + last + 1 octets. */
	for (last = 61; last <= 62; last++) {
		size_t at = 0;

		message.len = 0;
		for (i = 0; i < 3 * 64; i++)
			add_u8(&message, i % 64 == 0 ? 63 : 'a');
		add_u8(&message, (unsigned)last);
		for (i = 0; i < last; i++)
			add_u8(&message, 'b');
		add_u8(&message, 0);
		assert_int_equal(dns_name_parse(text, bytes_of(message.octets, message.len), &at),
		                 last == 61 ? PARSE_OK : PARSE_MALFORMED);
	}
}

static void pointers_lead_back_only(void **state)
{
	static const struct {
		uint8_t octets[6];
		size_t len, at;
	} bad[] = {
		{ { 0xc0, 0x00 }, 2, 0 },             /* itself */
		{ { 0xc0, 0x02, 0x00 }, 3, 0 },       /* forward */
		{ { 1, 'a', 0xc0, 0x00 }, 4, 0 },     /* round and round */
		{ { 0xc0, 0x02, 0xc0, 0x00 }, 4, 2 }, /* two that point at each other */
		{ { 0xc0 }, 1, 0 },                   /* cut */
		{ { 0x41, 'a', 0x00 }, 3, 0 },        /* types that do not exist */
		{ { 0x81, 'a', 0x00 }, 3, 0 },
		{ { 1, 'a' }, 2, 0 },
		{ { 0 }, 0, 0 },
	};
	char text[DNS_NAME_TEXT_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t at = bad[i].at;

		if (dns_name_parse(text, bytes_of(bad[i].octets, bad[i].len), &at) !=
		    PARSE_MALFORMED)
			fail_msg("case %zu gave \"%s\"", i, text);
	}
}

static void a_name_has_no_more_pointers_than_it_may_have_labels(void **state)
{
	char text[DNS_NAME_TEXT_MAX];
	size_t pointers, at;

	(void)state;
	for (pointers = 1; pointers < 300; pointers++) {
		struct message message = { .len = 0 };

		add_u8(&message, 1);
		add_u8(&message, 'a');
		add_u8(&message, 0);
		for (at = 0; message.len < 3 + 2 * pointers; at = message.len - 2)
			add_u16(&message, 0xc000 | (unsigned)at);
		assert_int_equal(dns_name_parse(text, bytes_of(message.octets, message.len), &at),
		                 pointers <= 127 ? PARSE_OK : PARSE_MALFORMED);
		if (pointers <= 127)
			assert_string_equal(text, "a");
	}
}

static void a_cut_answer_is_malformed_at_every_length(void **state)
{
	struct message message;
	struct dns_answer answer;
	size_t len;

	(void)state;
	begin(&message, FOUND, "a.example", DNS_TYPE_MX, 3, 0);
	add_alias(&message, "a.example", "example", 100);
	add_mx(&message, "example", 10, "mx.example");
	add_mx(&message, "example", 20, "mx2.example");
	parse_ok(&message);
	for (len = 0; len < message.len; len++)
		assert_int_equal(parse(&answer, &message, len), PARSE_MALFORMED);
}

/* One octet at a time takes every value: whatever comes of it stays within the message. */
static void no_single_octet_leads_outside(void **state)
{
	struct message message;
	size_t at;
	unsigned value;

	(void)state;
	begin(&message, FOUND, "a.example", DNS_TYPE_MX, 3, 1);
	add_alias(&message, "a.example", "example", 100);
	add_mx(&message, "example", 10, "mx.example");
	add_mx(&message, "example", 20, "mx2.example");
	add_soa(&message, 1, 1);
	for (at = 0; at < message.len; at++) {
		struct message changed = message;

		for (value = 0; value < 256; value++) {
			struct dns_answer answer;
			struct dns_record record;
			struct dns_mx mx;
			size_t i;

			changed.octets[at] = (uint8_t)value;
			if (parse(&answer, &changed, changed.len) != PARSE_OK)
				continue;
			for (i = 0; dns_answer_record(&record, &answer, i); i++)
				(void)dns_mx_parse(&mx, &answer, &record);
			assert_int_equal(i, answer.record_count);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_at_the_name_are_found_in_their_order),
		cmocka_unit_test(the_chain_of_aliases_is_followed_whatever_its_order),
		cmocka_unit_test(an_alias_asked_for_is_a_record_and_not_followed),
		cmocka_unit_test(a_loop_of_aliases_is_malformed),
		cmocka_unit_test(a_denial_holds_as_long_as_its_soa_says),
		cmocka_unit_test(records_of_another_class_do_not_count),
		cmocka_unit_test(what_is_no_answer_to_one_question_is_malformed),
		cmocka_unit_test(mx_records_are_read_through_compression),
		cmocka_unit_test(an_mx_with_octets_too_many_or_too_few_is_malformed),
		cmocka_unit_test(labels_that_are_no_text_are_malformed),
		cmocka_unit_test(an_odd_name_of_a_record_nobody_asked_for_does_no_harm),
		cmocka_unit_test(an_alias_to_a_name_that_is_no_host_is_malformed),
		cmocka_unit_test(names_end_at_255_octets),
		cmocka_unit_test(pointers_lead_back_only),
		cmocka_unit_test(a_name_has_no_more_pointers_than_it_may_have_labels),
		cmocka_unit_test(a_cut_answer_is_malformed_at_every_length),
		cmocka_unit_test(no_single_octet_leads_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
