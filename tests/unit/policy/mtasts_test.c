/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mtasts.h"

#include "mtasts_world.h"

static void a_cached_policy_answers_in_the_next_round(void **state)
{
	struct world *world = open_world(true);

	(void)state;
	assert_true(load(world, ENFORCE, WEEK_S - DAY_S));
	begin(world, "a.example", false);
	assert_int_equal(world->answer_count, 0);
	run_once(world);
	assert_int_equal(world->answer_count, 1);
	assert_int_equal(world->answer.state, MTASTS_POLICY);
	assert_int_equal(world->answer.mode, MX_POLICY_ENFORCE);
	assert_string_equal(world->answer.id, "20260101");
	assert_int_equal(world->answer.left_s, WEEK_S - DAY_S);
	assert_int_equal(world->answer.age_s, DAY_S);
	assert_true(mtasts_answer_allows(&world->answer, "mx1.a.example"));
	assert_true(mtasts_answer_allows(&world->answer, "x.mail.a.example"));
	assert_false(mtasts_answer_allows(&world->answer, "mail.a.example"));
	assert_false(mtasts_answer_allows(&world->answer, "y.x.mail.a.example"));
	assert_false(mtasts_answer_allows(&world->answer, "mx2.a.example"));
	close_world(world);
}

static void what_cannot_be_looked_up_is_not_none(void **state)
{
	struct world *world = open_world(true);

	(void)state;
	assert_int_equal(ask(world, "a.example"), MTASTS_FAILED);
	assert_non_null(strstr(world->answer.why, "TXT _mta-sts.a.example: "));
	assert_int_equal(world->tell_count, 0);
	assert_int_equal(world->row_count, 0);
	close_world(world);
}

static void who_keeps_us_from_looking_up_a_record_is_told_the_second_time(void **state)
{
	struct world *world = open_world(true);
	struct evidence evidence;

	(void)state;
	assert_int_equal(ask(world, "a.example"), MTASTS_FAILED);
	assert_true(mtasts_evidence(&evidence, world->mtasts, "a.example"));
	assert_int_equal(evidence.state, EVIDENCE_FAILED);
	assert_non_null(strstr(evidence.detail, "TXT _mta-sts.a.example: "));
	/* Known for a moment, then a mail may ask again, however long the next try of our own is away. */
	assert_int_equal(world->tell_count, 0);
	pass(world, 29);
	assert_int_equal(ask(world, "a.example"), MTASTS_FAILED);
	assert_int_equal(world->tell_count, 0);
	pass(world, 1);
	assert_int_equal(ask(world, "a.example"), MTASTS_FAILED);
	assert_true(world->answer.ttl_s <= 30);
	assert_int_equal(world->tell_count, 1);
	assert_non_null(strstr(world->tells[0],
	                       "no answer whether MTA-STS is promised, mail goes unprotected"));
	pass(world, 30);
	assert_int_equal(ask(world, "a.example"), MTASTS_FAILED);
	assert_int_equal(world->tell_count, 1);
	close_world(world);
}

/* As long as mail went there lately. */
static void a_record_that_cannot_be_looked_up_is_tried_again_unasked(void **state)
{
	struct world *world = open_world(true);

	(void)state;
	assert_int_equal(ask(world, "a.example"), MTASTS_FAILED);
	pass(world, 80);
	let_fail(world);
	assert_int_equal(world->tell_count, 1);
	close_world(world);
}

static void what_is_switched_off_looks_nothing_up(void **state)
{
	struct world *world = open_world(false);
	uint64_t before = resolver_counts(world->resolver).lookups;

	(void)state;
	assert_true(load(world, ENFORCE, WEEK_S));
	assert_int_equal(ask(world, "a.example"), MTASTS_NONE);
	assert_string_equal(world->answer.why, "MTA-STS is switched off");
	pass(world, DAY_S);
	assert_int_equal(resolver_counts(world->resolver).lookups, before);
	/* What was cached counts again. */
	world->options.is_enabled = true;
	mtasts_configure(world->mtasts, &world->options);
	assert_int_equal(ask(world, "a.example"), MTASTS_POLICY);
	close_world(world);
}

static void a_policy_in_testing_only_alerts(void **state)
{
	struct world *world = open_world(true);
	struct evidence evidence;

	(void)state;
	assert_true(load(world, TESTING, WEEK_S));
	assert_true(mtasts_evidence(&evidence, world->mtasts, "a.example"));
	assert_int_equal(evidence.state, EVIDENCE_ALERTS);
	close_world(world);
}

static void what_is_cancelled_is_not_answered(void **state)
{
	struct world *world = open_world(true);
	struct mtasts_ask *waiting, *ready;

	(void)state;
	assert_true(load(world, ENFORCE, WEEK_S));
	ready = begin(world, "a.example", false);
	waiting = begin(world, "b.example", false);
	mtasts_cancel(ready);
	mtasts_cancel(waiting);
	let_fail(world);
	assert_int_equal(world->answer_count, 0);
	/* Nor is what is open when the engine ends. */
	begin(world, "c.example", true);
	close_world(world);
}

static void an_answer_is_due_within_its_time(void **state)
{
	struct world *world = open_world(true);

	(void)state;
	assert_true(load(world, ENFORCE, WEEK_S));
	begin(world, "b.example", false);
	begin(world, "a.example", true);
	pass(world, 7);
	assert_int_equal(world->answer_count, 0);
	pass(world, 1);
	run_once(world);
	assert_int_equal(world->answer_count, 1);
	assert_int_equal(world->answer.state, MTASTS_POLICY);
	pass(world, 2);
	run_once(world);
	assert_int_equal(world->answer_count, 2);
	assert_int_equal(world->answer.state, MTASTS_PENDING);
	close_world(world);
}

static void asks_and_look_ups_are_bounded(void **state)
{
	struct world *world = open_world(true);
	char domain[32];
	size_t made = 0;

	(void)state;
	while (made < MTASTS_ASKS_MAX) {
		snprintf(domain, sizeof(domain), "d%zu.example", made);
		assert_non_null(mtasts_ask(world->mtasts, domain, false, on_answer, world));
		made++;
	}
	assert_null(mtasts_ask(world->mtasts, "a.example", false, on_answer, world));
	assert_true(resolver_counts(world->resolver).lookups <= MTASTS_LOOKUPS_MAX);
	run_once(world);
	assert_true(world->answer_count >= MTASTS_ASKS_MAX - MTASTS_LOOKUPS_MAX);
	assert_int_equal(world->answer.state, MTASTS_FAILED);
	close_world(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cached_policy_answers_in_the_next_round),
		cmocka_unit_test(what_cannot_be_looked_up_is_not_none),
		cmocka_unit_test(who_keeps_us_from_looking_up_a_record_is_told_the_second_time),
		cmocka_unit_test(a_record_that_cannot_be_looked_up_is_tried_again_unasked),
		cmocka_unit_test(what_is_switched_off_looks_nothing_up),
		cmocka_unit_test(a_policy_in_testing_only_alerts),
		cmocka_unit_test(what_is_cancelled_is_not_answered),
		cmocka_unit_test(an_answer_is_due_within_its_time),
		cmocka_unit_test(asks_and_look_ups_are_bounded),
	};

	return cmocka_run_group_tests_name("policy/mtasts", tests, NULL, NULL);
}
