/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_FLUSH_PAGE_H
#define HOPGUARD_REPORT_FLUSH_PAGE_H

/* What `hopguard flush` has done: as JSON line from the daemon, as text for people. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { FLUSH_JSON_MAX = 64 };

/* Length without newline; 0: out of memory. */
size_t flush_json_print(char text[FLUSH_JSON_MAX], uint32_t forgotten);
/* False when `json` is no such answer. */
bool flush_text_print(FILE *out, const char *json, const char *name);

#endif
