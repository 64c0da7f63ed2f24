/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ENFORCE_MARK_H
#define HOPGUARD_ENFORCE_MARK_H

/* The four mark bits that are ours, from the configured mask (exactly four bits, adjacent). */

#include <stdbool.h>
#include <stdint.h>

struct marks {
	uint32_t mask;
	uint32_t offload;   /* connmark: needs no more watching; the packet mark that asks for it */
	uint32_t to_client; /* packet mark: our own, untracked, never queued */
	/* Packet mark: our own or passed by us, tracked, never queued (again). */
	uint32_t to_server;
	/* Packet mark, kept as connmark: connections we open in a client's name, never queued; what answers them comes to us. */
	uint32_t own;
	uint32_t returned; /* packet mark, both of to_client and own: an answer to one of those */
};

/* False unless the mask is four adjacent bits. */
bool marks_of(struct marks *marks, uint32_t mask);

#endif
