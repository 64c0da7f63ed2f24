/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/syslog_sink.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

/* A syslog daemon in a directory of its own. */
struct daemon {
	char directory[32];
	char path[64];
	int socket;
};

static int open_daemon(const struct daemon *daemon)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int opened = socket(AF_UNIX, SOCK_DGRAM, 0);

	strcpy(address.sun_path, daemon->path);
	assert_int_equal(bind(opened, (struct sockaddr *)&address, sizeof(address)), 0);
	return opened;
}

static int set_up(void **state)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));

	assert_non_null(daemon);
	strcpy(daemon->directory, "/tmp/hopguard-syslog-XXXXXX");
	assert_non_null(mkdtemp(daemon->directory));
	snprintf(daemon->path, sizeof(daemon->path), "%s/log", daemon->directory);
	daemon->socket = open_daemon(daemon);
	setenv("TZ", "UTC", 1);
	*state = daemon;
	return 0;
}

static int tear_down(void **state)
{
	struct daemon *daemon = *state;

	close(daemon->socket);
	unlink(daemon->path);
	rmdir(daemon->directory);
	free(daemon);
	return 0;
}

static const char *read_line(const struct daemon *daemon, char line[8192])
{
	ssize_t len = recv(daemon->socket, line, 8191, MSG_DONTWAIT);

	line[len > 0 ? len : 0] = '\0';
	return line;
}

static void a_line_has_priority_time_and_program(void **state)
{
	const struct daemon *daemon = *state;
	struct syslog_sink *sink = syslog_sink_new(LOG_MAIL, daemon->path);
	char line[8192], want[128];

	assert_int_equal(syslog_sink_write(sink, LOG_WARNING, "ready text=x", 1795341600123), 0);
	snprintf(want, sizeof(want), "<20>Nov 22 10:00:00 hopguard[%d]: ready text=x", getpid());
	assert_string_equal(read_line(daemon, line), want);
	syslog_sink_set_facility(sink, LOG_LOCAL0);
	assert_int_equal(syslog_sink_write(sink, LOG_WARNING, "x", 0), 0);
	assert_memory_equal(read_line(daemon, line), "<132>", 5);
	syslog_sink_free(sink);
}

static void without_a_daemon_a_line_is_lost_and_counted_and_the_next_tries_again(void **state)
{
	struct daemon *daemon = *state;
	struct syslog_sink *sink;
	char line[8192];

	close(daemon->socket);
	unlink(daemon->path);
	sink = syslog_sink_new(LOG_MAIL, daemon->path);
	assert_int_equal(syslog_sink_write(sink, LOG_INFO, "lost", 0), -ENOENT);
	assert_int_equal(syslog_sink_lost(sink), 1);
	daemon->socket = open_daemon(daemon);
	assert_int_equal(syslog_sink_write(sink, LOG_INFO, "found", 0), 0);
	assert_non_null(strstr(read_line(daemon, line), "found"));
	assert_int_equal(syslog_sink_lost(sink), 1);
	syslog_sink_free(sink);
}

static void a_daemon_that_was_started_again_misses_nothing(void **state)
{
	struct daemon *daemon = *state;
	struct syslog_sink *sink = syslog_sink_new(LOG_MAIL, daemon->path);
	char line[8192];

	assert_int_equal(syslog_sink_write(sink, LOG_INFO, "before", 0), 0);
	close(daemon->socket);
	unlink(daemon->path);
	daemon->socket = open_daemon(daemon);
	assert_int_equal(syslog_sink_write(sink, LOG_INFO, "after", 0), 0);
	assert_non_null(strstr(read_line(daemon, line), "after"));
	syslog_sink_free(sink);
}

static void a_daemon_that_does_not_read_is_not_waited_for(void **state)
{
	const struct daemon *daemon = *state;
	struct syslog_sink *sink = syslog_sink_new(LOG_MAIL, daemon->path);
	int err = 0, i;

	for (i = 0; i < 100000 && err == 0; i++)
		err = syslog_sink_write(sink, LOG_INFO, "more and more", 0);
	assert_int_equal(err, -EAGAIN);
	assert_int_equal(syslog_sink_lost(sink), 1);
	syslog_sink_free(sink);
}

static void a_line_that_is_too_long_is_cut(void **state)
{
	const struct daemon *daemon = *state;
	struct syslog_sink *sink = syslog_sink_new(LOG_MAIL, daemon->path);
	char line[8192], longest[8000];

	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(syslog_sink_write(sink, LOG_INFO, longest, 0), 0);
	assert_int_equal(strlen(read_line(daemon, line)), 4095);
	syslog_sink_free(sink);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_has_priority_time_and_program, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(
			without_a_daemon_a_line_is_lost_and_counted_and_the_next_tries_again,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_daemon_that_was_started_again_misses_nothing,
		                                set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_daemon_that_does_not_read_is_not_waited_for,
		                                set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_line_that_is_too_long_is_cut, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
