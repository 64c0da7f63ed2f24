/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_EXPLAIN_PAGE_H
#define HOPGUARD_REPORT_EXPLAIN_PAGE_H

/*
 * What the guard would require of a destination, and why: each host with its addresses, its promise and the evidence, and what
 * would be done when STARTTLS is missing there. One JSON line from the daemon, text for people.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "verdict/decide.h"
#include "verdict/promise.h"

/* 32 hosts with details of 255 octets each, every octet escaped, and 128 addresses. */
enum { EXPLAIN_JSON_MAX = 60 * 1024 };

struct explanation {
	const struct destination *destination; /* sound (verdict/sound.h) */
	const struct stance *stance;
	uint32_t age_s;
	bool is_cached;
};

/* Length without newline; 0: out of memory. */
size_t explain_json_print(char text[EXPLAIN_JSON_MAX], const struct explanation *explanation);
/* Something could not be looked up, or is bogus: an exit status of 1. */
bool explain_is_finding(const struct destination *destination);
/* False when `json` is no explanation. */
bool explain_text_print(FILE *out, const char *json, bool is_coloured);

#endif
