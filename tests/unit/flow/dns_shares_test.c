/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/dns_shares.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../wire/dns_message.h"

enum { NOW_MS = 1000000 };

static int set_up(void **state)
{
	static const uint8_t secret[TABLE_SECRET_LEN];

	*state = dns_shares_new(secret);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	dns_shares_free(*state);
	return 0;
}

static struct dns_message named(struct message *message, const char *name, unsigned type)
{
	struct dns_message out;

	begin(message, FOUND, name, type, 0, 0);
	assert_int_equal(dns_message_parse(&out, bytes_of(message->octets, message->len)),
	                 PARSE_OK);
	return out;
}

/* How many of these a client may take in that second, up to `most`. */
static unsigned taken(struct dns_shares *shares, const char *client, unsigned type, unsigned most,
                      uint64_t now_ms)
{
	struct address address;
	struct message message;
	unsigned count = 0;

	assert_true(address_parse(&address, client));
	for (unsigned i = 0; i < most; i++) {
		struct dns_message answer;
		char name[32];

		(void)snprintf(name, sizeof(name), "d%u.example", i);
		answer = named(&message, name, type);
		count += dns_shares_take(shares, &address, &answer, false, now_ms);
	}
	return count;
}

static void a_client_takes_a_half_and_all_together_no_more_than_the_bound(void **state)
{
	unsigned more = 2 * DNS_SHARES_MAIL_RATE;

	assert_int_equal(taken(*state, "192.0.2.1", DNS_TYPE_MX, more, NOW_MS),
	                 DNS_SHARES_MAIL_RATE / 2);
	assert_int_equal(taken(*state, "192.0.2.2", DNS_TYPE_TLSA, more, NOW_MS),
	                 DNS_SHARES_MAIL_RATE / 2);
	assert_int_equal(taken(*state, "192.0.2.3", DNS_TYPE_MX, more, NOW_MS), 0);
	assert_int_equal(taken(*state, "192.0.2.3", DNS_TYPE_A, 100, NOW_MS), 100);
	assert_int_equal(taken(*state, "192.0.2.3", DNS_TYPE_MX, 100, NOW_MS + 1000), 100);
}

static void a_flood_of_other_names_hides_none_that_matters(void **state)
{
	struct message message;
	struct dns_message answer;
	struct address client;
	unsigned i;

	(void)taken(*state, "192.0.2.1", DNS_TYPE_MX, 2 * DNS_SHARES_MAIL_RATE, NOW_MS);
	assert_true(address_parse(&client, "192.0.2.1"));
	answer = named(&message, "bank.example", DNS_TYPE_MX);
	assert_false(dns_shares_take(*state, &client, &answer, false, NOW_MS));
	for (i = 0; i < DNS_SHARES_NAME_RATE; i++)
		assert_true(dns_shares_take(*state, &client, &answer, true, NOW_MS));
	assert_false(dns_shares_take(*state, &client, &answer, true, NOW_MS));
	/* Each has its own bound. */
	answer = named(&message, "bank2.example", DNS_TYPE_MX);
	assert_true(dns_shares_take(*state, &client, &answer, true, NOW_MS));
	answer = named(&message, "bank.example", DNS_TYPE_MX);
	assert_true(dns_shares_take(*state, &client, &answer, true, NOW_MS + 1000));
}

static bool follows(struct dns_shares *shares, const char *name, unsigned type, uint64_t now_ms)
{
	struct message message;
	struct dns_message answer = named(&message, name, type);

	return dns_shares_follows(shares, &answer, now_ms);
}

static void where_an_answer_that_matters_leads_matters_too(void **state)
{
	struct message message;
	struct dns_message answer;

	begin(&message, FOUND, "bank.example", DNS_TYPE_MX, 2, 0);
	add_alias(&message, "bank.example", "alias.example", 60);
	add_mx(&message, "alias.example", 1, "mx.evil.example");
	assert_int_equal(dns_message_parse(&answer, bytes_of(message.octets, message.len)),
	                 PARSE_OK);
	dns_shares_follow(*state, &answer, NOW_MS);
	assert_true(follows(*state, "mx.evil.example", DNS_TYPE_A, NOW_MS));
	assert_true(follows(*state, "_25._tcp.mx.evil.example", DNS_TYPE_TLSA, NOW_MS));
	assert_true(follows(*state, "alias.example", DNS_TYPE_MX, NOW_MS));
	assert_false(follows(*state, "mx.other.example", DNS_TYPE_A, NOW_MS));
	assert_false(follows(*state, "_25._tcp.mx.evil.example", DNS_TYPE_A, NOW_MS));
	assert_false(
		follows(*state, "mx.evil.example", DNS_TYPE_A, NOW_MS + DNS_SHARES_FOLLOWED_MS));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_client_takes_a_half_and_all_together_no_more_than_the_bound),
		TEST(a_flood_of_other_names_hides_none_that_matters),
		TEST(where_an_answer_that_matters_leads_matters_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
