/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/tool.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char *output_of(const char *program, const char *const *arguments)
{
	const struct tool_call call = { .program = program, .arguments = arguments, .lock = -1 };
	char why[TOOL_WHY_MAX];
	char *output = NULL;

	assert_int_equal(tool_run(&output, &call, why), 0);
	return output;
}

static void a_program_gets_its_arguments_as_they_are(void **state)
{
	static const char *const arguments[] = { "%s;", "$HOME `id` \"x\"", NULL };
	char *output = output_of("printf", arguments);

	(void)state;
	assert_string_equal(output, "$HOME `id` \"x\";");
	free(output);
}

static void it_gets_no_environment_of_ours(void **state)
{
	static const char *const arguments[] = { NULL };
	char *output;

	(void)state;
	assert_int_equal(setenv("LD_PRELOAD", "", 1), 0);
	output = output_of("env", arguments);
	assert_string_equal(output, "LC_ALL=C\n");
	free(output);
}

static int with_content(const char *text)
{
	int file = memfd_create("content", MFD_CLOEXEC);

	assert_true(file > STDERR_FILENO);
	assert_int_equal(write(file, text, strlen(text)), strlen(text));
	return file;
}

static void it_can_open_what_is_passed_and_nothing_else(void **state)
{
	int passed = with_content("passed"), other = with_content("other");
	char path[32];
	const char *const arguments[] = { path, NULL };
	struct tool_call call = {
		.program = "cat",
		.arguments = arguments,
		.lock = -1,
		.passed = &passed,
		.passed_count = 1,
	};
	char why[TOOL_WHY_MAX];
	char *output = NULL;

	(void)state;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", passed);
	assert_int_equal(tool_run(&output, &call, why), 0);
	assert_string_equal(output, "passed");
	free(output);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", other);
	assert_int_equal(tool_run(NULL, &call, why), -EIO);
	assert_non_null(strstr(why, "No such file"));
	close(passed);
	close(other);
}

static void one_that_does_not_end_is_ended(void **state)
{
	static const char *const arguments[] = { "30", NULL };
	const struct tool_call call = {
		.program = "sleep",
		.arguments = arguments,
		.lock = -1,
		.seconds_max = 1,
	};
	char why[TOOL_WHY_MAX];
	time_t began = time(NULL);

	(void)state;
	assert_int_equal(tool_run(NULL, &call, why), -EIO);
	assert_true(time(NULL) - began < 10);
	assert_string_equal(why, "sleep was ended by signal 14");
}

static void one_that_is_deaf_to_its_alarm_is_ended(void **state)
{
	static const char *const arguments[] = { "-c", "trap '' ALRM; exec sleep 30", NULL };
	const struct tool_call call = {
		.program = "sh",
		.arguments = arguments,
		.lock = -1,
		.seconds_max = 1,
	};
	char why[TOOL_WHY_MAX];

	(void)state;
	assert_int_equal(tool_run(NULL, &call, why), -EIO);
	assert_string_equal(why, "sh was ended by signal 9");
}

static void a_program_that_is_not_there_is_named(void **state)
{
	static const char *const arguments[] = { NULL };
	const struct tool_call call = { .program = "no-such", .arguments = arguments, .lock = -1 };
	char why[TOOL_WHY_MAX];

	(void)state;
	assert_int_equal(tool_run(NULL, &call, why), -ENOENT);
	assert_string_equal(why, "there is no program no-such");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_gets_its_arguments_as_they_are),
		cmocka_unit_test(it_gets_no_environment_of_ours),
		cmocka_unit_test(it_can_open_what_is_passed_and_nothing_else),
		cmocka_unit_test(one_that_does_not_end_is_ended),
		cmocka_unit_test(one_that_is_deaf_to_its_alarm_is_ended),
		cmocka_unit_test(a_program_that_is_not_there_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
