/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_RECENT_H
#define HOPGUARD_REPORT_RECENT_H

/* The latest events as JSON lines, for `hopguard events`. */

#include <stddef.h>

enum { RECENT_EVENTS_MAX = 2000 };

struct recent;

/* NULL: out of memory. */
struct recent *recent_new(void);
void recent_free(struct recent *recent);

/* Copies the line; the oldest leaves. Out of memory: it is not kept. */
void recent_add(struct recent *recent, const char *json);
size_t recent_count(const struct recent *recent);
/* 0 is the oldest. Borrowed until the next recent_add. */
const char *recent_at(const struct recent *recent, size_t index);

#endif
