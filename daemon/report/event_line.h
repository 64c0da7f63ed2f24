/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_EVENT_LINE_H
#define HOPGUARD_REPORT_EVENT_LINE_H

/* An event as the one key=value line that syslog gets, without program name and newline. */

#include <stddef.h>

#include "verdict/event.h"

/* Room for an ordinary event; many syslog daemons cut at 2 KB or 8 KB (RFC 5424 section 6.1). */
enum { EVENT_LINE_MAX = 2048 };

/* Length; a longer line is cut. The event must be sound (verdict/sound.h). */
size_t event_line_print(char text[EVENT_LINE_MAX], const struct event *event);

/* LOG_INFO, LOG_WARNING… of syslog(3). */
int event_line_priority(const struct event *event);

#endif
