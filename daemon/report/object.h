/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_OBJECT_H
#define HOPGUARD_REPORT_OBJECT_H

/* Members of a JSON object, written and read the way all pages do it. */

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Printable ASCII of `value` (report/line.h); an empty one is left out. */
void object_put(json_t *object, const char *key, const char *value);
void object_put_number(json_t *object, const char *key, uint64_t value);

/*
 * What an answer says, for a page: its strings as printable ASCII, without members whose names are none. They have words of strangers, and
 * none of those steers a terminal. NULL: it is no JSON. The caller gives up the reference.
 */
json_t *object_read(const char *json);

/* The member; empty or 0 when absent or of another type. */
const char *object_text(const json_t *object, const char *key);
long long object_number(const json_t *object, const char *key);

/* Takes the object over. Length of the line without newline; 0: out of memory, or room is too small. */
size_t object_print(char *text, size_t room, json_t *object);

#endif
