/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mtasts_lookup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <event2/event.h>

#include <cmocka.h>

/* A resolver whose only forwarder answers nothing. */
struct world {
	struct event_base *base;
	struct resolver *resolver;
	struct mtasts_fetcher *fetcher;
	size_t told;
	enum mtasts_found found;
	char why[LOOKUP_WHY_MAX];
};

static void open_world(struct world *world)
{
	struct resolver_options options = { .forwarder_count = 1, .timeout_ms = 100 };
	struct mtasts_fetch_options fetch = { .port = 443 };

	memset(world, 0, sizeof(*world));
	assert_true(address_parse(&options.forwarders[0].address, "127.0.3.201"));
	options.forwarders[0].port = 9;
	world->base = event_base_new();
	assert_non_null(world->base);
	assert_int_equal(resolver_new(&world->resolver, world->base, &options), 0);
	assert_int_equal(mtasts_fetcher_new(&world->fetcher, world->base, &fetch), 0);
}

static void close_world(struct world *world)
{
	mtasts_fetcher_free(world->fetcher);
	resolver_free(world->resolver);
	event_base_free(world->base);
}

static void on_finding(void *owner, const struct mtasts_finding *finding)
{
	struct world *world = owner;

	world->told++;
	world->found = finding->found;
	snprintf(world->why, sizeof(world->why), "%s", finding->why);
	event_base_loopbreak(world->base);
}

static void a_look_up_that_fails_is_no_answer(void **state)
{
	struct world world;
	struct mtasts_lookup *lookup;

	(void)state;
	open_world(&world);
	lookup = mtasts_lookup_start(world.resolver, world.fetcher, "a.example", "", true,
	                             on_finding, &world);
	assert_non_null(lookup);
	assert_int_equal(world.told, 0);
	assert_false(mtasts_lookup_has_record(lookup));
	event_base_dispatch(world.base);
	assert_int_equal(world.told, 1);
	assert_int_equal(world.found, MTASTS_FOUND_FAILED);
	assert_non_null(strstr(world.why, "TXT _mta-sts.a.example: "));
	assert_int_equal(resolver_counts(world.resolver).in_flight, 0);
	close_world(&world);
}

static void a_cancelled_look_up_leaves_no_question_behind(void **state)
{
	struct world world;
	struct mtasts_lookup *lookup;

	(void)state;
	open_world(&world);
	lookup = mtasts_lookup_start(world.resolver, world.fetcher, "a.example", "", true,
	                             on_finding, &world);
	assert_int_equal(resolver_counts(world.resolver).in_flight, 1);
	mtasts_lookup_cancel(lookup);
	assert_int_equal(resolver_counts(world.resolver).in_flight, 0);
	event_base_loop(world.base, EVLOOP_NONBLOCK);
	assert_int_equal(world.told, 0);
	close_world(&world);
}

static void a_name_without_room_for_the_record_is_not_possible(void **state)
{
	char name[300];

	(void)state;
	for (size_t len = 240; len < 254; len++) {
		memset(name, 'a', len);
		for (size_t at = 60; at < len; at += 61)
			name[at] = '.';
		name[len] = '\0';
		/* "_mta-sts." takes nine octets of 253. */
		assert_int_equal(mtasts_lookup_is_possible(name), len <= 244);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_look_up_that_fails_is_no_answer),
		cmocka_unit_test(a_cancelled_look_up_leaves_no_question_behind),
		cmocka_unit_test(a_name_without_room_for_the_record_is_not_possible),
	};

	return cmocka_run_group_tests_name("policy/mtasts_lookup", tests, NULL, NULL);
}
