/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_KEY_OBJECT_H
#define HOPGUARD_REPORT_KEY_OBJECT_H

/* The key of a server as JSON: {"outcome":"mismatch","spki":"60b8…","names":"mx1.example.org","not_after":"2027-…",…}. */

#include <jansson.h>

#include "verdict/key_finding.h"

/* A member `name` of object; nothing where nobody looked at a key. */
void key_object_put(json_t *object, const char *name, const struct key_finding *finding);

#endif
