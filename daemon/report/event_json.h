/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_EVENT_JSON_H
#define HOPGUARD_REPORT_EVENT_JSON_H

/* An event as one JSON object on one line: the format that other people's programs rely on (hopguard(8), EVENTS). */

#include <stddef.h>

#include "verdict/event.h"

/* Every string of an event at its longest, each octet escaped, and the frame. */
enum { EVENT_JSON_MAX = 8192 };

/* Without a newline. Length, or 0 when out of memory. The event must be sound (verdict/sound.h). */
size_t event_json_print(char text[EVENT_JSON_MAX], const struct event *event);

#endif
