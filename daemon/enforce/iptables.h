/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ENFORCE_IPTABLES_H
#define HOPGUARD_ENFORCE_IPTABLES_H

/*
 * Our iptables rules put in and taken out, for both families, by the -nft or the -legacy
 * programs.
 */

#include <stdbool.h>

#include "enforce/rules.h"

struct iptables {
	bool is_legacy;
	int lock;           /* of rules_lock_open */
	bool is_before_nft; /* only what goes before the nft table; by the -legacy programs */
};

/* Each: 0, or -errno with one line in why. */

/* Whether kernel and programs can carry such rules; tried in a chain that goes again. */
int iptables_probe(const struct iptables *iptables, char why[RULES_WHY_MAX]);
int iptables_try_passage(const struct iptables *iptables, const struct rules *rules,
                         char why[RULES_WHY_MAX]);
/* Fails for both families or for none, unless rules of ours stood before. */
int iptables_apply(const struct iptables *iptables, const struct rules *rules,
                   char why[RULES_WHY_MAX]);
/* -ENOENT: this machine has no such rules, for want of a program or of the kernel's part. */
int iptables_remove(const struct iptables *iptables, char why[RULES_WHY_MAX]);
bool iptables_are_present(const struct iptables *iptables, const struct rules *rules);

#endif
