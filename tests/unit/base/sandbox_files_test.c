/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/sandbox_files.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Two folders: `link` in the first leads to `there` in the second. */
struct folders {
	char first[64], second[64];
	char here[80], link[80], there[80], fresh[80];
};

static void make(const char *path)
{
	int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(file >= 0);
	close(file);
}

static int set_up(void **state)
{
	struct folders *folders = calloc(1, sizeof(*folders));

	assert_non_null(folders);
	snprintf(folders->first, sizeof(folders->first), "/tmp/hopguard-files-XXXXXX");
	snprintf(folders->second, sizeof(folders->second), "/tmp/hopguard-files-XXXXXX");
	assert_non_null(mkdtemp(folders->first));
	assert_non_null(mkdtemp(folders->second));
	snprintf(folders->here, sizeof(folders->here), "%s/here", folders->first);
	snprintf(folders->link, sizeof(folders->link), "%s/link", folders->first);
	snprintf(folders->there, sizeof(folders->there), "%s/there", folders->second);
	snprintf(folders->fresh, sizeof(folders->fresh), "%s/fresh", folders->first);
	make(folders->here);
	make(folders->there);
	assert_int_equal(symlink(folders->there, folders->link), 0);
	*state = folders;
	return 0;
}

static int tear_down(void **state)
{
	struct folders *folders = *state;

	(void)unlink(folders->fresh);
	(void)unlink(folders->here);
	(void)unlink(folders->link);
	(void)unlink(folders->there);
	(void)rmdir(folders->first);
	(void)rmdir(folders->second);
	free(folders);
	return 0;
}

/* What opening gives to a process that is kept to these files: 0 or the error. */
static int opened(const struct sandbox_files *files, const char *path, int how)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0 || sandbox_files_enter(files))
			_exit(126);
		_exit(open(path, how | O_CLOEXEC, 0600) < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void need_landlock(void)
{
	if (sandbox_files_version() == 0)
		skip();
}

static void who_has_no_path_opens_nothing(void **state)
{
	const struct folders *folders = *state;
	const struct sandbox_files none = { .path_count = 0 };

	need_landlock();
	assert_int_equal(opened(&none, folders->here, O_RDONLY), EACCES);
	assert_int_equal(opened(&none, folders->fresh, O_RDWR | O_CREAT), EACCES);
	assert_int_equal(opened(&none, "/", O_RDONLY | O_DIRECTORY), EACCES);
}

static void one_file_can_be_read_and_its_neighbour_not(void **state)
{
	struct folders *folders = *state;
	const struct sandbox_files files = {
		{ { folders->here, SANDBOX_READ_FILE } }, 1, { 0 }, 0
	};

	need_landlock();
	make(folders->fresh);
	assert_int_equal(opened(&files, folders->here, O_RDONLY), 0);
	assert_int_equal(opened(&files, folders->here, O_WRONLY), EACCES);
	assert_int_equal(opened(&files, folders->fresh, O_RDONLY), EACCES);
}

static void a_link_can_be_followed_and_replaced(void **state)
{
	struct folders *folders = *state;
	const struct sandbox_files files = {
		{ { folders->link, SANDBOX_READ_BESIDE } }, 1, { 0 }, 0
	};

	need_landlock();
	assert_int_equal(opened(&files, folders->link, O_RDONLY), 0);
	assert_int_equal(opened(&files, folders->here, O_RDONLY), 0);
	assert_int_equal(opened(&files, folders->here, O_RDWR), EACCES);
	assert_int_equal(opened(&files, folders->fresh, O_RDWR | O_CREAT), EACCES);
}

static void a_folder_can_be_written_to_and_nothing_beside_it(void **state)
{
	struct folders *folders = *state;
	const struct sandbox_files files = {
		{ { folders->first, SANDBOX_WRITE_BELOW } }, 1, { 0 }, 0
	};

	need_landlock();
	assert_int_equal(opened(&files, folders->fresh, O_RDWR | O_CREAT | O_TRUNC), 0);
	assert_int_equal(opened(&files, folders->first, O_RDONLY | O_DIRECTORY), 0);
	assert_int_equal(opened(&files, folders->there, O_RDONLY), EACCES);
	assert_int_equal(opened(&files, folders->link, O_RDONLY), EACCES);
}

static void for_a_folder_that_is_not_there_the_one_above_does_not_count(void **state)
{
	struct folders *folders = *state;
	const struct sandbox_files files = {
		{ { folders->fresh, SANDBOX_WRITE_BELOW } }, 1, { 0 }, 0
	};

	need_landlock();
	assert_int_equal(opened(&files, folders->fresh, O_RDWR | O_CREAT), EACCES);
	assert_int_equal(opened(&files, folders->here, O_RDONLY), EACCES);
	/* And of a file that has its place, no more than that file. */
	make(folders->fresh);
	assert_int_equal(opened(&files, folders->fresh, O_RDWR), 0);
	assert_int_equal(opened(&files, folders->here, O_RDONLY), EACCES);
}

static void what_lies_beside_a_file_can_be_read_once_its_folder_is_there(void **state)
{
	struct folders *folders = *state;
	char missing[96];
	const struct sandbox_files files = { { { missing, SANDBOX_READ_BESIDE } }, 1, { 0 }, 0 };

	need_landlock();
	snprintf(missing, sizeof(missing), "%s/missing/file", folders->first);
	assert_int_equal(opened(&files, folders->here, O_RDONLY), 0);
	assert_int_equal(opened(&files, folders->here, O_RDWR), EACCES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_has_no_path_opens_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_file_can_be_read_and_its_neighbour_not, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(a_link_can_be_followed_and_replaced, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(a_folder_can_be_written_to_and_nothing_beside_it,
		                                set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			for_a_folder_that_is_not_there_the_one_above_does_not_count, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			what_lies_beside_a_file_can_be_read_once_its_folder_is_there, set_up,
			tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
