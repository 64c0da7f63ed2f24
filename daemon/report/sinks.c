/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/sinks.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "report/event_file.h"
#include "report/event_json.h"
#include "report/event_line.h"
#include "report/event_text.h"
#include "report/syslog_sink.h"

struct sinks {
	struct sinks_options options;
	struct recent *recent;
	struct syslog_sink *syslog;
	struct event_file file;
	bool is_coloured;
	bool syslog_is_lost;
	bool file_is_lost;
};

struct sinks *sinks_new(const struct sinks_options *options)
{
	struct sinks *sinks = calloc(1, sizeof(*sinks));

	if (!sinks)
		return NULL;
	sinks->options = *options;
	sinks->file.descriptor = options->event_file;
	sinks->is_coloured = isatty(STDERR_FILENO) == 1;
	sinks->recent = recent_new();
	/* In any case, so that a later configuration finds it connected. */
	sinks->syslog = syslog_sink_new(options->syslog_facility, NULL);
	if (!sinks->recent || !sinks->syslog) {
		sinks_free(sinks);
		return NULL;
	}
	return sinks;
}

void sinks_free(struct sinks *sinks)
{
	if (!sinks)
		return;
	recent_free(sinks->recent);
	syslog_sink_free(sinks->syslog);
	event_file_replace(&sinks->file, -1);
	free(sinks);
}

/* Not when the other end of the pipe has stopped reading: nobody is waited for. */
static void narrate(const struct sinks *sinks, const char *json)
{
	struct pollfd error_output = { .fd = STDERR_FILENO, .events = POLLOUT };
	char text[EVENT_SENTENCE_MAX + 1];
	size_t len;

	if (!sinks->options.narrates || poll(&error_output, 1, 0) != 1 ||
	    !event_text_print(text, json, sinks->is_coloured))
		return;
	len = strlen(text);
	text[len++] = '\n';
	(void)!write(STDERR_FILENO, text, len);
}

static void say_lost(bool *is_lost, int err, const char *what)
{
	if (err && !*is_lost)
		log_warn("%s does not take events error=\"%s\"", what, strerror(-err));
	if (!err && *is_lost)
		log_info("%s takes events again", what);
	*is_lost = err != 0;
}

static void tell_syslog(struct sinks *sinks, const struct event *event)
{
	char line[EVENT_LINE_MAX];

	event_line_print(line, event);
	say_lost(&sinks->syslog_is_lost,
	         syslog_sink_write(sinks->syslog, event_line_priority(event), line, event->time_ms),
	         "syslog");
}

void sinks_tell(struct sinks *sinks, const struct event *event)
{
	char json[EVENT_JSON_MAX];

	if (event_json_print(json, event) == 0)
		return;
	say_lost(&sinks->file_is_lost, event_file_write(&sinks->file, json), "event file");
	if (sinks->options.syslog_facility >= 0)
		tell_syslog(sinks, event);
	narrate(sinks, json);
	recent_add(sinks->recent, json);
	sinks->options.on_json(sinks->options.owner, json);
}

void sinks_configure(struct sinks *sinks, int syslog_facility, int event_file)
{
	sinks->options.syslog_facility = syslog_facility;
	if (syslog_facility >= 0)
		syslog_sink_set_facility(sinks->syslog, syslog_facility);
	event_file_replace(&sinks->file, event_file);
}

const struct recent *sinks_recent(const struct sinks *sinks)
{
	return sinks->recent;
}
