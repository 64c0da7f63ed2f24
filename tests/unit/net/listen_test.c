/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/listen.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
	char directory[32];
	char path[64];
};

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	strcpy(place->directory, "/tmp/hopguard-listen-XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	snprintf(place->path, sizeof(place->path), "%s/control.sock", place->directory);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;

	unlink(place->path);
	rmdir(place->directory);
	free(place);
	return 0;
}

static bool can_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int client = socket(AF_UNIX, SOCK_STREAM, 0);
	bool connects;

	strcpy(address.sun_path, path);
	connects = connect(client, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(client);
	return connects;
}

static void without_a_group_only_the_owner_may_connect(void **state)
{
	const struct place *place = *state;
	struct listen_access access = { .owner = geteuid(), .group = (gid_t)-1 };
	struct stat status;
	int listener;

	assert_int_equal(listen_unix(&listener, place->path, &access), 0);
	assert_int_equal(stat(place->path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_true(can_connect(place->path));
	close(listener);
}

static void with_a_group_its_members_may_connect_and_nobody_else(void **state)
{
	const struct place *place = *state;
	struct listen_access access = { .owner = geteuid(), .group = getegid() };
	struct stat status;
	int listener;

	assert_int_equal(listen_unix(&listener, place->path, &access), 0);
	assert_int_equal(stat(place->path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0660);
	assert_int_equal(status.st_gid, getegid());
	close(listener);
}

static void what_a_dead_process_left_is_replaced(void **state)
{
	const struct place *place = *state;
	struct listen_access access = { .owner = geteuid(), .group = (gid_t)-1 };
	int listener;

	assert_int_equal(listen_unix(&listener, place->path, &access), 0);
	close(listener);
	assert_false(can_connect(place->path));
	assert_int_equal(listen_unix(&listener, place->path, &access), 0);
	assert_true(can_connect(place->path));
	close(listener);
}

static void a_socket_that_answers_is_left_alone(void **state)
{
	const struct place *place = *state;
	struct listen_access access = { .owner = geteuid(), .group = (gid_t)-1 };
	int first, second;

	assert_int_equal(listen_unix(&first, place->path, &access), 0);
	assert_int_equal(listen_unix(&second, place->path, &access), -EADDRINUSE);
	assert_true(can_connect(place->path));
	close(first);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
	struct listen_access access = { .owner = geteuid(), .group = (gid_t)-1 };
	char path[256];
	int listener;

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(listen_unix(&listener, path, &access), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_a_group_only_the_owner_may_connect, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(
			with_a_group_its_members_may_connect_and_nobody_else, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_a_dead_process_left_is_replaced, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(a_socket_that_answers_is_left_alone, set_up,
		                                tear_down),
		cmocka_unit_test(a_path_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
