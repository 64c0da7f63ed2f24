/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ENFORCE_RULES_TEXT_H
#define HOPGUARD_ENFORCE_RULES_TEXT_H

/*
 * What the writers of rule scripts share: text that grows within its room, and lists of networks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "enforce/rules.h"

struct rules_text {
	char *text; /* ends with a NUL */
	size_t room;
	size_t len;
	bool is_full; /* something did not fit: the text is useless */
};

struct rules_text rules_text_over(char *text, size_t room);
void rules_text_add(struct rules_text *script, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Octets written, 0 when something did not fit. */
size_t rules_text_len(const struct rules_text *script);
/* 25,587 with that separator. */
void rules_text_ports(struct rules_text *script, const struct rules *rules, const char *separator);

/* What no script of rules can hold, as comments: how answers to probes in a client's name find their way here. */
void rules_text_return_way(struct rules_text *script, const struct rules *rules, bool has_4,
                           bool has_6);

struct rules_networks {
	size_t count;
	struct network networks[RULES_NETWORKS_MAX];
};

/* Whether one of them has all of that network in it. */
bool rules_networks_cover(const struct network *networks, size_t count,
                          const struct network *network);
/* Those of one family (4 or 6), without those that another contains. */
void rules_networks_select(struct rules_networks *selected, const struct network *networks,
                           size_t count, uint8_t family);

#endif
