/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/report/store_fixture.h"

/* Every failure is a real one. */

static void a_full_disk_is_told_once_and_nothing_is_lost(void **state)
{
	struct fixture *fixture = *state;
	char filler[112];
	FILE *file;

	open_store(fixture);
	put_met(fixture, "before.example", 1);
	tick(fixture, 1000);
	snprintf(filler, sizeof(filler), "%s/filler", fixture->directory);
	file = fopen(filler, "w");
	assert_non_null(file);
	setvbuf(file, NULL, _IONBF, 0);
	while (fwrite(secret, 1, 1, file) == 1)
		if (fseek(file, 4095, SEEK_CUR) != 0)
			break;
	fclose(file);

	for (unsigned i = 0; i < 20; i++)
		put_policy(fixture, i, TEXT_LEN, 604800);
	tick(fixture, 1000);
	assert_int_equal(fixture->problems, 1);
	must_have_a_problem(fixture, "the disk is full");
	must_have_a_problem(fixture, fixture->path);
	assert_false(figures_of(fixture).is_usable);
	assert_int_equal(figures_of(fixture).waiting, 20);
	tick(fixture, 1000);
	tick(fixture, STORE_RETRY_MS);
	assert_int_equal(fixture->problems, 1);
	/* What waits is read with the rest. */
	assert_int_equal(read_all(fixture, ROW_POLICY), 20);
	assert_int_equal(read_all(fixture, ROW_MET), 1);

	assert_int_equal(unlink(filler), 0);
	tick(fixture, STORE_RETRY_MS);
	assert_int_equal(fixture->recoveries, 1);
	assert_int_equal(figures_of(fixture).rows[ROW_POLICY], 20);
	assert_int_equal(figures_of(fixture).waiting, 0);
	assert_int_equal(figures_of(fixture).lost, 0);
	assert_true(figures_of(fixture).is_usable);
}

static void a_disk_that_is_full_from_the_start_is_tried_again(void **state)
{
	struct fixture *fixture = *state;
	char filler[112];
	FILE *file;

	snprintf(filler, sizeof(filler), "%s/filler", fixture->directory);
	file = fopen(filler, "w");
	assert_non_null(file);
	setvbuf(file, NULL, _IONBF, 0);
	while (fwrite(secret, 1, 1, file) == 1)
		if (fseek(file, 4095, SEEK_CUR) != 0)
			break;
	fclose(file);
	open_store(fixture);
	must_have_a_problem(fixture, "the disk is full");
	assert_false(store_read_start(fixture->store, fixture->now_ms));
	put_met(fixture, "met.example", 1);
	tick(fixture, STORE_RETRY_MS);
	assert_int_equal(fixture->problems, 1);
	assert_int_equal(unlink(filler), 0);
	tick(fixture, STORE_RETRY_MS);
	assert_int_equal(fixture->recoveries, 1);
	assert_int_equal(figures_of(fixture).rows[ROW_MET], 1);
}

static void remount(const struct fixture *fixture, unsigned long flags)
{
	assert_int_equal(mount("none", fixture->directory, "tmpfs", MS_REMOUNT | flags, "size=16m"),
	                 0);
}

static void what_cannot_be_written_can_still_be_read(void **state)
{
	struct fixture *fixture = *state;

	open_store(fixture);
	put_met(fixture, "met.example", 1);
	close_store(fixture);
	remount(fixture, MS_RDONLY);
	open_store(fixture);
	assert_int_equal(fixture->problems, 1);
	must_have_a_problem(fixture, "Read-only file system");
	put_met(fixture, "other.example", 1);
	tick(fixture, 1000);
	assert_int_equal(read_all(fixture, ROW_MET), 2);
	assert_int_equal(figures_of(fixture).waiting, 1);
	tick(fixture, STORE_RETRY_MS);
	assert_int_equal(fixture->problems, 1);
	remount(fixture, 0);
	tick(fixture, STORE_RETRY_MS);
	assert_int_equal(fixture->recoveries, 1);
	assert_int_equal(figures_of(fixture).waiting, 0);
	assert_int_equal(figures_of(fixture).rows[ROW_MET], 2);
}

static void a_directory_that_is_not_there_is_a_problem_and_no_end(void **state)
{
	struct fixture *fixture = *state;

	fixture->options.directory = "/nonexistent";
	open_store(fixture);
	must_have_a_problem(fixture, "No such file or directory");
	put_met(fixture, "met.example", 1);
	tick(fixture, STORE_RETRY_MS);
	assert_int_equal(fixture->problems, 1);
	assert_int_equal(figures_of(fixture).waiting, 1);
}

static void a_lock_is_waited_for_and_told_when_it_lasts(void **state)
{
	struct fixture *fixture = *state;
	sqlite3 *other;

	open_store(fixture);
	other = connect(fixture);
	run(other, "BEGIN IMMEDIATE");
	put_met(fixture, "met.example", 1);
	tick(fixture, 1000);
	tick(fixture, 1000);
	assert_int_equal(fixture->problems, 0);
	for (unsigned i = 0; i < 10; i++)
		tick(fixture, 1000);
	assert_int_equal(fixture->problems, 1);
	must_have_a_problem(fixture, "another process has it locked");
	assert_int_equal(read_all(fixture, ROW_MET), 1);
	run(other, "ROLLBACK");
	tick(fixture, 1000);
	assert_int_equal(fixture->recoveries, 1);
	assert_int_equal(figures_of(fixture).rows[ROW_MET], 1);
	/* Briefly locked again: the wait begins anew. */
	run(other, "BEGIN IMMEDIATE");
	put_met(fixture, "other.example", 1);
	tick(fixture, 1000);
	run(other, "ROLLBACK");
	tick(fixture, 1000);
	assert_int_equal(fixture->problems, 1);
	assert_int_equal(fixture->recoveries, 1);
	sqlite3_close(other);
}

static void a_database_locked_at_the_start_is_read_when_it_is_free(void **state)
{
	struct fixture *fixture = *state;
	sqlite3 *other;

	open_store(fixture);
	put_met(fixture, "met.example", 1);
	close_store(fixture);
	other = connect(fixture);
	run(other, "PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; DELETE FROM list; COMMIT");
	open_store(fixture);
	assert_false(store_is_readable(fixture->store));
	for (unsigned i = 0; i < 7; i++)
		tick(fixture, 1000);
	assert_int_equal(fixture->problems, 1);
	must_have_a_problem(fixture, "another process has it locked");
	sqlite3_close(other);
	tick(fixture, 1000);
	assert_int_equal(fixture->recoveries, 1);
	assert_int_equal(read_all(fixture, ROW_MET), 1);
}

static void damaged_at_the_start(struct fixture *fixture)
{
	assert_int_equal(fixture->problems, 0);
	open_store(fixture);
	assert_int_equal(fixture->problems, 1);
	must_have_a_problem(fixture, "it is damaged");
	must_have_a_problem(fixture, "hopguard.db.corrupt-20260921T");
	assert_int_equal(fixture->recoveries, 1);
	assert_int_equal(count_files(fixture, "hopguard.db.corrupt-"), 1);
	put_met(fixture, "new.example", 1);
	tick(fixture, 1000);
	assert_int_equal(read_all(fixture, ROW_MET), 1);
}

static void what_is_no_database_is_moved_aside(void **state)
{
	struct fixture *fixture = *state;

	write_file(fixture->path, "this is a letter to somebody, and not a database at all\n");
	damaged_at_the_start(fixture);
}

static void fill_and_close(struct fixture *fixture)
{
	open_store(fixture);
	for (unsigned i = 0; i < 300; i++)
		put_policy(fixture, i, 1000, 604800);
	close_store(fixture);
}

static void a_database_cut_short_is_moved_aside(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;

	fill_and_close(fixture);
	assert_int_equal(stat(fixture->path, &status), 0);
	assert_int_equal(truncate(fixture->path, status.st_size / 2), 0);
	damaged_at_the_start(fixture);
}

static void overwrite_middle(const struct fixture *fixture)
{
	char noise[4096];
	int file;

	memset(noise, 0x5a, sizeof(noise));
	file = open(fixture->path, O_WRONLY);
	assert_true(file >= 0);
	for (off_t page = 4; page < 30; page++)
		assert_int_equal(pwrite(file, noise, sizeof(noise), page * 4096), sizeof(noise));
	close(file);
}

static void a_database_overwritten_in_its_middle_is_moved_aside(void **state)
{
	struct fixture *fixture = *state;

	fill_and_close(fixture);
	overwrite_middle(fixture);
	damaged_at_the_start(fixture);
}

static void a_database_too_large_to_be_checked_is_moved_aside_when_it_is_read(void **state)
{
	struct fixture *fixture = *state;
	enum store_read read = STORE_READ_ROW;

	fixture->options.check_octets_max = 4096;
	fill_and_close(fixture);
	overwrite_middle(fixture);
	open_store(fixture);
	assert_int_equal(fixture->problems, 0);
	assert_true(store_read_start(fixture->store, fixture->now_ms));
	while (read == STORE_READ_ROW)
		read = store_read_next(&fixture->row, fixture->store);
	assert_int_equal(read, STORE_READ_BROKEN);
	must_have_a_problem(fixture, "it is damaged");
	tick(fixture, 1000);
	put_met(fixture, "new.example", 1);
	tick(fixture, 1000);
	assert_int_equal(fixture->recoveries, 1);
	assert_int_equal(read_all(fixture, ROW_MET), 1);
}

static void a_database_without_our_tables_is_moved_aside(void **state)
{
	struct fixture *fixture = *state;
	sqlite3 *other;

	open_store(fixture);
	close_store(fixture);
	other = connect(fixture);
	run(other, "DROP TABLE place");
	sqlite3_close(other);
	damaged_at_the_start(fixture);
}

static void damaged_databases_are_kept_but_not_for_ever(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned i = 0; i < 5; i++) {
		write_file(fixture->path, "this is a letter to somebody, not a database at all\n");
		open_store(fixture);
		close_store(fixture);
		fixture->options.time_ms += 60000;
	}
	assert_int_equal(fixture->problems, 5);
	assert_int_equal(count_files(fixture, "hopguard.db.corrupt-"), 2);
}

static void a_database_of_a_later_version_is_left_alone(void **state)
{
	struct fixture *fixture = *state;
	sqlite3 *other;

	open_store(fixture);
	put_met(fixture, "met.example", 1);
	close_store(fixture);
	other = connect(fixture);
	run(other, "PRAGMA user_version = 99");
	open_store(fixture);
	must_have_a_problem(fixture, "a later version of hopguard made it (schema 99");
	assert_false(store_is_readable(fixture->store));
	put_met(fixture, "other.example", 1);
	tick(fixture, STORE_RETRY_MS);
	assert_int_equal(fixture->problems, 1);
	assert_int_equal(count_files(fixture, "hopguard.db.corrupt-"), 0);
	run(other, "PRAGMA user_version = 2");
	sqlite3_close(other);
	tick(fixture, STORE_RETRY_MS);
	assert_int_equal(fixture->recoveries, 1);
	assert_int_equal(read_all(fixture, ROW_MET), 2);
}

static void somebody_elses_database_is_left_alone(void **state)
{
	struct fixture *fixture = *state;
	sqlite3 *other = connect(fixture);

	run(other, "CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)");
	sqlite3_close(other);
	open_store(fixture);
	must_have_a_problem(fixture, "somebody else's database");
	assert_int_equal(count_files(fixture, "hopguard.db.corrupt-"), 0);
}

static void a_file_that_was_taken_away_is_made_anew(void **state)
{
	struct fixture *fixture = *state;

	open_store(fixture);
	put_met(fixture, "met.example", 1);
	tick(fixture, 1000);
	assert_int_equal(unlink(fixture->path), 0);
	tick(fixture, 1000);
	assert_int_equal(fixture->problems, 1);
	must_have_a_problem(fixture, "removed or replaced");
	assert_int_equal(fixture->recoveries, 1);
	put_met(fixture, "other.example", 1);
	close_store(fixture);
	open_store(fixture);
	assert_int_equal(read_all(fixture, ROW_MET), 1);
	assert_string_equal(fixture->row.met.domain, "other.example");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_full_disk_is_told_once_and_nothing_is_lost),
		TEST(a_disk_that_is_full_from_the_start_is_tried_again),
		TEST(what_cannot_be_written_can_still_be_read),
		TEST(a_directory_that_is_not_there_is_a_problem_and_no_end),
		TEST(a_lock_is_waited_for_and_told_when_it_lasts),
		TEST(a_database_locked_at_the_start_is_read_when_it_is_free),
		TEST(what_is_no_database_is_moved_aside),
		TEST(a_database_cut_short_is_moved_aside),
		TEST(a_database_overwritten_in_its_middle_is_moved_aside),
		TEST(a_database_without_our_tables_is_moved_aside),
		TEST(a_database_too_large_to_be_checked_is_moved_aside_when_it_is_read),
		TEST(damaged_databases_are_kept_but_not_for_ever),
		TEST(a_database_of_a_later_version_is_left_alone),
		TEST(somebody_elses_database_is_left_alone),
		TEST(a_file_that_was_taken_away_is_made_anew),
	};

	return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
