/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_FLOW_DOTS_H
#define HOPGUARD_FLOW_DOTS_H

/*
 * What is remembered of message octets that are no longer kept but may still be sent again: where their dots stand,
 * and whether a line end (CR or LF) stands beside each. An end of data is a dot between two line ends, so copies that
 * agree with this memory cannot make up one, however they are cut and whichever of them the receiver prefers.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"
#include "base/bytes.h"

enum {
	/* Plain text has a dot in about 80 octets, base64 none: two megabytes of text in flight, four octets each. */
	DOTS_MAX = 32768,
	/* All dots of one memory lie within this stretch of the sequence space: they are told apart by 30 bits. */
	DOTS_STRETCH_MAX = 1 << 28,
};

struct dots;

/* budget outlives it. NULL: out of memory or budget. */
struct dots *dots_new(struct budget *budget);
void dots_free(struct dots *dots);

/* In ascending order; the last one again is taken as the same. False: no room. */
bool dots_add(struct dots *dots, uint32_t seq, bool line_end_before, bool line_end_behind);
/* Forgets all before seq. */
void dots_forget(struct dots *dots, uint32_t seq);

/*
 * The octets have dots exactly where dots are remembered, and line ends beside these (also beside a dot just outside)
 * exactly where line ends are remembered.
 */
bool dots_agree(const struct dots *dots, uint32_t seq, struct bytes octets);
/* A dot among the octets stands between two line ends, which are among them, too. */
bool dots_end_data(struct bytes octets);

#endif
