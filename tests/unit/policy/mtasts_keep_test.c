/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mtasts.h"

#include "mtasts_world.h"

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
	assert_non_null(strstr(
		world->tells[0],
		"cannot be renewed, and holds for another 6 days: TXT _mta-sts.a.example: "));
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
	/* What is left is that nobody knows of another. */
	assert_true(mtasts_evidence(&evidence, world->mtasts, "a.example"));
	assert_int_equal(evidence.state, EVIDENCE_FAILED);
	close_world(world);
}

static void what_is_left_is_saved_each_hour(void **state)
{
	static const char KEPT[] = "version: STSv1\nmode: enforce\nmax_age: 604800\n"
				   "mx: mx1.a.example\nmx: *.Mail.a.example\n";
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
	assert_int_equal(world->row.policy.text_len, strlen(KEPT));
	assert_memory_equal(world->row.policy.text, KEPT, strlen(KEPT));
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

static struct row_policy *row_of(const char *text)
{
	struct row_policy *row = calloc(1, sizeof(*row));

	assert_non_null(row);
	snprintf(row->id, sizeof(row->id), "1");
	row->left_s = WEEK_S;
	row->saved_ms = row->fetched_ms = hands.wall_ms;
	row->text_len = (uint32_t)strlen(text);
	memcpy(row->text, text, row->text_len);
	return row;
}

/* Policies as large as any that is kept, of more domains than there is room for. */
static void load_strangers(struct world *world, uint32_t kept_s)
{
	static char text[ROW_POLICY_TEXT_MAX + 1];
	struct row_policy *row;
	size_t len = (size_t)snprintf(text, sizeof(text),
	                              "version: STSv1\nmode: enforce\nmax_age: 604800\n");

	for (size_t i = 0; i < 15; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		                        "mx: %063d.%063d.%063d.%058d.evil\n", 0, 0, 0, 0);
	row = row_of(text);
	row->kept_s = kept_s;
	for (size_t i = 0; i < MTASTS_OCTETS_MAX / len; i++) {
		snprintf(row->domain, sizeof(row->domain), "x%zu-%u.evil.example", i, kept_s);
		assert_true(mtasts_load(world->mtasts, row));
	}
	free(row);
}

static enum mtasts_state known_of(struct world *world, const char *domain)
{
	struct mtasts_answer answer;

	mtasts_recall(&answer, world->mtasts, domain);
	return answer.state;
}

static void load_of(struct world *world, const char *domain, uint32_t kept_s)
{
	struct row_policy *row = row_of(ENFORCE);

	snprintf(row->domain, sizeof(row->domain), "%s", domain);
	row->kept_s = kept_s;
	assert_true(mtasts_load(world->mtasts, row));
	free(row);
}

static void strangers_policies_never_drive_out_those_of_old_or_of_domains_that_matter(void **state)
{
	struct world *world = open_world(true);

	(void)state;
	world->established = "bank.example";
	load_of(world, "bank.example", 0);
	load_of(world, "settled.example", MTASTS_SETTLED_S);
	load_of(world, "new.example", MTASTS_SETTLED_S - 1);
	load_strangers(world, 0);
	assert_int_equal(known_of(world, "new.example"), MTASTS_UNKNOWN);
	assert_int_equal(known_of(world, "settled.example"), MTASTS_POLICY);
	assert_int_equal(known_of(world, "bank.example"), MTASTS_POLICY);
	assert_true(mtasts_octets(world->mtasts) <= MTASTS_OCTETS_MAX);
	/* He waits for a day, and comes again. */
	load_strangers(world, MTASTS_SETTLED_S);
	assert_int_equal(known_of(world, "settled.example"), MTASTS_UNKNOWN);
	assert_int_equal(known_of(world, "bank.example"), MTASTS_POLICY);
	assert_true(mtasts_octets(world->mtasts) <= MTASTS_OCTETS_MAX);
	close_world(world);
}

/* Of what mail met, and of the operator's files, nothing is known yet when policies are loaded. */
static void who_was_established_keeps_his_room_over_a_restart(void **state)
{
	struct world *world = open_world(true);
	struct row_policy *saved = row_of(ENFORCE);

	(void)state;
	world->established = "a.example";
	load_of(world, "a.example", MTASTS_SETTLED_S);
	pass(world, 3600);
	assert_int_equal(world->row_count, 1);
	memcpy(saved, &world->row.policy, sizeof(*saved));
	close_world(world);
	world = open_world(true);
	assert_true(mtasts_load(world->mtasts, saved));
	load_strangers(world, MTASTS_SETTLED_S);
	assert_int_equal(known_of(world, "a.example"), MTASTS_POLICY);
	free(saved);
	close_world(world);
}

static void a_newcomer_settles_when_it_was_here_for_a_day(void **state)
{
	struct world *world = open_world(true);

	(void)state;
	load_of(world, "settled.example", 3600);
	for (size_t i = 0; i < 23; i++)
		pass(world, 3600);
	assert_int_equal(world->row.policy.kept_s, MTASTS_SETTLED_S);
	load_strangers(world, 0);
	assert_int_equal(known_of(world, "settled.example"), MTASTS_POLICY);
	close_world(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_look_that_fails_leaves_the_policy_and_is_told_the_second_time),
		cmocka_unit_test(alerts_are_rare_before_half_of_the_life_and_hourly_after),
		cmocka_unit_test(a_policy_without_tls_to_ask_for_is_never_told_of),
		cmocka_unit_test(an_expired_policy_is_said_and_never_binds),
		cmocka_unit_test(what_is_left_is_saved_each_hour),
		cmocka_unit_test(a_wall_clock_that_is_set_while_we_run_changes_nothing),
		cmocka_unit_test(a_row_that_is_no_policy_is_not_loaded),
		cmocka_unit_test(a_row_claims_no_longer_life_than_its_policy),
		cmocka_unit_test(a_forgotten_policy_leaves_the_store),
		cmocka_unit_test(
			strangers_policies_never_drive_out_those_of_old_or_of_domains_that_matter),
		cmocka_unit_test(who_was_established_keeps_his_room_over_a_restart),
		cmocka_unit_test(a_newcomer_settles_when_it_was_here_for_a_day),
	};

	return cmocka_run_group_tests_name("policy/mtasts_keep", tests, NULL, NULL);
}
