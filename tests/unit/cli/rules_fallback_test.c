/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/rules_fallback.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/hopguard-fallback-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/kept", folder);
	return 0;
}

/* Fails where anything else was left. */
static int remove_folder(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(folder);
}

static void assert_kept(const char *text)
{
	char octets[64] = "";
	FILE *file = fopen(path, "r");
	struct stat status;

	assert_non_null(file);
	assert_int_equal(fread(octets, 1, sizeof(octets) - 1, file), strlen(text));
	assert_string_equal(octets, text);
	assert_int_equal(fstat(fileno(file), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	fclose(file);
}

static void the_last_one_is_kept_for_its_owner_alone(void **state)
{
	mode_t before = umask(0);

	(void)state;
	assert_int_equal(rules_fallback_keep(path, "mode = enforce\n"), 0);
	assert_kept("mode = enforce\n");
	assert_int_equal(rules_fallback_keep(path, ""), 0);
	assert_kept("");
	umask(before);
}

static void what_cannot_be_written_leaves_what_was_kept(void **state)
{
	char nowhere[80];

	(void)state;
	assert_int_equal(rules_fallback_keep(path, "queues = 2\n"), 0);
	snprintf(nowhere, sizeof(nowhere), "%s/no/kept", folder);
	assert_int_equal(rules_fallback_keep(nowhere, "queues = 3\n"), -ENOENT);
	assert_int_equal(rules_fallback_keep(folder, "queues = 3\n"), -EISDIR);
	assert_kept("queues = 2\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_one_is_kept_for_its_owner_alone),
		cmocka_unit_test(what_cannot_be_written_leaves_what_was_kept),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
