/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state_folders.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

/* On a file system of its own, which goes with all that is in it. */
static char state_directory[64];

static int set_up(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	log_open("t", LOG_LEVEL_ERROR);
	snprintf(state_directory, sizeof(state_directory), "/tmp/hopguard-state-XXXXXX");
	if (!mkdtemp(state_directory))
		return -1;
	return mount("none", state_directory, "tmpfs", 0, "size=1m");
}

static int tear_down(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	return umount(state_directory) || rmdir(state_directory) ? -1 : 0;
}

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", state_directory, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void assert_holds(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "re");
	char held[64] = "";

	assert_non_null(file);
	assert_non_null(fgets(held, sizeof(held), file));
	fclose(file);
	assert_string_equal(held, text);
}

static void assert_is_not_there(const char *name)
{
	assert_int_equal(access(path_of(name), F_OK), -1);
}

static void each_has_a_folder_of_its_own_that_no_other_user_reads(void **state)
{
	static const char *const names[] = { "database", "anchors" };

	(void)state;
	need_root();
	for (int again = 0; again < 2; again++) {
		assert_int_equal(state_folders_make(state_directory), 0);
		for (size_t i = 0; i < 2; i++) {
			struct stat status;

			assert_int_equal(stat(path_of(names[i]), &status), 0);
			assert_true(S_ISDIR(status.st_mode));
			assert_int_equal(status.st_mode & 0007, 0);
		}
	}
}

static void what_an_earlier_version_kept_is_moved_in(void **state)
{
	(void)state;
	need_root();
	put("hopguard.db", "rows");
	put("hopguard.db-wal", "log");
	put("hopguard.db-shm", "index");
	put("root.key", "keys");
	put("events.json", "somebody else's");
	assert_int_equal(state_folders_make(state_directory), 0);
	assert_holds("database/hopguard.db", "rows");
	assert_holds("database/hopguard.db-wal", "log");
	assert_holds("database/hopguard.db-shm", "index");
	assert_holds("anchors/root.key", "keys");
	assert_holds("events.json", "somebody else's");
	assert_is_not_there("hopguard.db");
	assert_is_not_there("hopguard.db-wal");
	assert_is_not_there("root.key");
}

/* An earlier version ran in between, and began anew. */
static void what_is_in_its_place_already_stays(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(state_folders_make(state_directory), 0);
	put("database/hopguard.db", "rows of today");
	put("hopguard.db", "rows of yesterday");
	put("hopguard.db-wal", "log of yesterday");
	put("anchors/root.key", "keys of today");
	put("root.key", "keys of yesterday");
	assert_int_equal(state_folders_make(state_directory), 0);
	assert_holds("database/hopguard.db", "rows of today");
	assert_is_not_there("database/hopguard.db-wal");
	assert_holds("anchors/root.key", "keys of today");
	assert_holds("root.key", "keys of yesterday");
}

static void what_cannot_be_made_is_said(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(state_folders_make("/nonexistent/hopguard"), -ENOENT);
	assert_int_equal(mount("none", state_directory, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_equal(state_folders_make(state_directory), -EROFS);
	assert_int_equal(mount("none", state_directory, "tmpfs", MS_REMOUNT, NULL), 0);
	put("database", "a file in its place");
	assert_int_equal(state_folders_make(state_directory), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			each_has_a_folder_of_its_own_that_no_other_user_reads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_an_earlier_version_kept_is_moved_in, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(what_is_in_its_place_already_stays, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_made_is_said, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
