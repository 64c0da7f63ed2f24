/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_RFC3339_H
#define HOPGUARD_BASE_RFC3339_H

/* Times as text: "2026-11-22T10:00:00Z" (RFC 3339 section 5.6). */

#include <stdbool.h>
#include <stdint.h>

enum { RFC3339_TEXT_MAX = sizeof("9999-12-31T23:59:59Z") };

/* The last second of the year 9999. */
#define RFC3339_TIME_MAX UINT64_C(253402300799)

/* Seconds since 1970; a fraction is cut off, a leap second counts as the one before. False: no such time, or before 1970. */
bool rfc3339_parse(uint64_t *time_s, const char *text);

/* In UTC. Returns text. */
const char *rfc3339_format(char text[RFC3339_TEXT_MAX], uint64_t time_s);

#endif
