/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/promise_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "promise_cache_fixture.h"

/* What answers of every source ask at one address, and who stands there. */

static const char here[] = "192.0.2.1";

enum { TTL_S = 60, LATER = NOW + TTL_S * 1000 + 1, STRANGERS = 40 };

static const struct promise by_dane = { .state = PROMISE_KEY, .source = SOURCE_DANE };
static const struct promise by_policy = { .state = PROMISE_KEY, .source = SOURCE_MTA_STS };
static const struct promise in_testing = { .state = PROMISE_KEY,
	                                   .source = SOURCE_MTA_STS,
	                                   .only_alerts = true };
static const struct promise nothing = { .state = PROMISE_NONE };

static struct destination *begin_as(struct fixture *fixture, const char *name,
                                    enum mx_state mx_state)
{
	struct destination *destination = begin(fixture, name, TTL_S);

	destination->mx_state = mx_state;
	return destination;
}

static const struct hop *hop_at(struct fixture *fixture, const char *name, const char *address)
{
	assert_int_equal(find(fixture, name, address, NOW), CACHE_FRESH);
	return &fixture->hop;
}

static size_t count_at(struct fixture *fixture, uint64_t now_ms)
{
	struct address place = at(here);

	return promise_cache_at(fixture->hops, fixture->cache, &place, now_ms);
}

static bool has_next_hop(struct fixture *fixture)
{
	struct address place = at(here);

	return promise_cache_next_hop(&fixture->hop, fixture->cache, &place);
}

static void add_strangers(struct fixture *fixture, struct promise promise)
{
	char name[64];

	for (int i = 0; i < STRANGERS; i++) {
		snprintf(name, sizeof(name), "stranger%d.example", i);
		add_mx(begin_as(fixture, name, MX_FOUND), name, promise, here);
		put(fixture, NOW);
	}
}

static void all_who_name_an_address_are_there(void **state)
{
	struct fixture *fixture = *state;

	add_mx(begin_as(fixture, "example.org", MX_FOUND), "mx.example.org", by_policy, here);
	put(fixture, NOW);
	add_mx(begin_as(fixture, "mx.example.org", MX_HOST), "mx.example.org", by_dane, here);
	put(fixture, NOW);
	assert_int_equal(count_at(fixture, NOW), 2);
	assert_true((fixture->hops[0].domain[0] == '\0') != (fixture->hops[1].domain[0] == '\0'));
	assert_int_equal(count_at(fixture, LATER), 0);
}

static void a_smart_host_is_known_by_its_address_even_when_its_answer_is_over(void **state)
{
	struct fixture *fixture = *state;
	struct destination *relay = begin_as(fixture, "relay.example", MX_HOST);

	assert_false(has_next_hop(fixture));
	relay->is_next_hop = true;
	add_mx(relay, "relay.example", nothing, here);
	put(fixture, NOW);
	assert_true(has_next_hop(fixture));
	assert_string_equal(fixture->hop.mx, "relay.example");
	assert_string_equal(fixture->hop.domain, "");
	assert_int_equal(count_at(fixture, LATER), 0);
	assert_true(has_next_hop(fixture));
}

static void a_host_that_is_no_smart_host_is_none(void **state)
{
	struct fixture *fixture = *state;

	add_mx(begin_as(fixture, "mx.example.org", MX_HOST), "mx.example.org", by_dane, here);
	put(fixture, NOW);
	assert_false(has_next_hop(fixture));
}

static void strangers_promises_do_not_drive_out_a_smart_host_or_a_known_domain(void **state)
{
	struct fixture *fixture = *state;
	struct destination *destination = begin_as(fixture, "relay.example", MX_HOST);
	size_t count, known = 0;

	destination->is_next_hop = true;
	add_mx(destination, "relay.example", nothing, here);
	put(fixture, NOW);
	destination = begin_as(fixture, "known.example", MX_FOUND);
	destination->is_established = true;
	add_mx(destination, "mx.known.example", nothing, here);
	put(fixture, NOW);
	add_strangers(fixture, by_policy);
	assert_true(has_next_hop(fixture));
	count = count_at(fixture, NOW);
	assert_int_equal(count, PROMISE_CACHE_MENTIONS_MAX);
	for (size_t i = 0; i < count; i++)
		known += strcmp(fixture->hops[i].domain, "known.example") == 0 &&
		         fixture->hops[i].is_established;
	assert_int_equal(known, 1);
}

/* Whoever fills the memory of a guard with his names must not have it forget whom the operator named. */
static void a_smart_host_that_is_used_is_not_forgotten_among_many_addresses(void **state)
{
	struct fixture *fixture = *state;
	struct destination *relay = begin_as(fixture, "relay.example", MX_HOST);
	char name[64], address[64];

	relay->is_next_hop = true;
	add_mx(relay, "relay.example", nothing, here);
	put(fixture, NOW);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "stranger%d.example", i);
		snprintf(address, sizeof(address), "198.51.%d.%d", i / 250, i % 250);
		add_mx(begin_as(fixture, name, MX_FOUND), name, by_policy, address);
		put(fixture, NOW);
		assert_true(has_next_hop(fixture));
	}
}

static void an_mx_host_of_the_domain_is_found_whatever_its_address(void **state)
{
	struct fixture *fixture = *state;
	struct destination *destination = begin_as(fixture, "example.org", MX_FOUND);

	add_mx(destination, "mx1.example.org", by_dane, here);
	add_mx(destination, "mx2.example.org", nothing, "192.0.2.2")->is_excluded = true;
	put(fixture, NOW);
	assert_true(promise_cache_find_mx(&fixture->hop, fixture->cache, "example.org",
	                                  "mx1.example.org"));
	assert_int_equal(fixture->hop.place, PLACE_MX);
	assert_int_equal(fixture->hop.promise.state, PROMISE_KEY);
	assert_true(promise_cache_find_mx(&fixture->hop, fixture->cache, "example.org",
	                                  "mx2.example.org"));
	assert_int_equal(fixture->hop.place, PLACE_EXCLUDED);
	assert_false(promise_cache_find_mx(&fixture->hop, fixture->cache, "example.org",
	                                   "mx.evil.example"));
	assert_false(promise_cache_find_mx(&fixture->hop, fixture->cache, "evil.example",
	                                   "mx1.example.org"));
	/* Of the latest answer only. */
	add_mx(begin_as(fixture, "example.org", MX_FOUND), "mx2.example.org", nothing, "192.0.2.2");
	put(fixture, NOW);
	assert_false(promise_cache_find_mx(&fixture->hop, fixture->cache, "example.org",
	                                   "mx1.example.org"));
}

static void what_a_host_promises_no_more_is_forgotten_whoever_named_it(void **state)
{
	struct fixture *fixture = *state;

	add_mx(begin_as(fixture, "a.example", MX_FOUND), "mx.example.org", by_dane, here);
	put(fixture, NOW);
	assert_true(strongest(fixture, here, NOW));
	assert_int_equal(fixture->hop.promise.state, PROMISE_KEY);
	add_mx(begin_as(fixture, "b.example", MX_FOUND), "mx.example.org", nothing, here);
	put(fixture, NOW);
	assert_true(strongest(fixture, here, NOW));
	assert_int_equal(fixture->hop.promise.state, PROMISE_NONE);
}

static void what_a_domain_promised_is_not_taken_back_by_another(void **state)
{
	struct fixture *fixture = *state;

	add_mx(begin_as(fixture, "a.example", MX_FOUND), "mx.example.org", by_policy, here);
	put(fixture, NOW);
	add_mx(begin_as(fixture, "b.example", MX_FOUND), "mx.example.org", nothing, here);
	put(fixture, NOW);
	assert_true(strongest(fixture, here, NOW));
	assert_string_equal(fixture->hop.domain, "a.example");
}

static void of_two_hosts_at_an_address_the_one_that_the_policy_names_counts(void **state)
{
	struct fixture *fixture = *state;
	struct destination *destination = begin_as(fixture, "example.org", MX_FOUND);

	destination->promise = by_policy;
	add_mx(destination, "old.example.org", by_policy, here)->is_excluded = true;
	add_mx(destination, "mx.example.org", by_policy, here);
	put(fixture, NOW);
	assert_int_equal(hop_at(fixture, "example.org", here)->place, PLACE_MX);
	assert_string_equal(fixture->hop.mx, "mx.example.org");
}

/* Else whoever forges the MX gets the mail of every signed domain that tries MTA-STS out. */
static void a_policy_in_testing_does_not_stand_before_dane_at_a_wrong_place(void **state)
{
	struct fixture *fixture = *state;
	struct destination *destination = begin_as(fixture, "example.org", MX_FOUND);

	destination->promise = in_testing;
	add_mx(destination, "mx.example.org", by_dane, here);
	put(fixture, NOW);
	assert_int_equal(hop_at(fixture, "example.org", "198.51.100.66")->place, PLACE_UNRELATED);
	assert_int_equal(fixture->hop.promise.source, SOURCE_DANE);
	assert_false(fixture->hop.promise.only_alerts);
	/* What the operator only watches is told, whatever its hosts promise. */
	destination->promise.only_alerts = destination->hosts[0].promise.only_alerts = true;
	put(fixture, NOW);
	assert_true(hop_at(fixture, "example.org", "198.51.100.66")->promise.only_alerts);
}

static void a_domain_promise_holds_at_a_wrong_place(void **state)
{
	struct fixture *fixture = *state;
	struct destination *destination = begin_as(fixture, "example.org", MX_FOUND);

	destination->promise = by_policy;
	add_mx(destination, "mx.example.org", nothing, here);
	put(fixture, NOW);
	assert_int_equal(hop_at(fixture, "example.org", "198.51.100.66")->promise.source,
	                 SOURCE_MTA_STS);
}

static void the_table_alone_counts_where_nothing_could_be_looked_up(void **state)
{
	struct fixture *fixture = *state;
	struct destination *destination = begin_as(fixture, "example.org", MX_UNAVAILABLE);

	destination->promise = by_policy;
	put(fixture, NOW);
	assert_int_equal(hop_at(fixture, "example.org", here)->promise.state, PROMISE_UNAVAILABLE);
	assert_false(fixture->hop.promise.only_alerts);
	destination->promise.only_alerts = true;
	put(fixture, NOW);
	assert_true(hop_at(fixture, "example.org", here)->promise.only_alerts);
	destination->promise = (struct promise){ .state = PROMISE_TLS, .source = SOURCE_LOCAL };
	put(fixture, NOW);
	assert_int_equal(hop_at(fixture, "example.org", here)->promise.state, PROMISE_TLS);
	assert_int_equal(fixture->hop.place, PLACE_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_who_name_an_address_are_there),
		TEST(a_smart_host_is_known_by_its_address_even_when_its_answer_is_over),
		TEST(a_host_that_is_no_smart_host_is_none),
		TEST(strangers_promises_do_not_drive_out_a_smart_host_or_a_known_domain),
		TEST(a_smart_host_that_is_used_is_not_forgotten_among_many_addresses),
		TEST(an_mx_host_of_the_domain_is_found_whatever_its_address),
		TEST(what_a_host_promises_no_more_is_forgotten_whoever_named_it),
		TEST(what_a_domain_promised_is_not_taken_back_by_another),
		TEST(of_two_hosts_at_an_address_the_one_that_the_policy_names_counts),
		TEST(a_policy_in_testing_does_not_stand_before_dane_at_a_wrong_place),
		TEST(a_domain_promise_holds_at_a_wrong_place),
		TEST(the_table_alone_counts_where_nothing_could_be_looked_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
