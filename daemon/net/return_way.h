/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_NET_RETURN_WAY_H
#define HOPGUARD_NET_RETURN_WAY_H

/*
 * A way into this machine for packets that are addressed to others and carry a mark: what answers a connection that was made in
 * another's name. Two rules and a route in each family (rtnetlink), of a routing table, priorities and a protocol of their own.
 */

#include <stdbool.h>
#include <stdint.h>

enum {
	RETURN_WAY_TABLE = 2525,
	/*
	 * Before all other rules, as nothing but such packets carries the mark. The first is for the kernel's own question whether a
	 * packet's source is beyond the interface it came by (rp_filter), which asks with the mark where src_valid_mark is set.
	 */
	RETURN_WAY_SOURCE_PRIORITY = 25,
	RETURN_WAY_PRIORITY = 26,
	RETURN_WAY_PROTOCOL = 25, /* who put them in: by it they are found again */
};

/* For packets with all bits of `mark`; what was there for another mark goes. 0 or -errno, of the first family that has trouble. */
int return_way_open(uint32_t mark);
/* Nothing there is no error. */
int return_way_close(void);
bool return_way_is_open(uint32_t mark);

#endif
