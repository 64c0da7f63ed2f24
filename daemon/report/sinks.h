/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_SINKS_H
#define HOPGUARD_REPORT_SINKS_H

/*
 * Where events go: event file, syslog, standard error, and memory for those who ask. None of them is waited for; one that
 * fails is said once, and tried again with each event.
 */

#include <stdbool.h>

#include "report/recent.h"
#include "verdict/event.h"

struct sinks_options {
	int syslog_facility; /* LOG_MAIL…; -1: none */
	int event_file;      /* open for appending, taken over; -1: none */
	bool narrates;       /* text to standard error */
	/* Each event's JSON, for followers. */
	void (*on_json)(void *owner, const char *json);
	void *owner;
};

struct sinks;

/* NULL: out of memory. */
struct sinks *sinks_new(const struct sinks_options *options);
void sinks_free(struct sinks *sinks);

/* The event must be sound (verdict/sound.h). */
void sinks_tell(struct sinks *sinks, const struct event *event);
/* Takes the new event file over (-1: none). */
void sinks_configure(struct sinks *sinks, int syslog_facility, int event_file);
const struct recent *sinks_recent(const struct sinks *sinks);

#endif
