/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 1024, LINES_PER_SECOND_MAX = 50 };

static const char *const level_names[] = { "error", "warn", "info", "debug" };

/* The only mutable state at file scope in the program: a log line may come from anywhere. */
static struct {
	const char *process;
	enum log_level level;
	time_t second;
	unsigned lines;    /* written in this second */
	unsigned left_out; /* since the last line that was written */
} writer = { .process = "hopguard", .level = LOG_LEVEL_INFO };

void log_open(const char *process, enum log_level level)
{
	writer.process = process;
	writer.level = level;
}

void log_set_level(enum log_level level)
{
	writer.level = level;
}

bool log_level_parse(enum log_level *level, const char *text)
{
	size_t i;

	for (i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

bool log_is_on(enum log_level level)
{
	return level <= writer.level;
}

/*
 * What strangers sent may be in a line: it must not forge another one, nor steer a terminal. Nobody is waited for who has stopped reading:
 * a pipe and a socket that have room have it for a line.
 */
static bool write_line(char *line, size_t len)
{
	struct pollfd output = { .fd = STDERR_FILENO, .events = POLLOUT };
	size_t i;
	ssize_t written;

	if (poll(&output, 1, 0) != 1)
		return false;
	for (i = 0; i < len; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	}
	line[len] = '\n';
	do {
		written = write(STDERR_FILENO, line, len + 1);
	} while (written < 0 && errno == EINTR);
	return true;
}

/* Octets that snprintf put into room, which it may have wanted to exceed. */
static size_t printed(int wanted, size_t room)
{
	if (wanted < 0)
		return 0;
	return (size_t)wanted < room ? (size_t)wanted : room - 1;
}

static void say_left_out(void)
{
	char line[LINE_MAX_LEN];
	int wanted = snprintf(line, sizeof(line), "%s: warn: log lines left out count=%u",
	                      writer.process, writer.left_out);

	if (write_line(line, printed(wanted, sizeof(line))))
		writer.left_out = 0;
}

static bool is_within_rate(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec != writer.second) {
		writer.second = now.tv_sec;
		writer.lines = 0;
	}
	if (writer.lines >= LINES_PER_SECOND_MAX) {
		writer.left_out++;
		return false;
	}
	writer.lines++;
	return true;
}

void log_line(enum log_level level, const char *format, ...)
{
	char line[LINE_MAX_LEN];
	int saved_errno = errno;
	va_list arguments;
	size_t len;

	if (!log_is_on(level))
		return;
	if (!is_within_rate())
		goto restore_errno;
	if (writer.left_out > 0)
		say_left_out();
	len = printed(snprintf(line, sizeof(line), "%s: %s: ", writer.process, level_names[level]),
	              sizeof(line));
	va_start(arguments, format);
	len += printed(vsnprintf(line + len, sizeof(line) - len, format, arguments),
	               sizeof(line) - len);
	va_end(arguments);
	if (!write_line(line, len))
		writer.left_out++;

restore_errno:
	errno = saved_errno;
}

/* snprintf takes neither a lock nor memory for these. */
void log_forbidden_call(const char *name, int number)
{
	char line[LINE_MAX_LEN];
	int wanted = snprintf(line, sizeof(line), "%s: error: forbidden system call=%s number=%d",
	                      writer.process, name ? name : "?", number);

	(void)write_line(line, printed(wanted, sizeof(line)));
}
