/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_SYSLOG_SINK_H
#define HOPGUARD_REPORT_SYSLOG_SINK_H

/*
 * Lines to the local syslog daemon. Not by syslog(3), which waits for a hung daemon without end and does not say when
 * there is none: this one never waits, counts what was lost, and tries again.
 */

#include <stdint.h>

struct syslog_sink;

/* facility as in syslog.h (LOG_MAIL). path NULL: /dev/log. NULL: out of memory. No daemon there is no failure. */
struct syslog_sink *syslog_sink_new(int facility, const char *path);
void syslog_sink_free(struct syslog_sink *sink);
void syslog_sink_set_facility(struct syslog_sink *sink, int facility);

/* time_ms: wall clock. 0 or -errno; the line is then lost and counted. */
int syslog_sink_write(struct syslog_sink *sink, int priority, const char *line, uint64_t time_ms);
uint64_t syslog_sink_lost(const struct syslog_sink *sink);

#endif
