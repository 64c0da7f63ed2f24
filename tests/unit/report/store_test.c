/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/report/store_fixture.h"

static void what_was_written_is_read_after_a_restart(void **state)
{
	struct fixture *fixture = *state;
	struct row *list;

	open_store(fixture);
	put_policy(fixture, 1, 150, 604800);
	put_place(fixture, "mx.example", "192.0.2.1");
	put_place(fixture, "mx.example", "2001:db8::1");
	put_met(fixture, "met.example", 3);
	list = clean(fixture, ROW_LIST);
	snprintf(list->list.path, sizeof(list->list.path), "/etc/hopguard/policy.json");
	list->list.timestamp_ms = 77;
	put(fixture);
	close_store(fixture);

	open_store(fixture);
	assert_int_equal(read_all(fixture, ROW_POLICY), 1);
	assert_string_equal(fixture->row.policy.domain, "domain1.example");
	assert_string_equal(fixture->row.policy.id, "id1");
	assert_int_equal(fixture->row.policy.fetched_ms, 3);
	assert_int_equal(fixture->row.policy.saved_ms, 4);
	assert_int_equal(fixture->row.policy.left_s, 604800);
	assert_int_equal(fixture->row.policy.kept_s, 86400);
	assert_int_equal(fixture->row.policy.standing, 2);
	assert_int_equal(fixture->row.policy.text_len, 150);
	assert_int_equal(fixture->row.policy.text[149], 'a');
	assert_int_equal(read_all(fixture, ROW_PLACE), 2);
	assert_int_equal(fixture->row.place.address.family, 6);
	assert_int_equal(fixture->row.place.first_ms, 5);
	assert_int_equal(fixture->row.place.last_ms, 6);
	assert_int_equal(fixture->row.place.tls_version, 0x0304);
	assert_int_equal(fixture->row.place.has_key, 1);
	assert_int_equal(fixture->row.place.key[31], 0xab);
	assert_int_equal(read_all(fixture, ROW_MET), 1);
	assert_int_equal(fixture->row.met.days, 3);
	assert_int_equal(read_all(fixture, ROW_LIST), 1);
	assert_int_equal(fixture->row.list.timestamp_ms, 77);
	assert_int_equal(fixture->problems + fixture->recoveries, 0);
	assert_int_equal(figures_of(fixture).rows[ROW_PLACE], 2);
}

static void a_row_replaces_the_one_with_its_key_and_can_be_removed(void **state)
{
	struct fixture *fixture = *state;

	open_store(fixture);
	put_met(fixture, "met.example", 1);
	tick(fixture, 1000);
	put_met(fixture, "met.example", 2);
	put_met(fixture, "other.example", 1);
	tick(fixture, 1000);
	assert_int_equal(figures_of(fixture).rows[ROW_MET], 2);
	put_met(fixture, "other.example", 1);
	fixture->row.is_removed = 1;
	put(fixture);
	tick(fixture, 1000);
	assert_int_equal(read_all(fixture, ROW_MET), 1);
	assert_int_equal(fixture->row.met.days, 2);
	assert_int_equal(figures_of(fixture).rows[ROW_MET], 1);
}

static void the_file_is_for_its_owner_alone(void **state)
{
	struct fixture *fixture = *state;
	char log[112];
	struct stat status;

	write_file(fixture->path, "");
	assert_int_equal(chmod(fixture->path, 0644), 0);
	open_store(fixture);
	put_met(fixture, "met.example", 1);
	tick(fixture, 1000);
	assert_int_equal(stat(fixture->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	snprintf(log, sizeof(log), "%s-wal", fixture->path);
	assert_int_equal(stat(log, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
}

static void rows_are_written_together_but_not_too_many(void **state)
{
	struct fixture *fixture = *state;
	char name[32];

	open_store(fixture);
	for (unsigned i = 0; i < STORE_BATCH_MAX - 1; i++) {
		snprintf(name, sizeof(name), "domain%u.example", i);
		put_met(fixture, name, 1);
	}
	assert_int_equal(figures_of(fixture).rows[ROW_MET], 0);
	put_met(fixture, "last.example", 1);
	assert_int_equal(figures_of(fixture).rows[ROW_MET], STORE_BATCH_MAX);
	assert_int_equal(figures_of(fixture).waiting, 0);
}

/* What a second connection sees, as if this process were killed now. */
static void what_was_ticked_survives_a_kill(void **state)
{
	struct fixture *fixture = *state;
	sqlite3_stmt *statement = NULL;
	sqlite3 *other;

	open_store(fixture);
	put_met(fixture, "met.example", 1);
	tick(fixture, 1000);
	other = connect(fixture);
	assert_int_equal(
		sqlite3_prepare_v2(other, "SELECT count(*) FROM met", -1, &statement, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int(statement, 0), 1);
	sqlite3_finalize(statement);
	sqlite3_close(other);
}

static void beyond_the_bound_of_a_kind_the_oldest_leave(void **state)
{
	struct fixture *fixture = *state;
	struct row *row;

	open_store(fixture);
	for (unsigned i = 0; i < STORE_LISTS_MAX + 1; i++) {
		row = clean(fixture, ROW_LIST);
		snprintf(row->list.path, sizeof(row->list.path), "/list%u", i);
		put(fixture);
		tick(fixture, 1000);
		/* The first is in use. */
		snprintf(row->list.path, sizeof(row->list.path), "/list0");
		put(fixture);
		tick(fixture, 1000);
	}
	assert_true(figures_of(fixture).rows[ROW_LIST] <= STORE_LISTS_MAX);
	assert_true(figures_of(fixture).rows[ROW_LIST] > STORE_LISTS_MAX / 2);
	assert_int_equal(read_all(fixture, ROW_LIST), figures_of(fixture).rows[ROW_LIST]);
	assert_string_equal(fixture->row.list.path, "/list0");
}

static void a_file_at_its_bound_makes_room_by_the_oldest_policies(void **state)
{
	struct fixture *fixture = *state;

	fixture->options.octets_max = 2 * 1024 * 1024;
	open_store(fixture);
	put_met(fixture, "met.example", 1);
	for (unsigned i = 0; i < 1000; i++) {
		put_policy(fixture, i, TEXT_LEN, 604800);
		tick(fixture, 1000);
	}
	assert_int_equal(fixture->problems, 0);
	assert_int_equal(figures_of(fixture).waiting, 0);
	assert_in_range(figures_of(fixture).rows[ROW_POLICY], 200, 500);
	assert_int_equal(read_all(fixture, ROW_POLICY), figures_of(fixture).rows[ROW_POLICY]);
	assert_string_equal(fixture->row.policy.domain, "domain999.example");
	assert_int_equal(read_all(fixture, ROW_MET), 1);
	assert_true(figures_of(fixture).octets < 12 * 1024 * 1024);
}

static const uint64_t day_ms = 24 * 3600 * 1000ULL;

static void the_old_leave_and_the_rest_stays(void **state)
{
	struct fixture *fixture = *state;

	open_store(fixture);
	put_place(fixture, "old.example", "192.0.2.1");
	put_place(fixture, "mx.example", "192.0.2.2");
	put_met(fixture, "met.example", 1);
	put_policy(fixture, 1, 10, 86400);
	put_policy(fixture, 2, 10, 31557600);
	tick(fixture, 1000);
	/* One is seen again. */
	tick(fixture, 30 * day_ms);
	put_place(fixture, "mx.example", "192.0.2.2");
	tick(fixture, 1000);
	assert_int_equal(figures_of(fixture).rows[ROW_POLICY], 2);
	tick(fixture, 151 * day_ms);
	assert_int_equal(read_all(fixture, ROW_PLACE), 1);
	assert_string_equal(fixture->row.place.host, "mx.example");
	assert_int_equal(read_all(fixture, ROW_POLICY), 1);
	assert_string_equal(fixture->row.policy.domain, "domain2.example");
	assert_int_equal(read_all(fixture, ROW_MET), 1);
	tick(fixture, 220 * day_ms);
	assert_int_equal(read_all(fixture, ROW_PLACE), 0);
	assert_int_equal(read_all(fixture, ROW_MET), 0);
}

static void a_clock_that_steps_ages_nothing_and_life_goes_on_after_a_restart(void **state)
{
	struct fixture *fixture = *state;

	open_store(fixture);
	put_place(fixture, "mx.example", "192.0.2.1");
	tick(fixture, 1000);
	fixture->options.time_ms += 4000 * day_ms;
	tick(fixture, day_ms);
	assert_int_equal(read_all(fixture, ROW_PLACE), 1);
	tick(fixture, 100 * day_ms);
	put_met(fixture, "met.example", 1);
	close_store(fixture);
	/* After a boot the monotonic clock begins anew. */
	fixture->now_ms = 1000;
	open_store(fixture);
	tick(fixture, 70 * day_ms);
	assert_int_equal(read_all(fixture, ROW_PLACE), 1);
	tick(fixture, 20 * day_ms);
	assert_int_equal(read_all(fixture, ROW_PLACE), 0);
}

static void nothing_is_written_while_it_is_read(void **state)
{
	struct fixture *fixture = *state;
	struct row *row = calloc(1, sizeof(*row));

	assert_non_null(row);
	open_store(fixture);
	put_met(fixture, "a.example", 1);
	put_met(fixture, "b.example", 1);
	assert_true(store_read_start(fixture->store, fixture->now_ms));
	assert_int_equal(store_read_next(row, fixture->store), STORE_READ_ROW);
	for (unsigned i = 0; i <= STORE_BATCH_MAX; i++)
		put_policy(fixture, i, 10, 86400);
	tick(fixture, 1000);
	assert_int_equal(figures_of(fixture).waiting, STORE_BATCH_MAX + 1);
	assert_int_equal(store_read_next(row, fixture->store), STORE_READ_ROW);
	assert_string_equal(row->met.domain, "b.example");
	for (unsigned i = 0; i <= STORE_BATCH_MAX; i++)
		assert_int_equal(store_read_next(row, fixture->store), STORE_READ_ROW);
	assert_int_equal(row->kind, ROW_POLICY);
	assert_int_equal(store_read_next(row, fixture->store), STORE_READ_END);
	store_read_stop(fixture->store);
	tick(fixture, 1000);
	assert_int_equal(figures_of(fixture).waiting, 0);
	free(row);
}

static void rows_that_somebody_spoiled_are_passed_over(void **state)
{
	struct fixture *fixture = *state;
	sqlite3 *other;

	open_store(fixture);
	put_place(fixture, "mx.example", "192.0.2.1");
	put_met(fixture, "met.example", 1);
	tick(fixture, 1000);
	other = connect(fixture);
	run(other, "INSERT INTO place (host, address, first_ms, last_ms, tls_version, written_s)"
	           " VALUES ('x.example', x'0102', 1, 1, 1, 1), ('', x'01020304', 1, 1, 1, 1)");
	run(other, "INSERT INTO met (domain, first_ms, last_ms, days, written_s)"
	           " VALUES (hex(zeroblob(200)), 1, 1, 1, 1), ('y.example', -5, 'x', 1e300, 1)");
	run(other, "INSERT INTO policy (domain, policy_id, fetched_ms, saved_ms, left_s, written_s,"
	           " text) VALUES ('z.example', 'a', 1, 1, 1, 1, zeroblob(70000))");
	sqlite3_close(other);
	assert_int_equal(read_all(fixture, ROW_PLACE), 1);
	assert_int_equal(read_all(fixture, ROW_POLICY), 0);
	assert_int_equal(read_all(fixture, ROW_MET), 2);
	assert_int_equal(fixture->row.met.first_ms, 0);
	assert_int_equal(fixture->row.met.days, UINT32_MAX);
}

static void a_database_of_an_earlier_version_is_carried_on(void **state)
{
	struct fixture *fixture = *state;
	sqlite3 *other;

	open_store(fixture);
	put_policy(fixture, 1, 150, 604800);
	close_store(fixture);
	other = connect(fixture);
	run(other, "ALTER TABLE policy DROP COLUMN kept_s;"
	           "ALTER TABLE policy DROP COLUMN standing; PRAGMA user_version = 1");
	sqlite3_close(other);
	open_store(fixture);
	assert_int_equal(read_all(fixture, ROW_POLICY), 1);
	assert_int_equal(fixture->row.policy.left_s, 604800);
	assert_int_equal(fixture->row.policy.kept_s, 0);
	put_policy(fixture, 1, 150, 604800);
	tick(fixture, 1000);
	assert_int_equal(read_all(fixture, ROW_POLICY), 1);
	assert_int_equal(fixture->row.policy.kept_s, 86400);
	assert_int_equal(fixture->problems, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_was_written_is_read_after_a_restart),
		TEST(a_row_replaces_the_one_with_its_key_and_can_be_removed),
		TEST(the_file_is_for_its_owner_alone),
		TEST(rows_are_written_together_but_not_too_many),
		TEST(what_was_ticked_survives_a_kill),
		TEST(beyond_the_bound_of_a_kind_the_oldest_leave),
		TEST(a_file_at_its_bound_makes_room_by_the_oldest_policies),
		TEST(the_old_leave_and_the_rest_stays),
		TEST(a_clock_that_steps_ages_nothing_and_life_goes_on_after_a_restart),
		TEST(nothing_is_written_while_it_is_read),
		TEST(rows_that_somebody_spoiled_are_passed_over),
		TEST(a_database_of_an_earlier_version_is_carried_on),
	};

	return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
