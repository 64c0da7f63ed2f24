/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/syslog_sink.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { SYSLOG_LINE_MAX = 4096 };

struct syslog_sink {
	struct sockaddr_un address;
	int facility;
	int socket; /* -1: not connected */
	uint64_t lost;
};

static int connect_socket(struct syslog_sink *sink)
{
	if (sink->socket >= 0)
		return 0;
	sink->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sink->socket < 0)
		return -errno;
	if (connect(sink->socket, (const struct sockaddr *)&sink->address, sizeof(sink->address))) {
		int err = -errno;

		close(sink->socket);
		sink->socket = -1;
		return err;
	}
	return 0;
}

struct syslog_sink *syslog_sink_new(int facility, const char *path)
{
	struct syslog_sink *sink = calloc(1, sizeof(*sink));

	if (!sink)
		return NULL;
	sink->facility = facility;
	sink->socket = -1;
	sink->address.sun_family = AF_UNIX;
	snprintf(sink->address.sun_path, sizeof(sink->address.sun_path), "%s",
	         path ? path : "/dev/log");
	/* Early, before the process gives up its files; if nobody is there yet, the first line tries again. */
	(void)connect_socket(sink);
	return sink;
}

void syslog_sink_free(struct syslog_sink *sink)
{
	if (!sink)
		return;
	if (sink->socket >= 0)
		close(sink->socket);
	free(sink);
}

void syslog_sink_set_facility(struct syslog_sink *sink, int facility)
{
	sink->facility = facility;
}

/* A daemon that was restarted has a new socket: the old connection answers with one of these. */
static bool is_gone(int err)
{
	return err == -ECONNREFUSED || err == -ECONNRESET || err == -ENOTCONN || err == -EPIPE;
}

static int send_line(struct syslog_sink *sink, const char *line, size_t len)
{
	int err = connect_socket(sink);

	if (err)
		return err;
	if (send(sink->socket, line, len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return 0;
	err = -errno;
	if (is_gone(err)) {
		close(sink->socket);
		sink->socket = -1;
	}
	return err;
}

int syslog_sink_write(struct syslog_sink *sink, int priority, const char *line, uint64_t time_ms)
{
	time_t seconds = (time_t)(time_ms / 1000);
	char text[SYSLOG_LINE_MAX];
	char date[32] = "";
	struct tm local;
	size_t len;
	int wanted, err;

	/* RFC 3164 section 4.1: what every /dev/log reader takes. */
	if (localtime_r(&seconds, &local))
		(void)strftime(date, sizeof(date), "%b %e %H:%M:%S", &local);
	wanted = snprintf(text, sizeof(text), "<%d>%s hopguard[%d]: %s", sink->facility | priority,
	                  date, (int)getpid(), line);
	if (wanted < 0)
		return -EINVAL;
	len = (size_t)wanted < sizeof(text) ? (size_t)wanted : sizeof(text) - 1;
	err = send_line(sink, text, len);
	if (is_gone(err))
		err = send_line(sink, text, len);
	if (err)
		sink->lost++;
	return err;
}

uint64_t syslog_sink_lost(const struct syslog_sink *sink)
{
	return sink->lost;
}
