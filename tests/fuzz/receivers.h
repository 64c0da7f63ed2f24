/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_FUZZ_RECEIVERS_H
#define HOPGUARD_TESTS_FUZZ_RECEIVERS_H

/* Two receivers of one stream: of copies of an octet one takes the first, the other the last. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum { RECEIVERS_ROOM = 6000 };

/* All zero: nothing came. */
struct receivers {
	uint8_t got[2][RECEIVERS_ROOM]; /* first copies, last copies */
	bool has[RECEIVERS_ROOM];
	size_t begin, len; /* no gap between: the application has it, and takes no other copies */
};

/* at: of the first octet, counted from the stream's first; (size_t)-1 is one before. */
static inline void receivers_take(struct receivers *receivers, size_t at, struct bytes payload)
{
	for (size_t i = 0; i < payload.len; i++) {
		size_t place = at + i;

		if (place >= RECEIVERS_ROOM || place < receivers->len)
			continue;
		if (!receivers->has[place])
			receivers->got[0][place] = payload.data[i];
		receivers->got[1][place] = payload.data[i];
		receivers->has[place] = true;
	}
	while (receivers->len < RECEIVERS_ROOM && receivers->has[receivers->len])
		receivers->len++;
}

/* The application's first octet is that one. */
static inline void receivers_begin_at(struct receivers *receivers, size_t at)
{
	receivers->begin = receivers->len = at < RECEIVERS_ROOM ? at : RECEIVERS_ROOM;
	while (receivers->len < RECEIVERS_ROOM && receivers->has[receivers->len])
		receivers->len++;
}

#endif
