/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "death.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void the_first_successor_comes_at_once_and_the_next_ever_later(void **state)
{
	static const uint64_t want_ms[] = { 0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000 };
	unsigned deaths;

	(void)state;
	for (deaths = 0; deaths < sizeof(want_ms) / sizeof(want_ms[0]); deaths++)
		assert_int_equal(death_delay_ms(deaths), want_ms[deaths]);
	assert_int_equal(death_delay_ms(~0U), 5000);
}

static int status_of_child(int number, int status)
{
	pid_t pid = fork();
	int got;

	if (pid == 0) {
		if (number) {
			(void)signal(number, SIG_DFL);
			raise(number);
		}
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &got, 0), pid);
	return got;
}

static void a_death_is_told_by_its_signal_or_status(void **state)
{
	char text[128];

	(void)state;
	assert_string_equal(death_describe(text, sizeof(text), status_of_child(SIGKILL, 0)),
	                    "was killed by signal 9 (Killed)");
	assert_string_equal(
		death_describe(text, sizeof(text), status_of_child(SIGSYS, 0)),
		"was killed for a system call that it may not make (which one, its last "
		"line in the log says)");
	assert_string_equal(death_describe(text, sizeof(text), status_of_child(0, 4)),
	                    "ended with status 4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_successor_comes_at_once_and_the_next_ever_later),
		cmocka_unit_test(a_death_is_told_by_its_signal_or_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
