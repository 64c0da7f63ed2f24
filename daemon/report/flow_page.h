/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_FLOW_PAGE_H
#define HOPGUARD_REPORT_FLOW_PAGE_H

/* A connection as `hopguard flows` shows it: as JSON line from the daemon, as text for people. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/address.h"

enum { FLOW_JSON_MAX = 2048 };

struct flow_row {
	unsigned guard;
	struct endpoint client;
	struct endpoint server;
	const char *state;
	const char *domain; /* may be empty */
	uint32_t age_s;
	uint32_t idle_s;
	uint32_t held_packets;
};

/* Length without newline; 0: out of memory. */
size_t flow_json_print(char text[FLOW_JSON_MAX], const struct flow_row *row);
void flow_text_head(FILE *out);
/* False when `json` is no flow. */
bool flow_text_print(FILE *out, const char *json);

#endif
