/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/control_protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void every_request_that_is_printed_is_read_back(void **state)
{
	static const enum control_command commands[] = { CONTROL_STATUS, CONTROL_EVENTS,
		                                         CONTROL_FLOWS,  CONTROL_EXPLAIN,
		                                         CONTROL_RELOAD, CONTROL_FLUSH };
	char text[CONTROL_REQUEST_MAX], error[CONTROL_ERROR_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < 6; i++) {
		struct control_request request = { .command = commands[i],
			                           .follows = commands[i] == CONTROL_EVENTS };
		struct control_request read;
		size_t len;

		if (commands[i] == CONTROL_EXPLAIN || commands[i] == CONTROL_FLUSH)
			strcpy(request.name, "example.org");
		len = control_request_print(text, sizeof(text), &request);
		assert_int_equal(len, strlen(text));
		assert_true(control_request_parse(&read, text, len, error));
		assert_int_equal(read.command, request.command);
		assert_int_equal(read.follows, request.follows);
		assert_string_equal(read.name, request.name);
	}
}

/* Each request also cut at every length: none of these is a request, and none reads beyond its end. */
static void what_is_no_request_is_refused_with_a_sentence(void **state)
{
	static const char whole[] = "{\"command\":\"flush\",\"name\":\"example.org\"}";
	static const char *const others[] = {
		"",
		"x",
		"[]",
		"1",
		"null",
		"{}",
		"{\"command\":1}",
		"{\"command\":\"stop\"}",
		"{\"command\":\"status\",\"command\":\"reload\"}",
		"{\"command\":\"flush\"}",
		"{\"command\":\"explain\",\"name\":\"\"}",
		"{\"command\":\"flush\",\"name\":7}",
		"{\"command\":\"status\"} {}",
		"{\"command\":\"\xff\"}",
		"{\"command\":\"\\\n\n\x1b[2J\"}",
	};
	struct control_request request;
	char error[CONTROL_ERROR_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		error[0] = '\0';
		assert_false(control_request_parse(&request, others[i], strlen(others[i]), error));
		assert_true(error[0] != '\0');
		for (const char *at = error; *at; at++)
			assert_true(*at >= ' ' && *at <= '~');
	}
	for (i = 0; i < sizeof(whole) - 1; i++) {
		char *cut = malloc(i + 1);

		memcpy(cut, whole, i);
		assert_false(control_request_parse(&request, cut, i, error));
		free(cut);
	}
	assert_true(control_request_parse(&request, whole, sizeof(whole) - 1, error));
}

static void a_name_that_does_not_fit_is_refused_and_one_of_octets_is_cleaned(void **state)
{
	char line[512], error[CONTROL_ERROR_MAX], name[DOMAIN_NAME_MAX + 1];
	struct control_request request;

	(void)state;
	memset(name, 'a', DOMAIN_NAME_MAX);
	name[DOMAIN_NAME_MAX] = '\0';
	snprintf(line, sizeof(line), "{\"command\":\"flush\",\"name\":\"%s\"}", name);
	assert_false(control_request_parse(&request, line, strlen(line), error));
	name[DOMAIN_NAME_MAX - 1] = '\0';
	snprintf(line, sizeof(line), "{\"command\":\"flush\",\"name\":\"%s\"}", name);
	assert_true(control_request_parse(&request, line, strlen(line), error));
	assert_int_equal(strlen(request.name), DOMAIN_NAME_MAX - 1);
	strcpy(line, "{\"command\":\"flush\",\"name\":\"a\\nb\"}");
	assert_true(control_request_parse(&request, line, strlen(line), error));
	assert_string_equal(request.name, "a?b");
}

static void only_a_line_with_a_result_ends_an_answer(void **state)
{
	struct control_result result = { .exit_status = 2, .error = "line 3: mode" };
	struct control_result read;
	char text[1024];

	(void)state;
	assert_true(control_result_print(text, sizeof(text), &result) > 0);
	assert_string_equal(text, "{\"result\":\"error\",\"exit\":2,\"error\":\"line 3: mode\"}");
	assert_true(control_result_parse(&read, text));
	assert_int_equal(read.exit_status, 2);
	assert_string_equal(read.error, "line 3: mode");
	result = (struct control_result){ .exit_status = 1 };
	assert_true(control_result_print(text, sizeof(text), &result) > 0);
	assert_true(control_result_parse(&read, text));
	assert_int_equal(read.exit_status, 1);
	assert_string_equal(read.error, "");
	assert_false(control_result_parse(&read, "{\"event\":\"ready\"}"));
	assert_false(control_result_parse(&read, "{"));
}

static void what_changes_something_is_known_as_such(void **state)
{
	(void)state;
	assert_true(control_command_changes(CONTROL_RELOAD));
	assert_true(control_command_changes(CONTROL_FLUSH));
	assert_false(control_command_changes(CONTROL_STATUS));
	assert_false(control_command_changes(CONTROL_EVENTS));
	assert_false(control_command_changes(CONTROL_FLOWS));
	assert_false(control_command_changes(CONTROL_EXPLAIN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_request_that_is_printed_is_read_back),
		cmocka_unit_test(what_is_no_request_is_refused_with_a_sentence),
		cmocka_unit_test(a_name_that_does_not_fit_is_refused_and_one_of_octets_is_cleaned),
		cmocka_unit_test(only_a_line_with_a_result_ends_an_answer),
		cmocka_unit_test(what_changes_something_is_known_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
