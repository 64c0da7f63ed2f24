/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_ENFORCE_PLAIN_RULES_H
#define HOPGUARD_TESTS_UNIT_ENFORCE_PLAIN_RULES_H

/* Rules to begin with, and the text that they are printed to. Behind cmocka.h. */

#include <string.h>

#include "enforce/rules.h"
#include "enforce/rules_iptables.h"

static char text[RULES_TEXT_MAX];

/*
 * What the files in rules/ are printed from: the defaults, but only those networks that are the
 * same everywhere.
 */
static inline struct rules plain_rules(void)
{
	struct rules rules = {
		.queue_first = 2500,
		.queue_count = 4,
		.is_bypassed = true,
		.returns_probes = true,
		.has_forward = true,
		.has_output = true,
		.ports = { 25 },
		.port_count = 1,
	};
	static const char *const clients[] = {
		"10.0.0.0/8",     "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
		"169.254.0.0/16", "fc00::/7",      "fe80::/10",
	};
	size_t i;

	assert_true(marks_of(&rules.marks, 0x0f000000));
	for (i = 0; i < sizeof(clients) / sizeof(clients[0]); i++)
		assert_true(network_parse(&rules.clients[rules.client_count++], clients[i]));
	return rules;
}

static inline size_t count_of(const char *word)
{
	size_t count = 0;
	const char *at;

	for (at = strstr(text, word); at; at = strstr(at + 1, word))
		count++;
	return count;
}

#endif
