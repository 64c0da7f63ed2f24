/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/promise_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "promise_cache_fixture.h"

static void a_name_never_put_is_unknown(void **state)
{
	assert_int_equal(find(*state, "example.org", "192.0.2.1", NOW), CACHE_UNKNOWN);
	assert_false(strongest(*state, "192.0.2.1", NOW));
}

static void each_host_asks_at_its_own_address(void **state)
{
	struct fixture *fixture = *state;
	struct destination *destination = begin(fixture, "example.org", 60);

	add_host(destination, "mx1.example.org", PROMISE_KEY, "192.0.2.1");
	add_host(destination, "mx2.example.org", PROMISE_NONE, "2001:db8::2");
	put(fixture, NOW);
	assert_int_equal(find(fixture, "example.org", "192.0.2.1", NOW), CACHE_FRESH);
	assert_int_equal(fixture->hop.promise.state, PROMISE_KEY);
	assert_int_equal(fixture->hop.promise.source, SOURCE_DANE);
	assert_string_equal(fixture->hop.promise.detail, "_25._tcp.mx1.example.org 3 1 1 60b8");
	assert_int_equal(fixture->hop.place, PLACE_MX);
	assert_int_equal(fixture->hop.mx_state, MX_FOUND);
	assert_int_equal(fixture->hop.mx_security, DNS_SECURE);
	assert_string_equal(fixture->hop.domain, "example.org");
	assert_string_equal(fixture->hop.mx, "mx1.example.org");
	assert_int_equal(fixture->hop.sibling_promise.state, PROMISE_UNKNOWN);

	assert_int_equal(find(fixture, "example.org", "2001:db8::2", NOW), CACHE_FRESH);
	assert_int_equal(fixture->hop.promise.state, PROMISE_NONE);
	assert_string_equal(fixture->hop.mx, "mx2.example.org");
	assert_int_equal(fixture->hop.sibling_promise.state, PROMISE_KEY);
	assert_string_equal(fixture->hop.sibling_promise.detail,
	                    "_25._tcp.mx1.example.org 3 1 1 60b8");
}

static void elsewhere_the_strongest_promise_of_all_hosts_is_asked(void **state)
{
	struct fixture *fixture = *state;
	struct destination *destination = begin(fixture, "example.org", 60);

	add_host(destination, "mx1.example.org", PROMISE_NONE, "192.0.2.1");
	add_host(destination, "mx2.example.org", PROMISE_KEY, "192.0.2.2");
	add_host(destination, "mx3.example.org", PROMISE_TLS, "192.0.2.3");
	put(fixture, NOW);
	assert_int_equal(find(fixture, "example.org", "203.0.113.9", NOW), CACHE_FRESH);
	assert_int_equal(fixture->hop.place, PLACE_UNRELATED);
	assert_int_equal(fixture->hop.promise.state, PROMISE_KEY);
	assert_string_equal(fixture->hop.mx, "");
}

static void a_shared_address_is_judged_by_its_strongest_host(void **state)
{
	struct fixture *fixture = *state;
	struct destination *destination = begin(fixture, "example.org", 60);

	add_host(destination, "mx1.example.org", PROMISE_NONE, "192.0.2.1");
	add_host(destination, "mx2.example.org", PROMISE_KEY, "192.0.2.1");
	put(fixture, NOW);
	find(fixture, "example.org", "192.0.2.1", NOW);
	assert_string_equal(fixture->hop.mx, "mx2.example.org");
}

static void an_unavailable_destination_makes_mail_wait_anywhere(void **state)
{
	struct fixture *fixture = *state;
	struct destination *destination = begin(fixture, "example.org", 5);

	destination->mx_state = MX_UNAVAILABLE;
	destination->mx_security = DNS_BOGUS;
	strcpy(destination->why, "MX example.org: signature expired");
	put(fixture, NOW);
	assert_int_equal(find(fixture, "example.org", "192.0.2.1", NOW), CACHE_FRESH);
	assert_int_equal(fixture->hop.promise.state, PROMISE_UNAVAILABLE);
	assert_int_equal(fixture->hop.promise.source, SOURCE_DANE);
	assert_string_equal(fixture->hop.promise.detail, "MX example.org: signature expired");
	assert_int_equal(fixture->hop.place, PLACE_UNKNOWN);
	assert_int_equal(fixture->hop.mx_security, DNS_BOGUS);
}

static void a_failed_look_up_does_not_displace_a_fresh_answer(void **state)
{
	struct fixture *fixture = *state;

	put_simple(fixture, "example.org", "mx1.example.org", PROMISE_KEY, "192.0.2.1", 60);
	begin(fixture, "example.org", 5)->mx_state = MX_UNAVAILABLE;
	put(fixture, NOW + 1000);
	find(fixture, "example.org", "192.0.2.1", NOW + 1000);
	assert_int_equal(fixture->hop.promise.state, PROMISE_KEY);
	put(fixture, NOW + 60000);
	assert_int_equal(find(fixture, "example.org", "192.0.2.1", NOW + 60000), CACHE_FRESH);
	assert_int_equal(fixture->hop.promise.state, PROMISE_UNAVAILABLE);
}

/* "3 1 1" of a key whose digest begins with that octet, for the host that was added last. */
static void add_key(struct destination *destination, uint8_t key)
{
	const uint8_t digest[32] = { key };
	struct key_rule rule = { .kind = KEY_RULE_TLSA, .source = SOURCE_DANE, .record_count = 1 };
	static struct key_rules rules;

	rule.names = bytes_of_string(destination->name);
	rule.records[0] = (struct key_record){ 3, 1, 1, bytes_of(digest, sizeof(digest)) };
	rules.count = rules.len = 0;
	assert_true(key_rules_add(&rules, &rule));
	destination->hosts[destination->host_count - 1].keys =
		(struct key_slice){ destination->keys_len, (uint16_t)rules.len };
	memcpy(destination->keys + destination->keys_len, rules.octets, rules.len);
	destination->keys_len = (uint16_t)(destination->keys_len + rules.len);
}

/* Its mail goes to mx.example.org. */
static struct destination *begin_keyed(struct fixture *fixture, const char *name, uint8_t key)
{
	struct destination *destination = begin(fixture, name, 600);

	add_host(destination, "mx.example.org", PROMISE_KEY, "192.0.2.1");
	add_key(destination, key);
	return destination;
}

static void another_key_of_a_host_outdates_every_answer_that_names_it(void **state)
{
	struct fixture *fixture = *state;
	struct address place = at("192.0.2.1");
	struct destination *destination;

	begin_keyed(fixture, "one.example", 1);
	put(fixture, NOW);
	begin_keyed(fixture, "two.example", 1);
	put(fixture, NOW);
	put_simple(fixture, "three.example", "mx.three.example", PROMISE_KEY, "192.0.2.3", 600);
	destination = begin_keyed(fixture, "one.example", 2);
	assert_true(promise_cache_outdate(fixture->cache, destination));
	put(fixture, NOW);
	assert_int_equal(find(fixture, "one.example", "192.0.2.1", NOW), CACHE_FRESH);
	assert_int_equal(fixture->hop.promise.state, PROMISE_KEY);
	assert_int_equal(find(fixture, "two.example", "192.0.2.1", NOW), CACHE_STALE);
	assert_int_equal(fixture->hop.promise.state, PROMISE_UNKNOWN);
	assert_int_equal(fixture->hop.place, PLACE_MX);
	assert_int_equal(find(fixture, "three.example", "192.0.2.3", NOW), CACHE_FRESH);
	/* By the address both are found, and of one it is seen that it is to be asked for again. */
	assert_int_equal(promise_cache_at(fixture->hops, fixture->cache, &place, NOW), 2);
	assert_int_equal(fixture->hops[0].promise.state + fixture->hops[1].promise.state,
	                 PROMISE_KEY + PROMISE_UNKNOWN);
	/* The answer to that is as good as any. */
	begin_keyed(fixture, "two.example", 2);
	put(fixture, NOW);
	assert_int_equal(find(fixture, "two.example", "192.0.2.1", NOW), CACHE_FRESH);
	assert_int_equal(fixture->hop.promise.state, PROMISE_KEY);
}

static void the_same_key_outdates_nothing_and_neither_does_a_failure(void **state)
{
	struct fixture *fixture = *state;
	struct destination *destination;

	begin_keyed(fixture, "two.example", 1);
	put(fixture, NOW);
	assert_true(promise_cache_outdate(fixture->cache, begin_keyed(fixture, "one.example", 1)));
	put(fixture, NOW);
	assert_false(promise_cache_outdate(fixture->cache, begin_keyed(fixture, "one.example", 1)));
	destination = begin_keyed(fixture, "one.example", 2);
	destination->hosts[0].promise.state = PROMISE_UNAVAILABLE;
	assert_false(promise_cache_outdate(fixture->cache, destination));
	assert_int_equal(find(fixture, "two.example", "192.0.2.1", NOW), CACHE_FRESH);
	/* That there is none any more is as much as another. */
	destination = begin(fixture, "one.example", 600);
	add_host(destination, "mx.example.org", PROMISE_NONE, "192.0.2.1");
	assert_true(promise_cache_outdate(fixture->cache, destination));
	assert_int_equal(find(fixture, "two.example", "192.0.2.1", NOW), CACHE_STALE);
}

static void mail_to_a_null_mx_belongs_nowhere(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, "example.org", 60)->mx_state = MX_NULL;
	put(fixture, NOW);
	find(fixture, "example.org", "192.0.2.1", NOW);
	assert_int_equal(fixture->hop.place, PLACE_UNRELATED);
	assert_int_equal(fixture->hop.promise.state, PROMISE_NONE);
	assert_int_equal(fixture->hop.mx_state, MX_NULL);
}

static void an_answer_is_stale_from_its_ttl_on(void **state)
{
	struct fixture *fixture = *state;

	put_simple(fixture, "example.org", "mx1.example.org", PROMISE_KEY, "192.0.2.1", 60);
	assert_int_equal(find(fixture, "example.org", "192.0.2.1", NOW + 59999), CACHE_FRESH);
	assert_int_equal(find(fixture, "example.org", "192.0.2.1", NOW + 60000), CACHE_STALE);
	assert_int_equal(fixture->hop.promise.state, PROMISE_KEY);
	assert_int_equal(fixture->hop.place, PLACE_MX);
}

static void no_ttl_keeps_an_answer_for_more_than_a_day(void **state)
{
	struct fixture *fixture = *state;
	uint64_t day_ms = 24 * 60 * 60 * 1000;

	put_simple(fixture, "example.org", "mx1.example.org", PROMISE_KEY, "192.0.2.1", UINT32_MAX);
	assert_int_equal(find(fixture, "example.org", "192.0.2.1", NOW + day_ms - 1), CACHE_FRESH);
	assert_int_equal(find(fixture, "example.org", "192.0.2.1", NOW + day_ms), CACHE_STALE);
}

static void places_of_earlier_answers_count_until_their_own_ttl(void **state)
{
	struct fixture *fixture = *state;

	put_simple(fixture, "example.org", "mx1.example.org", PROMISE_KEY, "192.0.2.1", 60);
	add_host(begin(fixture, "example.org", 600), "mx1.example.org", PROMISE_TLS, "192.0.2.2");
	put(fixture, NOW + 30000);
	add_host(begin(fixture, "example.org", 600), "mx9.example.org", PROMISE_NONE, "192.0.2.3");
	put(fixture, NOW + 40000);

	find(fixture, "example.org", "192.0.2.1", NOW + 59999);
	assert_int_equal(fixture->hop.place, PLACE_MX);
	assert_string_equal(fixture->hop.mx, "mx1.example.org");
	/* The latest word about that host counts. */
	assert_int_equal(fixture->hop.promise.state, PROMISE_TLS);
	find(fixture, "example.org", "192.0.2.2", NOW + 59999);
	assert_int_equal(fixture->hop.place, PLACE_MX);
	find(fixture, "example.org", "192.0.2.1", NOW + 60000);
	assert_int_equal(fixture->hop.place, PLACE_UNRELATED);
	/* And hosts of earlier answers are none of the domain's any more. */
	assert_int_equal(fixture->hop.promise.state, PROMISE_NONE);
}

static void the_latest_answer_comes_back_as_it_was_put(void **state)
{
	struct fixture *fixture = *state;
	struct destination *want = &fixture->destination;
	struct destination *got = calloc(1, sizeof(*got));
	uint32_t age_s = 99;

	assert_non_null(got);
	put_simple(fixture, "example.org", "old.example.org", PROMISE_KEY, "192.0.2.99", 600);
	add_host(begin(fixture, "example.org", 60), "mx1.example.org", PROMISE_KEY, "192.0.2.1");
	add_host(want, "mx2.example.org", PROMISE_NONE, "2001:db8::2");
	want->is_truncated = true;
	strcpy(want->why, "because");
	put(fixture, NOW);
	assert_int_equal(
		promise_cache_get(got, &age_s, fixture->cache, "example.org", false, NOW + 7500),
		CACHE_FRESH);
	assert_int_equal(age_s, 7);
	want->ttl_s = 53;
	assert_memory_equal(got, want, sizeof(*got));
	assert_int_equal(promise_cache_get(got, &age_s, fixture->cache, "example.org", true, NOW),
	                 CACHE_UNKNOWN);
	free(got);
}

static void a_host_and_a_domain_of_one_name_are_two_things(void **state)
{
	struct fixture *fixture = *state;
	struct address place = at("192.0.2.1");

	add_host(begin(fixture, "example.org", 60), "example.org", PROMISE_NONE, "192.0.2.1");
	fixture->destination.mx_state = MX_HOST;
	put(fixture, NOW);
	assert_int_equal(find(fixture, "example.org", "192.0.2.1", NOW), CACHE_UNKNOWN);
	assert_int_equal(
		promise_cache_find_host(&fixture->hop, fixture->cache, "example.org", &place, NOW),
		CACHE_FRESH);
	assert_string_equal(fixture->hop.domain, "");
	assert_string_equal(fixture->hop.mx, "example.org");
	assert_true(promise_cache_includes(fixture->cache, "example.org", &place, NOW));
	put_simple(fixture, "example.org", "mx.example.org", PROMISE_KEY, "192.0.2.7", 60);
	assert_int_equal(promise_cache_count(fixture->cache), 2);
	assert_int_equal(promise_cache_forget(fixture->cache, "example.org"), 2);
	assert_int_equal(promise_cache_count(fixture->cache), 0);
}

static void a_domain_includes_its_addresses_while_they_are_fresh(void **state)
{
	struct fixture *fixture = *state;
	struct address mine = at("192.0.2.1"), other = at("192.0.2.2");

	put_simple(fixture, "example.org", "mx1.example.org", PROMISE_KEY, "192.0.2.1", 60);
	assert_true(promise_cache_includes(fixture->cache, "example.org", &mine, NOW + 59999));
	assert_false(promise_cache_includes(fixture->cache, "example.org", &mine, NOW + 60000));
	assert_false(promise_cache_includes(fixture->cache, "example.org", &other, NOW));
	assert_false(promise_cache_includes(fixture->cache, "example.net", &mine, NOW));
}

static void a_cleared_cache_knows_no_name_and_no_address(void **state)
{
	struct fixture *fixture = *state;

	put_simple(fixture, "a.example", "mx.big.example", PROMISE_KEY, "192.0.2.1", 60);
	put_simple(fixture, "b.example", "mx.big.example", PROMISE_KEY, "192.0.2.2", 600);
	promise_cache_clear(fixture->cache);
	assert_int_equal(promise_cache_count(fixture->cache), 0);
	assert_int_equal(find(fixture, "a.example", "192.0.2.1", NOW), CACHE_UNKNOWN);
	assert_false(strongest(fixture, "192.0.2.1", NOW));
	put_simple(fixture, "b.example", "mx.big.example", PROMISE_KEY, "192.0.2.2", 600);
	assert_int_equal(find(fixture, "b.example", "192.0.2.2", NOW), CACHE_FRESH);
}

static void a_full_cache_gives_up_what_was_unused_for_longest(void **state)
{
	struct fixture *fixture = *state;
	char name[32];
	int i;

	for (i = 0; i < CACHE_NAMES; i++) {
		snprintf(name, sizeof(name), "d%d.example", i);
		put_simple(fixture, name, "mx.example", PROMISE_NONE, "192.0.2.1", 600);
	}
	assert_int_equal(find(fixture, "d0.example", "192.0.2.1", NOW), CACHE_FRESH);
	put_simple(fixture, "new.example", "mx.example", PROMISE_NONE, "192.0.2.1", 600);
	assert_int_equal(promise_cache_count(fixture->cache), CACHE_NAMES);
	assert_int_equal(find(fixture, "d0.example", "192.0.2.1", NOW), CACHE_FRESH);
	assert_int_equal(find(fixture, "d1.example", "192.0.2.1", NOW), CACHE_UNKNOWN);
	assert_int_equal(find(fixture, "new.example", "192.0.2.1", NOW), CACHE_FRESH);
}

/* As large as a destination can be: long names and evidence, every place used. */
static void put_largest(struct fixture *fixture, int number, uint64_t now_ms)
{
	char name[DOMAIN_NAME_MAX];
	struct destination *destination;
	int i;

	snprintf(name, sizeof(name), "d%d.example", number);
	destination = begin(fixture, name, 600);
	for (i = 0; i < MX_HOSTS_MAX; i++) {
		snprintf(name, sizeof(name), "%0230d.%03u.example", i, (unsigned)number % 1000);
		add_host(destination, name, PROMISE_TLS, NULL);
		memset(destination->hosts[i].promise.detail, 'x', PROMISE_DETAIL_MAX - 1);
	}
	for (i = 0; i < MX_PLACES_MAX; i++) {
		uint8_t octets[16] = { 0x20,
			               0x01,
			               0x0d,
			               0xb8,
			               [12] = (uint8_t)(number >> 8),
			               (uint8_t)number,
			               (uint8_t)(now_ms >> 10),
			               (uint8_t)i };

		destination->places[i].address = address_of(6, octets);
		destination->places[i].host = (uint8_t)(i % MX_HOSTS_MAX);
	}
	destination->place_count = MX_PLACES_MAX;
	put(fixture, now_ms);
}

static void the_largest_destinations_stay_within_the_memory_of_the_cache(void **state)
{
	struct fixture *fixture = *state;
	int i, round;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < CACHE_NAMES; i++)
			put_largest(fixture, i, NOW + (uint64_t)round * 2048);
	}
	/* CACHE_NAMES * PROMISE_CACHE_OCTETS_PER_NAME octets of room, at least 20,000 for each of these. */
	assert_in_range(promise_cache_count(fixture->cache), 1, 6);
}

/* Little of each, but all of it is found by tables of ours. */
static void put_many_places(struct fixture *fixture, int number)
{
	char name[DOMAIN_NAME_MAX], address[ADDRESS_TEXT_MAX];
	struct destination *destination;

	snprintf(name, sizeof(name), "d%d.example", number);
	destination = begin(fixture, name, 600);
	for (int i = 0; i < 13; i++) {
		snprintf(name, sizeof(name), "%d.%d", i, number);
		snprintf(address, sizeof(address), "10.%d.%d.1", number, i);
		add_host(destination, name, PROMISE_NONE, address);
	}
	put(fixture, NOW);
}

static void what_finds_them_is_in_the_memory_of_the_cache(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < CACHE_NAMES; i++)
		put_many_places(fixture, i);
	/* 13 hosts and 13 addresses for each of CACHE_NAMES would need three times as much for the tables alone. */
	assert_in_range(promise_cache_count(fixture->cache), 8, CACHE_NAMES / 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_name_never_put_is_unknown),
		TEST(each_host_asks_at_its_own_address),
		TEST(elsewhere_the_strongest_promise_of_all_hosts_is_asked),
		TEST(a_shared_address_is_judged_by_its_strongest_host),
		TEST(an_unavailable_destination_makes_mail_wait_anywhere),
		TEST(a_failed_look_up_does_not_displace_a_fresh_answer),
		TEST(another_key_of_a_host_outdates_every_answer_that_names_it),
		TEST(the_same_key_outdates_nothing_and_neither_does_a_failure),
		TEST(mail_to_a_null_mx_belongs_nowhere),
		TEST(an_answer_is_stale_from_its_ttl_on),
		TEST(no_ttl_keeps_an_answer_for_more_than_a_day),
		TEST(places_of_earlier_answers_count_until_their_own_ttl),
		TEST(the_latest_answer_comes_back_as_it_was_put),
		TEST(a_host_and_a_domain_of_one_name_are_two_things),
		TEST(a_domain_includes_its_addresses_while_they_are_fresh),
		TEST(a_cleared_cache_knows_no_name_and_no_address),
		TEST(a_full_cache_gives_up_what_was_unused_for_longest),
		TEST(what_finds_them_is_in_the_memory_of_the_cache),
		TEST(the_largest_destinations_stay_within_the_memory_of_the_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
