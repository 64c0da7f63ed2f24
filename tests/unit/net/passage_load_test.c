/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/passage_load.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/body_segments.h"

/*
 * Whose the pins are. In a network and a view of files of our own; "strangers" are processes of ours with another user's number.
 */

enum { USER = 4321, STRANGER = 65534 };

static const char MOUNT_POINT[] = "/run/hopguard-passage";
static const char VICTIM[] = "/run/victim";

static char folder[PASSAGE_PATH_MAX], match[PASSAGE_PATH_MAX];
static bool can_load;
static unsigned renamed, renamed_in_roots_own;

/* The last step of each pin, when its owner and mode have been set: stands in libc's place. */
int rename(const char *from, const char *to)
{
	struct stat found;

	renamed++;
	renamed_in_roots_own += lstat(folder, &found) == 0 && S_ISDIR(found.st_mode) &&
	                        found.st_uid == 0 && (found.st_mode & 07777) == 0755;
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

static int set_up(void **state)
{
	char why[PASSAGE_WHY_MAX];

	(void)state;
	can_load = body_program_enter() && passage_load(NULL, USER, USER, why) == 0;
	(void)passage_pin_path(match);
	(void)snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(match, '/') - match), match);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (can_load)
		passage_unpin();
	return 0;
}

static void load(void)
{
	char why[PASSAGE_WHY_MAX] = "";

	renamed = renamed_in_roots_own = 0;
	if (passage_load(NULL, USER, USER, why) != 0)
		fail_msg("%s", why);
	assert_int_equal(renamed, 2);
	assert_int_equal(renamed_in_roots_own, 2);
}

static void assert_is(const char *path, mode_t mode, uid_t owner)
{
	struct stat found;

	assert_int_equal(lstat(path, &found), 0);
	assert_int_equal(found.st_mode, mode);
	assert_int_equal(found.st_uid, owner);
}

static void assert_all_is_whose_it_shall_be(void)
{
	char flows[PASSAGE_PATH_MAX + 8];

	(void)snprintf(flows, sizeof(flows), "%s/flows", folder);
	assert_is(MOUNT_POINT, S_IFDIR | 0755, 0);
	assert_is(folder, S_IFDIR | 0755, USER);
	assert_is(flows, S_IFREG | 0600, USER);
	assert_is(match, S_IFREG | 0644, USER);
}

static void put_victim(void)
{
	int opened = open(VICTIM, O_CREAT | O_RDWR | O_CLOEXEC, 0640);

	assert_true(opened >= 0);
	assert_int_equal(fchmod(opened, 0640), 0);
	close(opened);
}

static void the_table_is_the_users_and_what_holds_it_roots(void **state)
{
	(void)state;
	if (!can_load)
		skip();
	load();
	assert_all_is_whose_it_shall_be();
	load();
	assert_all_is_whose_it_shall_be();
}

static void strangers_make_nothing_there_even_where_an_earlier_version_let_them(void **state)
{
	int made;

	(void)state;
	if (!can_load)
		skip();
	assert_int_equal(chmod(MOUNT_POINT, 01777), 0);
	load();
	assert_int_equal(seteuid(STRANGER), 0);
	made = mkdir("/run/hopguard-passage/1", 0755);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(made, -1);
	assert_all_is_whose_it_shall_be();
}

/* What it may be told to do with its own folder leads to no file of another's. */
static void links_in_a_users_folder_lead_nowhere(void **state)
{
	static const char *const names[] = { "match-new", "flows-new" };
	char path[PASSAGE_PATH_MAX + 16];

	(void)state;
	if (!can_load)
		skip();
	put_victim();
	assert_int_equal(seteuid(USER), 0);
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		assert_int_equal(symlink(VICTIM, path), 0);
	}
	assert_int_equal(seteuid(0), 0);
	load();
	assert_all_is_whose_it_shall_be();
	assert_is(VICTIM, S_IFREG | 0640, 0);

	assert_int_equal(seteuid(USER), 0);
	(void)snprintf(path, sizeof(path), "%s/match-new", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(seteuid(0), 0);
	load();
	assert_all_is_whose_it_shall_be();
}

static void a_link_in_the_place_of_the_folder_leads_nowhere(void **state)
{
	static const char ELSEWHERE[] = "/run/elsewhere";

	(void)state;
	if (!can_load)
		skip();
	assert_int_equal(mkdir(ELSEWHERE, 0700), 0);
	passage_unpin();
	/* As a stranger could by an earlier version, which knew the number of our network. */
	load();
	assert_int_equal(unlink(match), 0);
	(void)snprintf(match + strlen(folder), sizeof(match) - strlen(folder), "/flows");
	assert_int_equal(unlink(match), 0);
	(void)passage_pin_path(match);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(symlink(ELSEWHERE, folder), 0);
	load();
	assert_all_is_whose_it_shall_be();
	assert_is(ELSEWHERE, S_IFDIR | 0700, 0);
	assert_int_equal(rmdir(ELSEWHERE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_the_users_and_what_holds_it_roots),
		cmocka_unit_test(
			strangers_make_nothing_there_even_where_an_earlier_version_let_them),
		cmocka_unit_test(links_in_a_users_folder_lead_nowhere),
		cmocka_unit_test(a_link_in_the_place_of_the_folder_leads_nowhere),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
