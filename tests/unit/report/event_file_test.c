/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/event_file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static void each_event_is_a_line_of_its_own(void **state)
{
	struct event_file file;
	char text[64] = "";
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	file = (struct event_file){ .descriptor = ends[1] };
	assert_int_equal(event_file_write(&file, "{\"a\":1}"), 0);
	assert_int_equal(event_file_write(&file, "{}"), 0);
	assert_int_equal(read(ends[0], text, sizeof(text)), 11);
	assert_string_equal(text, "{\"a\":1}\n{}\n");
	event_file_replace(&file, -1);
	assert_int_equal(fcntl(ends[1], F_GETFD), -1);
	close(ends[0]);
}

static void no_file_is_no_failure(void **state)
{
	struct event_file file = { .descriptor = -1 };

	(void)state;
	assert_int_equal(event_file_write(&file, "{}"), 0);
	assert_int_equal(file.lost, 0);
}

static void a_full_disk_is_told_and_counted(void **state)
{
	struct event_file file = { .descriptor = open("/dev/full", O_WRONLY) };

	(void)state;
	assert_int_equal(event_file_write(&file, "{}"), -ENOSPC);
	assert_int_equal(file.lost, 1);
	event_file_replace(&file, -1);
}

static void an_event_that_was_cut_spoils_no_other(void **state)
{
	enum { ROOM = 10 };
	const struct rlimit little = { .rlim_cur = ROOM, .rlim_max = RLIM_INFINITY };
	const struct rlimit enough = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
	char path[] = "/tmp/event_file_test.XXXXXX", text[64] = "";
	struct event_file file = { .descriptor = mkstemp(path) };

	(void)state;
	assert_true(file.descriptor >= 0);
	unlink(path);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	assert_int_equal(event_file_write(&file, "{\"a\":1}"), 0);
	assert_int_equal(event_file_write(&file, "{\"b\":1}"), -ENOSPC);
	assert_int_equal(event_file_write(&file, "{\"c\":1}"), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &enough), 0);
	assert_int_equal(event_file_write(&file, "{\"d\":1}"), 0);
	assert_int_equal(event_file_write(&file, "{}"), 0);
	assert_int_equal(pread(file.descriptor, text, sizeof(text), 0), 22);
	assert_string_equal(text, "{\"a\":1}\n{\"\n{\"d\":1}\n{}\n");
	assert_int_equal(file.lost, 2);
	event_file_replace(&file, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_event_is_a_line_of_its_own),
		cmocka_unit_test(no_file_is_no_failure),
		cmocka_unit_test(a_full_disk_is_told_and_counted),
		cmocka_unit_test(an_event_that_was_cut_spoils_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
