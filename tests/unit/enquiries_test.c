/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enquiries.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "no_network.h"
#include "policy/local.h"
#include "process.h"

/* Without any network: each look-up fails, and what the table says stands. */

static const uint8_t secret[TABLE_SECRET_LEN] = "sixteen octets.";

struct fixture {
	struct event_base *base;
	struct resolver *resolver;
	struct local *locals[2];
	struct merge_sources sources;
	struct enquiries *enquiries;
	size_t answer_count;
	struct enquirers enquirers; /* of the last answer */
	struct destination destination;
};

static void on_answer(void *owner, const struct enquirers *enquirers,
                      const struct destination *destination)
{
	struct fixture *fixture = owner;

	fixture->answer_count++;
	fixture->enquirers = *enquirers;
	fixture->destination = *destination;
}

static int set_up(void **state)
{
	const struct resolver_options options = { .timeout_ms = 300 };
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	*state = fixture;
	fixture->base = event_base_new();
	assert_non_null(fixture->base);
	assert_int_equal(resolver_new(&fixture->resolver, fixture->base, &options), 0);
	for (int i = 0; i < 2; i++) {
		fixture->locals[i] = local_new(secret);
		assert_non_null(fixture->locals[i]);
	}
	fixture->sources = (struct merge_sources){ .resolver = fixture->resolver,
		                                   .local = fixture->locals[0],
		                                   .now_ms = process_now_ms,
		                                   .time_ms = process_time_ms };
	fixture->enquiries = enquiries_new(&fixture->sources, secret, on_answer, fixture);
	assert_non_null(fixture->enquiries);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	enquiries_free(fixture->enquiries);
	local_free(fixture->locals[0]);
	local_free(fixture->locals[1]);
	resolver_free(fixture->resolver);
	event_base_free(fixture->base);
	free(fixture);
	return 0;
}

static void wait_for(struct fixture *fixture, size_t answers)
{
	uint64_t end_ms = process_now_ms() + 10000;

	while (fixture->answer_count < answers && process_now_ms() < end_ms)
		assert_int_equal(event_base_loop(fixture->base, EVLOOP_ONCE), 0);
	assert_int_equal(fixture->answer_count, answers);
}

static bool ask_for(struct fixture *fixture, const char *name, bool is_refresh, unsigned guard,
                    const struct address *client)
{
	const struct merge_question question = { .subject = MERGE_DOMAIN,
		                                 .name = name,
		                                 .is_refresh = is_refresh };

	return enquiries_ask_for_guard(fixture->enquiries, &question, guard, client);
}

static bool ask(struct fixture *fixture, const char *name, bool is_refresh, unsigned guard)
{
	return ask_for(fixture, name, is_refresh, guard, &(struct address){ 0 });
}

static void whoever_asks_meanwhile_waits_for_the_same_answer(void **state)
{
	struct fixture *fixture = *state;

	assert_true(ask(fixture, "example.org", false, 0));
	assert_true(ask(fixture, "example.org", false, 63));
	assert_true(
		enquiries_ask_for_explanation(fixture->enquiries, MERGE_DOMAIN, "example.org", 7));
	assert_int_equal(enquiries_count(fixture->enquiries), 1);
	wait_for(fixture, 1);
	assert_true(fixture->enquirers.guards == (1 | (uint64_t)1 << 63));
	assert_int_equal(fixture->enquirers.explanation_count, 1);
	assert_int_equal(fixture->enquirers.explanations[0], 7);
	assert_false(fixture->enquirers.is_ahead);
	assert_false(fixture->destination.is_afresh);
	assert_int_equal(enquiries_count(fixture->enquiries), 0);
}

static void a_refresh_and_a_host_of_the_same_name_are_other_questions(void **state)
{
	struct fixture *fixture = *state;
	const struct merge_question host = { .subject = MERGE_HOST, .name = "example.org" };

	assert_true(ask(fixture, "example.org", false, 0));
	assert_true(ask(fixture, "example.org", true, 1));
	assert_true(enquiries_ask_for_guard(fixture->enquiries, &host, 2, &(struct address){ 0 }));
	assert_int_equal(enquiries_count(fixture->enquiries), 3);
	wait_for(fixture, 3);
}

static void only_an_answer_to_a_refresh_says_so(void **state)
{
	struct fixture *fixture = *state;

	assert_true(ask(fixture, "example.org", true, 1));
	wait_for(fixture, 1);
	assert_true(fixture->destination.is_afresh);
}

static void what_was_overtaken_is_looked_up_once_more_and_answered_once(void **state)
{
	struct fixture *fixture = *state;
	uint64_t before;

	assert_true(ask(fixture, "example.org", false, 0));
	assert_true(ask(fixture, "example.org", true, 1));
	wait_for(fixture, 2);
	before = resolver_counts(fixture->resolver).lookups;
	assert_true(ask(fixture, "example.org", false, 0));
	enquiries_overtake(fixture->enquiries);
	wait_for(fixture, 3);
	assert_int_equal(resolver_counts(fixture->resolver).lookups - before, 2);
	assert_int_equal(fixture->enquirers.guards, 1);
	assert_int_equal(enquiries_count(fixture->enquiries), 0);
	/* What no cache answers is never overtaken. */
	assert_true(ask(fixture, "example.org", true, 1));
	enquiries_overtake(fixture->enquiries);
	wait_for(fixture, 4);
	assert_int_equal(resolver_counts(fixture->resolver).lookups - before, 3);
}

static void news_all_the_time_keep_no_answer_back(void **state)
{
	struct fixture *fixture = *state;
	unsigned turns = 0;

	assert_true(ask(fixture, "example.org", false, 0));
	while (enquiries_count(fixture->enquiries) > 0 && turns++ < 500) {
		enquiries_overtake(fixture->enquiries);
		(void)event_base_loop(fixture->base, EVLOOP_ONCE);
	}
	assert_int_equal(enquiries_count(fixture->enquiries), 0);
	assert_int_equal(fixture->enquirers.guards, 1);
}

static void operators_beyond_the_bound_are_told_at_once(void **state)
{
	struct fixture *fixture = *state;

	for (uint32_t i = 0; i < ENQUIRY_EXPLANATIONS_MAX; i++)
		assert_true(enquiries_ask_for_explanation(fixture->enquiries, MERGE_DOMAIN,
		                                          "example.org", i));
	assert_false(
		enquiries_ask_for_explanation(fixture->enquiries, MERGE_DOMAIN, "example.org", 99));
}

/* Strangers choose the names that are looked up ahead. */
static void what_is_looked_up_ahead_leaves_room_for_mail(void **state)
{
	struct fixture *fixture = *state;
	char name[64];

	for (int i = 0; i < ENQUIRIES_MAX; i++) {
		snprintf(name, sizeof(name), "d%d.example", i);
		assert_true(enquiries_ask_ahead(fixture->enquiries, MERGE_DOMAIN, name) ==
		            (i < ENQUIRIES_AHEAD_MAX));
	}
	assert_int_equal(enquiries_count(fixture->enquiries), ENQUIRIES_AHEAD_MAX);
	for (int i = ENQUIRIES_AHEAD_MAX; i < ENQUIRIES_MAX; i++) {
		snprintf(name, sizeof(name), "d%d.example", i);
		assert_true(ask(fixture, name, false, 0));
	}
	assert_false(ask(fixture, "one-more.example", false, 0));
	/* And whoever frees it with all of them open frees them, too. */
}

/* A client with mail to everybody, and one with a letter. */
static void a_client_takes_no_more_look_ups_than_it_leaves(void **state)
{
	struct fixture *fixture = *state;
	struct address many, another, few;
	size_t taken = 0, open;
	char name[64];

	assert_true(address_parse(&many, "192.0.2.2"));
	assert_true(address_parse(&another, "192.0.2.3"));
	assert_true(address_parse(&few, "192.0.2.4"));
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "d%d.example", i);
		taken += ask_for(fixture, name, false, 0, &many);
	}
	assert_int_equal(taken, ENQUIRIES_MAX / 2);
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "e%d.example", i);
		taken += ask_for(fixture, name, false, 0, &another);
	}
	assert_true(taken <= ENQUIRIES_MAX / 4 * 3);
	assert_true(ask_for(fixture, "example.org", false, 0, &few));
	/* Who joins what is open takes no place. */
	assert_true(ask_for(fixture, "d1.example", false, 1, &many));
	/* And what is answered is given back. */
	open = enquiries_count(fixture->enquiries);
	wait_for(fixture, open);
	assert_int_equal(enquiries_count(fixture->enquiries), 0);
	for (int i = 0; i < ENQUIRIES_MAX / 2; i++) {
		snprintf(name, sizeof(name), "f%d.example", i);
		assert_true(ask_for(fixture, name, false, 0, &many));
	}
}

static void a_table_that_changed_meanwhile_counts_for_what_is_open(void **state)
{
	struct fixture *fixture = *state;
	const struct local_entry entry = { .scope = LOCAL_DOMAIN,
		                           .name = "example.org",
		                           .level = LOCAL_ENCRYPT };

	assert_int_equal(local_add(fixture->locals[1], LOCAL_FROM_CONFIG, &entry), 0);
	assert_true(ask(fixture, "example.org", false, 5));
	fixture->sources.local = fixture->locals[1];
	enquiries_renew(fixture->enquiries);
	assert_int_equal(enquiries_count(fixture->enquiries), 1);
	wait_for(fixture, 1);
	assert_true(fixture->enquirers.guards == (uint64_t)1 << 5);
	assert_int_equal(fixture->destination.promise.source, SOURCE_LOCAL);
	assert_int_equal(fixture->destination.promise.state, PROMISE_TLS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whoever_asks_meanwhile_waits_for_the_same_answer),
		TEST(a_refresh_and_a_host_of_the_same_name_are_other_questions),
		TEST(only_an_answer_to_a_refresh_says_so),
		TEST(what_was_overtaken_is_looked_up_once_more_and_answered_once),
		TEST(news_all_the_time_keep_no_answer_back),
		TEST(operators_beyond_the_bound_are_told_at_once),
		TEST(what_is_looked_up_ahead_leaves_room_for_mail),
		TEST(a_client_takes_no_more_look_ups_than_it_leaves),
		TEST(a_table_that_changed_meanwhile_counts_for_what_is_open),
	};

	leave_network();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
