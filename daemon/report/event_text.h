/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_EVENT_TEXT_H
#define HOPGUARD_REPORT_EVENT_TEXT_H

/* An event for people: one line, from its JSON, so that the daemon and `hopguard events` say the same. */

#include <stdbool.h>
#include <stddef.h>

enum { EVENT_SENTENCE_MAX = 2048 };

/* No newline at the end. False when `json` is no event. */
bool event_text_print(char text[EVENT_SENTENCE_MAX], const char *json, bool is_coloured);

#endif
