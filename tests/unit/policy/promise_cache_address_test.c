/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/promise_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "promise_cache_fixture.h"

/* Whom an address is asked for, when many name it and some are forgotten. */

static void an_address_asks_the_strongest_of_all_who_name_it(void **state)
{
	struct fixture *fixture = *state;

	put_simple(fixture, "a.example", "mx.a.example", PROMISE_NONE, "192.0.2.1", 600);
	put_simple(fixture, "b.example", "mx.b.example", PROMISE_KEY, "192.0.2.1", 60);
	put_simple(fixture, "c.example", "mx.c.example", PROMISE_TLS, "192.0.2.1", 600);
	assert_true(strongest(fixture, "192.0.2.1", NOW));
	assert_string_equal(fixture->hop.domain, "b.example");
	assert_int_equal(fixture->hop.place, PLACE_MX);
	assert_true(strongest(fixture, "192.0.2.1", NOW + 60000));
	assert_string_equal(fixture->hop.domain, "c.example");
	assert_false(strongest(fixture, "192.0.2.1", NOW + 600000));
	assert_false(strongest(fixture, "192.0.2.2", NOW));
}

static void many_names_for_an_address_do_not_drive_a_promise_out(void **state)
{
	struct fixture *fixture = *state;
	char name[32], host[40];
	int i;

	put_simple(fixture, "victim.example", "mx.victim.example", PROMISE_KEY, "192.0.2.1", 600);
	for (i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "d%d.example", i);
		snprintf(host, sizeof(host), "mx.d%d.example", i);
		put_simple(fixture, name, host, PROMISE_NONE, "192.0.2.1", 86400);
	}
	assert_true(strongest(fixture, "192.0.2.1", NOW));
	assert_string_equal(fixture->hop.domain, "victim.example");
}

static void a_shorter_lived_answer_about_a_shared_host_leaves_the_longer_one(void **state)
{
	struct fixture *fixture = *state;

	put_simple(fixture, "a.example", "mx.big.example", PROMISE_KEY, "192.0.2.1", 600);
	put_simple(fixture, "b.example", "mx.big.example", PROMISE_KEY, "192.0.2.1", 5);
	assert_true(strongest(fixture, "192.0.2.1", NOW + 10000));
	/* A host that stopped to promise does so at once, whoever named it before. */
	put_simple(fixture, "c.example", "mx.big.example", PROMISE_NONE, "192.0.2.1", 5);
	assert_true(strongest(fixture, "192.0.2.1", NOW));
	assert_int_equal(fixture->hop.promise.state, PROMISE_NONE);
}

static void what_is_forgotten_is_gone_and_nothing_else(void **state)
{
	struct fixture *fixture = *state;

	put_simple(fixture, "a.example", "mx.big.example", PROMISE_KEY, "192.0.2.1", 60);
	put_simple(fixture, "b.example", "mx.big.example", PROMISE_KEY, "192.0.2.1", 600);
	assert_int_equal(promise_cache_forget(fixture->cache, "b.example"), 1);
	assert_int_equal(promise_cache_forget(fixture->cache, "b.example"), 0);
	assert_int_equal(find(fixture, "b.example", "192.0.2.1", NOW), CACHE_UNKNOWN);
	assert_true(strongest(fixture, "192.0.2.1", NOW));
	assert_string_equal(fixture->hop.domain, "a.example");
	promise_cache_forget(fixture->cache, "a.example");
	assert_false(strongest(fixture, "192.0.2.1", NOW));
}

static void who_found_no_room_at_an_address_speaks_when_another_is_forgotten(void **state)
{
	enum { NAMES = PROMISE_CACHE_MENTIONS_MAX + 2 };
	struct fixture *fixture = *state;
	const struct address address = at("192.0.2.1");
	char name[32], host[40];

	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "d%d.example", i);
		snprintf(host, sizeof(host), "mx.d%d.example", i);
		put_simple(fixture, name, host, PROMISE_KEY, "192.0.2.1", 600);
	}
	for (int gone = 1; gone <= NAMES; gone++) {
		size_t left = (size_t)(NAMES - gone);

		snprintf(name, sizeof(name), "d%d.example", NAMES - gone);
		assert_int_equal(promise_cache_forget(fixture->cache, name), 1);
		assert_int_equal(promise_cache_at(fixture->hops, fixture->cache, &address, NOW),
		                 left < PROMISE_CACHE_MENTIONS_MAX ? left
		                                                   : PROMISE_CACHE_MENTIONS_MAX);
	}
}

static void a_host_that_was_overruled_speaks_when_who_did_is_forgotten(void **state)
{
	struct fixture *fixture = *state;

	put_simple(fixture, "a.example", "mx.big.example", PROMISE_KEY, "192.0.2.1", 600);
	put_simple(fixture, "c.example", "mx.big.example", PROMISE_NONE, "192.0.2.1", 600);
	assert_true(strongest(fixture, "192.0.2.1", NOW));
	assert_int_equal(fixture->hop.promise.state, PROMISE_NONE);
	promise_cache_forget(fixture->cache, "c.example");
	assert_true(strongest(fixture, "192.0.2.1", NOW));
	assert_int_equal(fixture->hop.promise.state, PROMISE_KEY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_address_asks_the_strongest_of_all_who_name_it),
		TEST(many_names_for_an_address_do_not_drive_a_promise_out),
		TEST(a_shorter_lived_answer_about_a_shared_host_leaves_the_longer_one),
		TEST(what_is_forgotten_is_gone_and_nothing_else),
		TEST(who_found_no_room_at_an_address_speaks_when_another_is_forgotten),
		TEST(a_host_that_was_overruled_speaks_when_who_did_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
