/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_NET_RULESET_WATCH_H
#define HOPGUARD_NET_RULESET_WATCH_H

/*
 * Tells that this machine's packet filter was changed, by whomever: nftables (and iptables-nft, which writes nftables rules) says so
 * over netlink; of iptables-legacy the kernel says only how many rules a table has now.
 */

#include <stdbool.h>

struct ruleset_watch;

/* is_legacy: of iptables-legacy, too. 0 or -errno. */
int ruleset_watch_open(struct ruleset_watch **opened, bool is_legacy);
void ruleset_watch_close(struct ruleset_watch *watch);

/* Readable when nftables was changed. Borrowed. */
int ruleset_watch_descriptor(const struct ruleset_watch *watch);

/* Whether something may have changed since the last call; it need not have, nor concern us. */
bool ruleset_watch_changed(struct ruleset_watch *watch);

#endif
