/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mtasts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <unistd.h>

#include <cmocka.h>

enum { DAY_S = 24 * 60 * 60, WEEK_S = 7 * DAY_S, TELLS_MAX = 64, PATIENCE_MS = 5000 };

static const uint64_t WALL_MS = 1767225600000; /* 2026-01-01 */
static const char ENFORCE[] =
	"version: STSv1\nmode: enforce\nmx: mx1.a.example\nmx: *.Mail.a.example\nmax_age: 604800\n";
static const char TESTING[] = "version: STSv1\nmode: testing\nmx: mx1.a.example\nmax_age: 604800\n";
static const char NONE[] = "version: STSv1\nmode: none\nmax_age: 604800\n";

/* The engine has a resolver whose only forwarder answers nothing: every look-up fails. */
struct world {
	struct event_base *base;
	struct resolver *resolver;
	struct mtasts *mtasts;
	struct mtasts_options options;
	size_t row_count;
	struct row row; /* the last */
	size_t tell_count;
	char tells[TELLS_MAX][MTASTS_TELL_MAX];
	size_t answer_count;
	struct mtasts_answer answer; /* the last, its text lies in the engine */
	bool is_asking;
};

static struct {
	uint64_t now_ms;
	uint64_t wall_ms;
} hands;

static uint64_t now_ms(void)
{
	return hands.now_ms;
}

static uint64_t wall_ms(void)
{
	return hands.wall_ms;
}

static void on_row(void *owner, const struct row *row)
{
	struct world *world = owner;

	assert_true(row_is_sound(row, row_len(row)));
	world->row_count++;
	memcpy(&world->row, row, row_len(row));
}

static void on_tell(void *owner, const char *domain, enum reason reason, const char *text)
{
	struct world *world = owner;

	assert_string_equal(domain, "a.example");
	assert_int_equal(reason, REASON_POLICY_UNAVAILABLE);
	assert_true(world->tell_count < TELLS_MAX);
	snprintf(world->tells[world->tell_count++], MTASTS_TELL_MAX, "%s", text);
}

static void on_answer(void *owner, const struct mtasts_answer *answer)
{
	struct world *world = owner;

	assert_false(world->is_asking);
	world->answer_count++;
	world->answer = *answer;
}

static struct world *open_world(bool is_enabled)
{
	static const struct mtasts_hooks hooks = {
		.on_row = on_row, .tell = on_tell, .now_ms = now_ms, .wall_ms = wall_ms
	};
	struct resolver_options resolver = { .forwarder_count = 1, .timeout_ms = 100 };
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	hands.now_ms = 1000000;
	hands.wall_ms = WALL_MS;
	assert_true(address_parse(&resolver.forwarders[0].address, "127.0.3.201"));
	resolver.forwarders[0].port = 9;
	world->options = (struct mtasts_options){ .is_enabled = is_enabled,
		                                  .https_port = 443,
		                                  .secret = "0123456789abcde" };
	world->base = event_base_new();
	assert_non_null(world->base);
	assert_int_equal(resolver_new(&world->resolver, world->base, &resolver), 0);
	assert_int_equal(mtasts_new(&world->mtasts, world->base, world->resolver, &world->options,
	                            &hooks, world),
	                 0);
	return world;
}

static void close_world(struct world *world)
{
	mtasts_free(world->mtasts);
	resolver_free(world->resolver);
	event_base_free(world->base);
	free(world);
}

static bool load(struct world *world, const char *text, uint32_t left_s)
{
	struct row_policy *row = calloc(1, sizeof(*row));
	bool is_loaded;

	assert_non_null(row);
	snprintf(row->domain, sizeof(row->domain), "a.example");
	snprintf(row->id, sizeof(row->id), "20260101");
	row->fetched_ms = WALL_MS - DAY_S * 1000ULL;
	row->saved_ms = WALL_MS;
	row->left_s = left_s;
	row->text_len = (uint32_t)strlen(text);
	memcpy(row->text, text, strlen(text));
	is_loaded = mtasts_load(world->mtasts, row);
	free(row);
	return is_loaded;
}

static void run_once(struct world *world)
{
	event_base_loop(world->base, EVLOOP_NONBLOCK);
}

static void run_until(struct world *world, const size_t *count, size_t reached)
{
	for (int i = 0; i < PATIENCE_MS / 5 && *count < reached; i++) {
		run_once(world);
		usleep(5000);
	}
	assert_true(*count >= reached);
}

/* Long enough for a look-up of this resolver to fail. */
static void let_fail(struct world *world)
{
	for (int i = 0; i < 60; i++) {
		run_once(world);
		usleep(5000);
	}
}

static void pass(struct world *world, uint64_t seconds)
{
	hands.now_ms += seconds * 1000;
	hands.wall_ms += seconds * 1000;
	mtasts_tick(world->mtasts);
}

static struct mtasts_ask *begin(struct world *world, const char *domain, bool is_refresh)
{
	struct mtasts_ask *ask;

	world->is_asking = true;
	ask = mtasts_ask(world->mtasts, domain, is_refresh, on_answer, world);
	world->is_asking = false;
	assert_non_null(ask);
	return ask;
}

static enum mtasts_state ask(struct world *world, const char *domain)
{
	size_t before = world->answer_count;

	begin(world, domain, false);
	run_until(world, &world->answer_count, before + 1);
	return world->answer.state;
}

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

static void a_look_that_fails_leaves_the_policy_and_is_told_the_second_time(void **state)
{
	struct world *world = open_world(true);

	(void)state;
	assert_true(load(world, ENFORCE, WEEK_S));
	assert_int_equal(ask(world, "a.example"), MTASTS_POLICY);
	let_fail(world);
	assert_int_equal(world->tell_count, 0);
	pass(world, 80);
	run_until(world, &world->tell_count, 1);
	assert_non_null(strstr(world->tells[0], "cannot be renewed: TXT _mta-sts.a.example: "));
	assert_int_equal(ask(world, "a.example"), MTASTS_POLICY);
	assert_non_null(strstr(world->answer.why, "TXT _mta-sts.a.example: "));
	close_world(world);
}

/* Hour by hour, every renewal fails. */
static size_t tells_in(struct world *world, unsigned hours)
{
	size_t before = world->tell_count;

	for (unsigned i = 0; i < hours; i++) {
		pass(world, 3600);
		let_fail(world);
	}
	return world->tell_count - before;
}

static void alerts_are_rare_before_half_of_the_life_and_hourly_after(void **state)
{
	struct world *world = open_world(true);
	size_t late;

	(void)state;
	assert_true(load(world, ENFORCE, WEEK_S / 2 + 6 * 3600));
	assert_true(tells_in(world, 5) <= 1);
	pass(world, 2 * 3600);
	late = tells_in(world, 5);
	assert_true(late >= 3 && late <= 6);
	assert_non_null(strstr(world->tells[world->tell_count - 1], "is past half of its life"));
	close_world(world);
}

static void a_policy_without_tls_to_ask_for_is_never_told_of(void **state)
{
	struct world *world = open_world(true);

	(void)state;
	assert_true(load(world, NONE, 2 * 3600));
	assert_int_equal(ask(world, "a.example"), MTASTS_POLICY);
	assert_int_equal(world->answer.mode, MX_POLICY_NONE);
	assert_int_equal(tells_in(world, 4), 0);
	close_world(world);
}

static void an_expired_policy_is_said_and_never_binds(void **state)
{
	struct world *world = open_world(true);
	struct evidence evidence;

	(void)state;
	assert_true(load(world, ENFORCE, 3600));
	assert_true(mtasts_evidence(&evidence, world->mtasts, "a.example"));
	assert_int_equal(evidence.state, EVIDENCE_BINDS);
	assert_int_equal(evidence.source, SOURCE_MTA_STS);
	assert_string_equal(evidence.detail,
	                    "mode enforce, id 20260101, mx mx1.a.example *.Mail.a.example");
	assert_int_equal(evidence.left_s, 3600);
	pass(world, 3600);
	assert_int_equal(ask(world, "a.example"), MTASTS_FAILED);
	assert_true(mtasts_evidence(&evidence, world->mtasts, "a.example"));
	assert_int_equal(evidence.state, EVIDENCE_EXPIRED);
	assert_int_equal(evidence.left_s, 0);
	assert_int_equal(world->row.policy.left_s, 0);
	assert_false(world->row.is_removed);
	pass(world, WEEK_S);
	pass(world, 3600);
	assert_true(world->row.is_removed);
	assert_string_equal(world->row.policy.domain, "a.example");
	assert_int_equal(mtasts_count(world->mtasts), 0);
	assert_false(mtasts_evidence(&evidence, world->mtasts, "a.example"));
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

static void what_is_left_is_saved_each_hour(void **state)
{
	struct world *world = open_world(true);

	(void)state;
	assert_true(load(world, ENFORCE, WEEK_S));
	assert_int_equal(world->row_count, 0);
	/* The first time at a random moment, as all policies are loaded at once. */
	pass(world, 3600);
	assert_int_equal(world->row_count, 1);
	for (size_t i = 0; i < 5; i++)
		pass(world, 3600);
	assert_int_equal(world->row_count, 6);
	assert_int_equal(world->row.policy.left_s, WEEK_S - 6 * 3600);
	assert_int_equal(world->row.policy.saved_ms, hands.wall_ms);
	assert_int_equal(world->row.policy.fetched_ms, WALL_MS - DAY_S * 1000ULL);
	assert_memory_equal(world->row.policy.text, ENFORCE, sizeof(ENFORCE) - 1);
	close_world(world);
}

static void a_wall_clock_that_is_set_while_we_run_changes_nothing(void **state)
{
	struct world *world = open_world(true);

	(void)state;
	assert_true(load(world, ENFORCE, WEEK_S));
	hands.wall_ms = 2147483647000;
	pass(world, 1);
	assert_int_equal(ask(world, "a.example"), MTASTS_POLICY);
	assert_int_equal(world->answer.left_s, WEEK_S - 1);
	hands.wall_ms = 0;
	pass(world, 1);
	assert_int_equal(ask(world, "a.example"), MTASTS_POLICY);
	assert_int_equal(world->answer.left_s, WEEK_S - 2);
	close_world(world);
}

static void a_row_that_is_no_policy_is_not_loaded(void **state)
{
	static const struct {
		const char *domain;
		const char *id;
		const char *text;
	} rows[] = {
		{ "A.example", "1", ENFORCE },
		{ "a.example.", "1", ENFORCE },
		{ "a b", "1", ENFORCE },
		{ "", "1", ENFORCE },
		{ "a.example", "1-2", ENFORCE },
		{ "a.example", "1", "version: STSv1\nmode: enforce\nmax_age: 1\n" },
		{ "a.example", "1", "" },
	};
	struct world *world = open_world(true);
	struct row_policy *row = calloc(1, sizeof(*row));

	(void)state;
	assert_non_null(row);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(row->domain, sizeof(row->domain), "%s", rows[i].domain);
		snprintf(row->id, sizeof(row->id), "%s", rows[i].id);
		row->left_s = WEEK_S;
		row->saved_ms = WALL_MS;
		row->text_len = (uint32_t)strlen(rows[i].text);
		memcpy(row->text, rows[i].text, row->text_len);
		assert_false(mtasts_load(world->mtasts, row));
	}
	assert_int_equal(mtasts_count(world->mtasts), 0);
	free(row);
	close_world(world);
}

static void a_row_claims_no_longer_life_than_its_policy(void **state)
{
	struct world *world = open_world(true);

	(void)state;
	assert_true(load(world, ENFORCE, UINT32_MAX));
	assert_int_equal(ask(world, "a.example"), MTASTS_POLICY);
	assert_int_equal(world->answer.left_s, WEEK_S);
	/* And the one that is there is the newer one. */
	assert_false(load(world, ENFORCE, 10));
	close_world(world);
}

static void a_forgotten_policy_leaves_the_store(void **state)
{
	struct world *world = open_world(true);

	(void)state;
	assert_true(load(world, ENFORCE, WEEK_S));
	assert_int_equal(mtasts_forget(world->mtasts, "a.example"), 1);
	assert_true(world->row.is_removed);
	assert_int_equal(mtasts_forget(world->mtasts, "a.example"), 0);
	assert_int_equal(mtasts_count(world->mtasts), 0);
	assert_int_equal(mtasts_octets(world->mtasts), 0);
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
		cmocka_unit_test(what_is_switched_off_looks_nothing_up),
		cmocka_unit_test(a_look_that_fails_leaves_the_policy_and_is_told_the_second_time),
		cmocka_unit_test(alerts_are_rare_before_half_of_the_life_and_hourly_after),
		cmocka_unit_test(a_policy_without_tls_to_ask_for_is_never_told_of),
		cmocka_unit_test(an_expired_policy_is_said_and_never_binds),
		cmocka_unit_test(a_policy_in_testing_only_alerts),
		cmocka_unit_test(what_is_left_is_saved_each_hour),
		cmocka_unit_test(a_wall_clock_that_is_set_while_we_run_changes_nothing),
		cmocka_unit_test(a_row_that_is_no_policy_is_not_loaded),
		cmocka_unit_test(a_row_claims_no_longer_life_than_its_policy),
		cmocka_unit_test(a_forgotten_policy_leaves_the_store),
		cmocka_unit_test(what_is_cancelled_is_not_answered),
		cmocka_unit_test(an_answer_is_due_within_its_time),
		cmocka_unit_test(asks_and_look_ups_are_bounded),
	};

	return cmocka_run_group_tests_name("policy/mtasts", tests, NULL, NULL);
}
