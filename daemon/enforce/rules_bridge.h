/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ENFORCE_RULES_BRIDGE_H
#define HOPGUARD_ENFORCE_RULES_BRIDGE_H

/*
 * Frames that a bridge does not show to the rules for IP, and that hosts take for mail all the same: in VLAN 0 (a mere priority, IEEE
 * 802.1Q), whichever type its tag has and however many there are, and IP behind a SNAP header (RFC 1042). Table `bridge hopguard` of
 * nftables, beside each back-end, drops those that may be mail.
 */

#include <stdbool.h>
#include <stddef.h>

#include "enforce/rules.h"

/*
 * The script for `nft -f`. Empty, and 0, where nothing is asked of bridges, or none brings its packets to the rules for IP
 * (br_netfilter). 0 also when room is too small.
 */
size_t rules_bridge_print(char *text, size_t room, const struct rules *rules);

/* As this machine's bridges want it, or nothing in its place. 0, or -errno with one line in why. */
int rules_bridge_apply(const struct rules *rules, char why[RULES_WHY_MAX]);
int rules_bridge_remove(char why[RULES_WHY_MAX]);
/* It ought to be there, and could be. */
bool rules_bridge_is_missing(const struct rules *rules);

#endif
