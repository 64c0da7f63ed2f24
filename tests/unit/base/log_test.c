/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { CAUGHT_MAX = 64 * 1024 };

/* Standard error goes into a pipe between these two. */
struct catcher {
	int saved;
	int reader;
};

static struct catcher catch_stderr(void)
{
	struct catcher catcher;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	catcher.saved = dup(STDERR_FILENO);
	catcher.reader = ends[0];
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	close(ends[1]);
	return catcher;
}

static size_t release_stderr(struct catcher catcher, char caught[CAUGHT_MAX])
{
	size_t len = 0;
	ssize_t got;

	dup2(catcher.saved, STDERR_FILENO);
	close(catcher.saved);
	while ((got = read(catcher.reader, caught + len, CAUGHT_MAX - 1 - len)) > 0)
		len += (size_t)got;
	close(catcher.reader);
	caught[len] = '\0';
	return len;
}

static size_t count_lines(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

/* The rate is counted by the second: each test starts with a fresh one. */
static int start_second(void **state)
{
	(void)state;
	usleep(1000 * 1000);
	return 0;
}

static void a_line_says_who_how_grave_and_what(void **state)
{
	struct catcher catcher = catch_stderr();
	char caught[CAUGHT_MAX];

	(void)state;
	log_open("guard[0]", LOG_LEVEL_INFO);
	log_warn("queue overrun count=%d", 3);
	release_stderr(catcher, caught);
	assert_string_equal(caught, "guard[0]: warn: queue overrun count=3\n");
}

static void what_is_below_the_level_is_not_said(void **state)
{
	struct catcher catcher = catch_stderr();
	char caught[CAUGHT_MAX];

	(void)state;
	log_open("t", LOG_LEVEL_WARN);
	log_info("quiet");
	log_debug("quiet");
	log_error("loud");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("heard");
	release_stderr(catcher, caught);
	assert_string_equal(caught, "t: error: loud\nt: debug: heard\n");
}

static void a_strangers_octets_cannot_forge_a_line(void **state)
{
	struct catcher catcher = catch_stderr();
	char caught[CAUGHT_MAX];

	(void)state;
	log_open("t", LOG_LEVEL_INFO);
	log_info("banner text=%s", "220 x\nt: error: all is lost\x1b[2J\x7f");
	release_stderr(catcher, caught);
	assert_string_equal(caught, "t: info: banner text=220 x?t: error: all is lost?[2J?\n");
}

static void a_long_line_is_cut_and_still_ends(void **state)
{
	struct catcher catcher = catch_stderr();
	char caught[CAUGHT_MAX];
	char text[4096];
	size_t len;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_open("t", LOG_LEVEL_INFO);
	log_info("%s", text);
	len = release_stderr(catcher, caught);
	assert_int_equal(len, 1024);
	assert_int_equal(caught[len - 1], '\n');
	assert_int_equal(count_lines(caught), 1);
}

static void nobody_waits_for_who_has_stopped_reading(void **state)
{
	struct catcher catcher = catch_stderr();
	char caught[CAUGHT_MAX], pages[8192];
	size_t len;

	(void)state;
	alarm(20);
	assert_int_equal(fcntl(STDERR_FILENO, F_SETPIPE_SZ, sizeof(pages)), sizeof(pages));
	memset(pages, '-', sizeof(pages));
	assert_int_equal(write(STDERR_FILENO, pages, sizeof(pages)), sizeof(pages));
	log_open("t", LOG_LEVEL_INFO);
	log_info("unheard");
	log_forbidden_call("kill", 62);
	assert_int_equal(read(catcher.reader, pages, sizeof(pages)), sizeof(pages));
	log_info("heard");
	len = release_stderr(catcher, caught);
	assert_string_equal(caught, "t: warn: log lines left out count=1\nt: info: heard\n");
	assert_int_equal(len, strlen(caught));
	alarm(0);
}

static void a_flood_is_cut_counted_and_said(void **state)
{
	struct catcher catcher = catch_stderr();
	char caught[CAUGHT_MAX];
	int i;

	(void)state;
	log_open("t", LOG_LEVEL_INFO);
	for (i = 0; i < 60; i++)
		log_info("flood");
	usleep(1100 * 1000);
	log_info("after");
	release_stderr(catcher, caught);
	assert_int_equal(count_lines(caught), 52);
	assert_non_null(strstr(caught, "t: warn: log lines left out count=10\nt: info: after\n"));
}

static void errno_survives_a_line(void **state)
{
	struct catcher catcher = catch_stderr();
	char caught[CAUGHT_MAX];

	(void)state;
	close(STDERR_FILENO);
	errno = ENOENT;
	log_error("nobody hears");
	assert_int_equal(errno, ENOENT);
	release_stderr(catcher, caught);
}

static void the_last_word_about_a_forbidden_call_is_said_at_any_level(void **state)
{
	struct catcher catcher = catch_stderr();
	char caught[CAUGHT_MAX];

	(void)state;
	log_open("scout", LOG_LEVEL_ERROR);
	log_forbidden_call("execve", 59);
	log_forbidden_call(NULL, 441);
	release_stderr(catcher, caught);
	assert_string_equal(caught, "scout: error: forbidden system call=execve number=59\n"
	                            "scout: error: forbidden system call=? number=441\n");
}

static void only_the_four_level_names_are_levels(void **state)
{
	enum log_level level = LOG_LEVEL_INFO;

	(void)state;
	assert_true(log_level_parse(&level, "debug"));
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_false(log_level_parse(&level, "Debug"));
	assert_false(log_level_parse(&level, ""));
	assert_int_equal(level, LOG_LEVEL_DEBUG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_says_who_how_grave_and_what),
		cmocka_unit_test(what_is_below_the_level_is_not_said),
		cmocka_unit_test(a_strangers_octets_cannot_forge_a_line),
		cmocka_unit_test(a_long_line_is_cut_and_still_ends),
		cmocka_unit_test_setup(nobody_waits_for_who_has_stopped_reading, start_second),
		cmocka_unit_test_setup(a_flood_is_cut_counted_and_said, start_second),
		cmocka_unit_test(errno_survives_a_line),
		cmocka_unit_test(the_last_word_about_a_forbidden_call_is_said_at_any_level),
		cmocka_unit_test(only_the_four_level_names_are_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
