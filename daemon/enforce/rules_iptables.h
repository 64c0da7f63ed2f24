/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ENFORCE_RULES_IPTABLES_H
#define HOPGUARD_ENFORCE_RULES_IPTABLES_H

/*
 * The rules as chains HOPGUARD-* of the tables raw and mangle, and one jump to them in each
 * built-in chain: written, and recognised in what the programs save. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enforce/rules.h"

enum { RULES_IPTABLES_TABLES = 2, RULES_IPTABLES_CHAINS = 19 };

/* built_in: the chain that has the jump; NULL for one that only chains of ours lead to. */
struct rules_iptables_chain {
	const char *table;
	const char *name;
	const char *built_in;
	bool is_before_nft; /* stands beside the nft table, not among the chains of iptables */
};

extern const char *const rules_iptables_tables[RULES_IPTABLES_TABLES];
extern const struct rules_iptables_chain rules_iptables_chains[RULES_IPTABLES_CHAINS];

/* What of ours stands in a rule set, by the index of its chain. */
struct rules_iptables_standing {
	bool has_chain[RULES_IPTABLES_CHAINS];
	size_t rules[RULES_IPTABLES_CHAINS];
	size_t jumps[RULES_IPTABLES_CHAINS];
};

/* As rules_iptables_print, and what stands is replaced instead of doubled. */
size_t rules_iptables_script(char *text, size_t room, const struct rules *rules, uint8_t family,
                             const struct rules_iptables_standing *standing);

/* The same of what goes before the nft table. */
size_t rules_iptables_before_nft(char *text, size_t room, const struct rules *rules, uint8_t family,
                                 const struct rules_iptables_standing *standing);
/* A rule with the match that the rules' passage needs, in a chain of mangle that no packet comes by. */
size_t rules_iptables_passage_trial(char *text, size_t room, const struct rules *rules);

/* The script that takes out what stands; an empty text when there is nothing. False: no room. */
bool rules_iptables_removal(char *text, size_t room,
                            const struct rules_iptables_standing *standing);

/* Reads a rule set as the programs save it, or a script. */
void rules_iptables_read(struct rules_iptables_standing *standing, const char *text);

#endif
