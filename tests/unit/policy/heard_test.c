/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/heard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "heard_world.h"

static void both_steps_make_a_candidate_in_either_order(void **state)
{
	struct fixture *fixture = *state;
	struct message mx = mx_of("example.org", "mx.example.net");
	struct message a = a_of("mx.example.net", 1, 300);
	struct message mx_too = mx_of("example.com", "mx.example.net");

	assert_true(hear(fixture, &mx, NOW_MS));
	assert_int_equal(fixture->count, 0);
	assert_true(hear(fixture, &a, NOW_MS));
	assert_int_equal(fixture->count, 1);
	assert_told(fixture, 0, "example.org", 1);
	assert_true(hear(fixture, &mx_too, NOW_MS));
	assert_int_equal(fixture->count, 2);
	assert_told(fixture, 1, "example.com", 1);
	/* Another address is one for both, the last heard first. */
	a = a_of("mx.example.net", 2, 300);
	assert_true(hear_for(fixture, "192.0.2.77", &a, NOW_MS));
	assert_int_equal(fixture->count, 4);
	assert_told(fixture, 2, "example.com", 2);
	assert_told(fixture, 3, "example.org", 2);
}

static void addresses_beside_the_mx_count_for_its_hosts_alone(void **state)
{
	struct fixture *fixture = *state;
	struct message message;

	begin(&message, FOUND, "example.org", DNS_TYPE_MX, 1, 0);
	put_u16(message.octets + ADDITIONAL_COUNT_AT, 2);
	add_mx(&message, "example.org", 10, "mx.example.org");
	add_a(&message, "mx.example.org", 0xc6336405, 300);
	add_a(&message, "www.example.net", 0xc6336406, 300);
	assert_true(hear(fixture, &message, NOW_MS));
	assert_int_equal(fixture->count, 1);
	assert_told(fixture, 0, "example.org", 5);
	assert_true(heard_names_host(fixture->heard, "mx.example.org", NOW_MS));
	assert_false(heard_names_host(fixture->heard, "www.example.net", NOW_MS));
	message = mx_of("example.net", "www.example.net");
	assert_true(hear(fixture, &message, NOW_MS));
	assert_int_equal(fixture->count, 1);
}

static void aliases_are_followed(void **state)
{
	struct fixture *fixture = *state;
	struct message message = mx_of("example.org", "mx.example.org");

	assert_true(hear(fixture, &message, NOW_MS));
	begin(&message, FOUND, "mx.example.org", DNS_TYPE_A, 2, 0);
	add_alias(&message, "mx.example.org", "cloud.example.net", 300);
	add_a(&message, "cloud.example.net", 0xc6336407, 300);
	assert_true(hear(fixture, &message, NOW_MS));
	assert_told(fixture, 0, "example.org", 7);
}

static void add_beside(struct message *message, const char *host, unsigned last)
{
	add_a(message, host, 0xc6336400 + last, 300);
	message->octets[ADDITIONAL_COUNT_AT + 1]++;
}

/* A stranger names another's host as his own, with an address that is a third one's. */
static void an_address_beside_the_mx_of_one_domain_is_none_of_another_with_that_host(void **state)
{
	struct fixture *fixture = *state;
	struct message watched = mx_of("watched.example", "mx.watched.example");
	struct message evil = mx_of("evil.example", "mx.watched.example");
	struct message a = a_of("mx.watched.example", 1, 300);

	assert_true(hear(fixture, &watched, NOW_MS));
	assert_true(hear(fixture, &a, NOW_MS));
	assert_int_equal(fixture->count, 1);
	for (unsigned i = 0; i < 2 * HEARD_PLACES_MAX; i++)
		add_beside(&evil, "mx.watched.example", 100 + i);
	assert_true(hear(fixture, &evil, NOW_MS));
	fixture->count = 0;
	heard_repeat(fixture->heard, "watched.example", NOW_MS);
	assert_int_equal(fixture->count, 1);
	assert_told(fixture, 0, "watched.example", 1);
	heard_repeat(fixture->heard, "evil.example", NOW_MS);
	assert_int_equal(fixture->count, 1 + HEARD_PLACES_MAX);
	/* Addresses of the host itself come first. */
	for (unsigned i = 0; i < HEARD_PLACES_MAX; i++) {
		a = a_of("mx.watched.example", 50 + i, 60);
		assert_true(hear(fixture, &a, NOW_MS));
	}
	assert_true(hear(fixture, &evil, NOW_MS));
	fixture->count = 0;
	heard_repeat(fixture->heard, "watched.example", NOW_MS);
	assert_int_equal(fixture->count, HEARD_PLACES_MAX);
}

static void a_domain_without_mx_is_its_own_host(void **state)
{
	struct fixture *fixture = *state;
	struct message message;

	begin(&message, FOUND, "a.example", DNS_TYPE_MX, 0, 1);
	add_soa(&message, 300, 300);
	assert_true(hear(fixture, &message, NOW_MS));
	message = a_of("a.example", 8, 300);
	assert_true(hear(fixture, &message, NOW_MS));
	assert_int_equal(fixture->count, 1);
	assert_told(fixture, 0, "a.example", 8);
	/* One that is not there at all is none; nor is a null MX. */
	begin(&message, ABSENT, "b.example", DNS_TYPE_MX, 0, 1);
	add_soa(&message, 300, 300);
	assert_true(hear(fixture, &message, NOW_MS));
	message = mx_of("c.example", "");
	assert_true(hear(fixture, &message, NOW_MS));
	message = a_of("b.example", 9, 300);
	assert_true(hear(fixture, &message, NOW_MS));
	message = a_of("c.example", 9, 300);
	assert_true(hear(fixture, &message, NOW_MS));
	assert_int_equal(fixture->count, 1);
}

static void a_referral_says_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct message message;
	size_t at;

	begin(&message, FOUND, "a.example", DNS_TYPE_MX, 0, 1);
	at = begin_record(&message, "example", DNS_TYPE_NS, 300);
	add_name(&message, "ns.example");
	end_record(&message, at);
	assert_false(hear(fixture, &message, NOW_MS));
	assert_int_equal(heard_count(fixture->heard), 0);
}

static void each_lives_as_long_as_its_ttl_within_bounds(void **state)
{
	static const struct {
		uint32_t ttl, want;
	} cases[] = { { 0, 60 }, { 59, 60 }, { 600, 600 }, { 86400, 3600 }, { 0x80000000, 60 } };
	struct fixture *fixture = *state;
	struct message message;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char host[32];

		(void)snprintf(host, sizeof(host), "mx%zu.example", i);
		begin(&message, FOUND, "example.org", DNS_TYPE_MX, 1, 0);
		size_t at = begin_record(&message, "example.org", DNS_TYPE_MX, 86400);
		add_u16(&message, 10);
		add_name(&message, host);
		end_record(&message, at);
		assert_true(hear(fixture, &message, NOW_MS));
		message = a_of(host, 1, cases[i].ttl);
		assert_true(hear(fixture, &message, NOW_MS));
		assert_int_equal(fixture->count, i + 1);
		assert_int_equal(fixture->told[i].life_s, cases[i].want);
	}
}

static void what_is_over_is_no_candidate_and_goes(void **state)
{
	struct fixture *fixture = *state;
	struct message mx = mx_of("example.org", "mx.example.org");
	struct message a = a_of("mx.example.org", 1, 300);
	uint64_t later_ms = NOW_MS + 60 * 1000;

	assert_true(hear(fixture, &mx, NOW_MS));
	assert_true(heard_names_host(fixture->heard, "mx.example.org", later_ms - 1));
	assert_false(heard_names_host(fixture->heard, "mx.example.org", later_ms));
	assert_true(hear(fixture, &a, later_ms));
	assert_int_equal(fixture->count, 0);
	heard_sweep(fixture->heard, later_ms);
	assert_int_equal(heard_count(fixture->heard), 1);
	heard_sweep(fixture->heard, later_ms + 300 * 1000);
	assert_int_equal(heard_count(fixture->heard), 0);
}

static void what_another_client_was_told_takes_nothing_from_the_first(void **state)
{
	struct fixture *fixture = *state;
	struct message message = mx_of("example.org", "forged.example.net");

	assert_true(hear(fixture, &message, NOW_MS));
	message = mx_of("example.org", "mx.example.org");
	assert_true(hear_for(fixture, "192.0.2.77", &message, NOW_MS + 1));
	assert_true(heard_names_host(fixture->heard, "forged.example.net", NOW_MS + 1));
	message = a_of("forged.example.net", 1, 300);
	assert_true(hear(fixture, &message, NOW_MS + 2));
	assert_int_equal(fixture->count, 1);
	assert_told(fixture, 0, "example.org", 1);
	message = a_of("mx.example.org", 2, 300);
	assert_true(hear_for(fixture, "192.0.2.77", &message, NOW_MS + 2));
	assert_int_equal(fixture->count, 2);
	assert_told(fixture, 1, "example.org", 2);
	/* To the end of its own TTL. */
	message = mx_of("example.org", "mx.example.org");
	assert_true(hear(fixture, &message, NOW_MS + 59 * 1000));
	assert_false(heard_names_host(fixture->heard, "forged.example.net", NOW_MS + 60 * 1000));
	assert_true(heard_names_host(fixture->heard, "mx.example.org", NOW_MS + 60 * 1000));
}

/* However long they last: each ends before the one heard before it. */
static void of_too_many_hosts_those_stay_that_were_heard_last(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned i = 0; i <= HEARD_HOSTS_MAX; i++) {
		char host[32];
		struct message message;

		(void)snprintf(host, sizeof(host), "mx%u.example", i);
		message = mx_of("example.org", host);
		assert_true(hear(fixture, &message, NOW_MS + HEARD_HOSTS_MAX - i));
	}
	assert_false(heard_names_host(fixture->heard, "mx0.example", NOW_MS + HEARD_HOSTS_MAX));
	assert_true(heard_names_host(fixture->heard, "mx1.example", NOW_MS + HEARD_HOSTS_MAX));
	assert_true(heard_names_host(fixture->heard, "mx64.example", NOW_MS + HEARD_HOSTS_MAX));
}

static void all_answers_of_one_moment_have_room_with_the_hosts_that_they_prefer(void **state)
{
	struct fixture *fixture = *state;
	struct message message, a = a_of("mx39.a0.example", 1, 300);

	for (unsigned k = 0; k < HEARD_HOSTS_MAX / HEARD_ANSWER_HOSTS_MAX; k++) {
		begin(&message, FOUND, "example.org", DNS_TYPE_MX, 40, 0);
		for (unsigned i = 0; i < 40; i++) {
			char host[32];

			(void)snprintf(host, sizeof(host), "mx%u.a%u.example", i, k);
			add_mx(&message, "example.org", 40 - i, host);
		}
		assert_true(hear(fixture, &message, NOW_MS));
	}
	assert_false(heard_names_host(fixture->heard, "mx23.a0.example", NOW_MS));
	assert_true(heard_names_host(fixture->heard, "mx24.a0.example", NOW_MS));
	assert_true(hear(fixture, &a, NOW_MS));
	assert_int_equal(fixture->count, 1);
}

static void one_answer_tells_only_so_many_candidates(void **state)
{
	struct fixture *fixture = *state;
	struct message message;
	unsigned i;

	for (i = 0; i < HEARD_CANDIDATES_MAX + 50; i++) {
		char domain[32];

		(void)snprintf(domain, sizeof(domain), "d%u.example", i);
		message = mx_of(domain, "mx.example.net");
		assert_true(hear(fixture, &message, NOW_MS));
	}
	message = a_of("mx.example.net", 1, 300);
	assert_true(hear(fixture, &message, NOW_MS));
	assert_int_equal(fixture->count, HEARD_CANDIDATES_MAX);
	assert_told(fixture, 0, "d305.example", 1);
}

static void of_many_domains_at_one_host_the_one_that_matters_is_told_first(void **state)
{
	struct fixture *fixture = *state;
	struct message message = mx_of("bank.example", "mx.example.net");
	unsigned i;

	fixture->matters = true;
	assert_true(hear(fixture, &message, NOW_MS));
	fixture->matters = false;
	for (i = 0; i < HEARD_CANDIDATES_MAX + 50; i++) {
		char domain[32];

		(void)snprintf(domain, sizeof(domain), "d%u.example", i);
		message = mx_of(domain, "mx.example.net");
		assert_true(hear(fixture, &message, NOW_MS));
	}
	message = a_of("mx.example.net", 1, 300);
	assert_true(hear(fixture, &message, NOW_MS));
	assert_int_equal(fixture->count, HEARD_CANDIDATES_MAX);
	assert_told(fixture, 0, "bank.example", 1);
}

/* Domains and hosts of its own, one after the other. */
static void storm(struct fixture *fixture, const char *client, unsigned count)
{
	struct message message;
	char domain[48], host[48];
	unsigned i;

	for (i = 0; i < count; i++) {
		(void)snprintf(domain, sizeof(domain), "d%u.storm.example", i);
		(void)snprintf(host, sizeof(host), "mx%u.storm.example", i);
		message = mx_of(domain, host);
		(void)hear_for(fixture, client, &message, NOW_MS);
		(void)snprintf(host, sizeof(host), "www%u.storm.example", i);
		message = a_of(host, 9, 300);
		(void)hear_for(fixture, client, &message, NOW_MS);
	}
}

static void a_storm_pushes_out_its_own_and_stays_within_bounds(void **state)
{
	struct fixture *fixture = *state;
	struct message quiet = mx_of("quiet.example", "mx.quiet.example");
	struct message a = a_of("mx.quiet.example", 1, 300);
	struct message first = a_of("mx0.storm.example", 1, 300);

	assert_true(hear_for(fixture, "192.0.2.1", &quiet, NOW_MS));
	storm(fixture, "192.0.2.99", HEARD_DOMAINS_MAX + 500);
	assert_true(heard_count(fixture->heard) <=
	            HEARD_DOMAINS_MAX + HEARD_NAMED_MAX + HEARD_UNNAMED_MAX);
	assert_true(heard_count(fixture->heard) > HEARD_DOMAINS_MAX + HEARD_NAMED_MAX);
	assert_true(hear_for(fixture, "192.0.2.1", &a, NOW_MS));
	assert_int_equal(fixture->count, 1);
	assert_told(fixture, 0, "quiet.example", 1);
	assert_true(hear_for(fixture, "192.0.2.1", &first, NOW_MS));
	assert_int_equal(fixture->count, 1);
	assert_true(heard_names_host(fixture->heard, "mx8000.storm.example", NOW_MS));
	heard_sweep(fixture->heard, NOW_MS + 3600 * 1000);
	assert_int_equal(heard_count(fixture->heard), 0);
}

/* Of the same client: the resolver that everybody's questions go through. */
static void a_storm_pushes_out_nothing_that_matters(void **state)
{
	struct fixture *fixture = *state;
	struct message mx = mx_of("bank.example", "mx.evil.example");
	struct message a = a_of("mx.evil.example", 1, 300);

	fixture->matters = true;
	assert_true(hear(fixture, &mx, NOW_MS));
	fixture->matters = false;
	storm(fixture, "192.0.2.2", HEARD_DOMAINS_MAX + 500);
	assert_true(hear(fixture, &a, NOW_MS));
	assert_int_equal(fixture->count, 1);
	assert_told(fixture, 0, "bank.example", 1);
	/* What ceases to matter is one of many again. */
	assert_true(hear(fixture, &mx, NOW_MS));
	heard_sweep(fixture->heard, NOW_MS + 3600 * 1000);
	assert_int_equal(heard_count(fixture->heard), 0);
}

static void addresses_of_one_network_are_one_client(void **state)
{
	struct fixture *fixture = *state;
	struct message quiet = mx_of("quiet.example", "mx.quiet.example");
	char client[48];
	unsigned i;

	assert_true(hear_for(fixture, "2001:db8:1::1", &quiet, NOW_MS));
	for (i = 0; i < HEARD_CLIENTS_MAX * 2; i++) {
		(void)snprintf(client, sizeof(client), "2001:db8:2::%x", i + 1);
		storm(fixture, client, 1);
	}
	assert_true(heard_names_host(fixture->heard, "mx.quiet.example", NOW_MS));
	/* So many networks are too many: the one unused for longest goes, with all it had. */
	for (i = 0; i < HEARD_CLIENTS_MAX; i++) {
		(void)snprintf(client, sizeof(client), "2001:db8:3:%x::1", i);
		storm(fixture, client, 1);
	}
	assert_false(heard_names_host(fixture->heard, "mx.quiet.example", NOW_MS));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(both_steps_make_a_candidate_in_either_order),
		TEST(addresses_beside_the_mx_count_for_its_hosts_alone),
		TEST(aliases_are_followed),
		TEST(an_address_beside_the_mx_of_one_domain_is_none_of_another_with_that_host),
		TEST(a_domain_without_mx_is_its_own_host),
		TEST(a_referral_says_nothing),
		TEST(each_lives_as_long_as_its_ttl_within_bounds),
		TEST(what_is_over_is_no_candidate_and_goes),
		TEST(what_another_client_was_told_takes_nothing_from_the_first),
		TEST(of_too_many_hosts_those_stay_that_were_heard_last),
		TEST(all_answers_of_one_moment_have_room_with_the_hosts_that_they_prefer),
		TEST(of_many_domains_at_one_host_the_one_that_matters_is_told_first),
		TEST(a_storm_pushes_out_nothing_that_matters),
		TEST(one_answer_tells_only_so_many_candidates),
		TEST(a_storm_pushes_out_its_own_and_stays_within_bounds),
		TEST(addresses_of_one_network_are_one_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
